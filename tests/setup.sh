#!/usr/bin/env bash
# Makes sure that what building and testing need is there. Idempotent, and quick when nothing is missing.
#
#   tests/setup.sh build    the compilers
#   tests/setup.sh test     those, and the independent clients and tools that the tests drive
#   tests/setup.sh coverage the same, and what counts which lines the tests reach
#
# As root it installs missing Debian packages; otherwise it lists them and stops with exit 1. Everything that is not a
# Debian package goes to tests/.cache, which git ignores.
set -euo pipefail

readonly scope="${1:-test}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
readonly cache="$root/tests/.cache"
readonly requirements="$root/tests/interop/requirements.txt"
readonly grpcurl_version="v1.8.9"
readonly llvm_cov_version="0.9.1"
readonly h2spec_module="$root/tests/interop/h2spec"
readonly go_client="$root/tests/interop/go"
readonly node_client="$root/tests/interop/node"

has() { command -v "$1" >/dev/null 2>&1; }

# Debian packages whose programs are missing.
missing_packages() {
  has cc && has make || echo build-essential
  [ "$scope" = build ] && return
  has python3 || echo python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
  has go || echo golang-go
  has valgrind || echo valgrind
  has strace || echo strace
  has h2load || echo nghttp2-client
  has node || echo nodejs
  has npm || echo npm
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
    echo "setup: these Debian packages are missing: ${packages[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${packages[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# A folder of Python packages, made anew when the list of versions changes.
install_python() {
  local stamp="$cache/venv/.requirements"
  cmp -s "$requirements" "$stamp" && return
  echo "setup: making the Python environment"
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$stamp"
}

install_grpcurl() {
  local program="$cache/bin/grpcurl-$grpcurl_version"
  if [ ! -x "$program" ]; then
    echo "setup: building grpcurl $grpcurl_version"
    GOBIN="$cache/bin" go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version"
    mv "$cache/bin/grpcurl" "$program"
  fi
  ln -sfn "grpcurl-$grpcurl_version" "$cache/bin/grpcurl"
}

# From versions that are fixed in a go.mod of ours; built anew when that changes.
install_h2spec() {
  local stamp="$cache/bin/.h2spec.mod"
  [ -x "$cache/bin/h2spec" ] && cmp -s "$h2spec_module/go.mod" "$stamp" && return
  echo "setup: building h2spec"
  (cd "$h2spec_module" && go build -mod=readonly -o "$cache/bin/h2spec" github.com/summerwind/h2spec/cmd/h2spec)
  cp "$h2spec_module/go.mod" "$stamp"
}

# Our client with grpc-go; built anew when its code or its versions change.
install_go_client() {
  local stamp="$cache/bin/.interop-go" state
  state="$(cat "$go_client"/*.go "$go_client/go.mod" "$go_client/go.sum" | cksum)"
  [ -x "$cache/bin/interop-go" ] && [ "$state" = "$(cat "$stamp" 2>/dev/null)" ] && return
  echo "setup: building the client with grpc-go"
  (cd "$go_client" && go build -mod=readonly -o "$cache/bin/interop-go" .)
  echo "$state" >"$stamp"
}

# The packages of our client with grpc-js, anew when their versions change.
install_node_packages() {
  local stamp="$cache/node/.package-lock"
  cmp -s "$node_client/package-lock.json" "$stamp" && return
  echo "setup: installing grpc-js"
  rm -rf "$cache/node"
  mkdir -p "$cache/node"
  cp "$node_client/package.json" "$node_client/package-lock.json" "$cache/node/"
  # Nothing of these needs its installation scripts.
  (cd "$cache/node" && npm ci --silent --ignore-scripts --no-audit --no-fund)
  cp "$node_client/package-lock.json" "$stamp"
}

# Reads the counters that the compiler's own tools have put into the programs.
install_coverage() {
  local program="$cache/bin/cargo-llvm-cov-$llvm_cov_version"
  if [ ! -x "$program" ]; then
    echo "setup: building cargo-llvm-cov $llvm_cov_version"
    cargo install --quiet --locked --root "$cache" --version "$llvm_cov_version" cargo-llvm-cov
    mv "$cache/bin/cargo-llvm-cov" "$program"
  fi
  ln -sfn "cargo-llvm-cov-$llvm_cov_version" "$cache/bin/cargo-llvm-cov"
  [ -x "$(rustc --print target-libdir)/../bin/llvm-profdata" ] || rustup component add llvm-tools
}

if ! has cargo; then
  echo "setup: cargo is missing: install the Rust toolchain, with rustfmt and clippy" >&2
  exit 1
fi
install_packages
if [ "$scope" = test ] || [ "$scope" = coverage ]; then
  mkdir -p "$cache/bin"
  install_python
  install_grpcurl
  install_h2spec
  install_go_client
  install_node_packages
fi
if [ "$scope" = coverage ]; then
  install_coverage
fi
