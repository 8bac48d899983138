#!/usr/bin/env bash
# Runs the tests with counters in every line, prints what they reach for each crate and each backend, writes an HTML
# report, and fails when a backend is below its floor (tests/coverage.py).
#
#   tests/coverage.sh                 everything that is not about counts of instructions and the like
#   tests/coverage.sh memstore        what tests backends/memstore: its own tests, and conformance through the proxy
#   tests/coverage.sh -p CRATE ...    these arguments of `cargo test` instead
#
# The programs that tests start are counted too, and also when they are killed: their counters lie in files that are
# mapped into them.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
export PATH="$root/tests/.cache/bin:$PATH"

# What tests have cargo build goes where the tests are.
export CARGO_TARGET_DIR="$root/target/coverage"
export CARGO_INCREMENTAL=0
environment="$(cargo llvm-cov show-env --sh 2>/dev/null)"
eval "$environment"
# %m: one file for each program; %c: mapped, so that nothing is lost with the process.
export LLVM_PROFILE_FILE="$CARGO_TARGET_DIR/prism-%m%c.profraw"
export RUSTFLAGS="${RUSTFLAGS:-} -Cllvm-args=-runtime-counter-relocation"

tests=("$@")
if [ "${#tests[@]}" -eq 0 ]; then
  # Left out: what counts instructions, allocations and system calls, which the counters change, and what lets floods
  # loose, whose subject is the engine's time.
  tests=(--workspace --lib --bins --test e2e --test differential --test interop --test fuzz_replay --test crossing
    --test serving --test bounds --test fairness --test stopping)
elif [ "$*" = memstore ]; then
  tests=(--package prism-backends --package prism-tests --lib --test conformance)
fi

# Counts of an earlier run, whose programs may be others.
cargo llvm-cov clean --profraw-only
cargo test "${tests[@]}"
cargo llvm-cov report --html --ignore-filename-regex 'generated/' >/dev/null
cargo llvm-cov report --json --summary-only --ignore-filename-regex 'generated/' |
  python3 tests/coverage.py "$root"
echo "coverage: the report is ${CARGO_TARGET_DIR#"$root/"}/llvm-cov/html/index.html"
