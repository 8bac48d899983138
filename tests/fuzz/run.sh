#!/usr/bin/env bash
# Fuzzes a target, keeps what covers most in its corpus, and writes a line into README.md.
#
#   tests/fuzz/run.sh TARGET [SECONDS]
#
# It needs nightly Rust and cargo-fuzz (`cargo install --locked cargo-fuzz`). A finding ends it with exit 1; the input
# lies in tests/.cache/fuzz/artifacts/TARGET, and TARGET replays it:
#   tests/.cache/fuzz/target/x86_64-unknown-linux-gnu/release/TARGET FILE
set -euo pipefail

readonly target="${1:?usage: run.sh TARGET [SECONDS]}"
readonly seconds="${2:-1200}"
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly folder
readonly committed="$folder/corpus/$target"
readonly cache="$folder/../.cache/fuzz"
readonly evolved="$cache/corpus/$target"
readonly artifacts="$cache/artifacts/$target"
readonly log="$cache/$target.log"
# What `make test` replays stays small.
readonly files_max=200
readonly bytes_max=204800

cd "$folder/../.."
mkdir -p "$committed" "$evolved" "$artifacts"
commit="$(git describe --always --dirty --exclude '*')"
# Nothing of ours is unsafe here, so that no sanitizer has anything to see; debug assertions are on.
nice -n 19 cargo +nightly fuzz build --fuzz-dir "$folder" --target-dir "$cache/target" --sanitizer none "$target"
program="$(find "$cache/target" -path "*/release/$target" -type f -perm -u+x | head -n 1)"
readonly commit program

findings_before="$(find "$artifacts" -type f | wc -l)"
begun="$SECONDS"
outcome=0
nice -n 19 "$program" "$evolved" "$committed" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=8192 \
  -print_final_stats=1 -artifact_prefix="$artifacts/" >"$log" 2>&1 || outcome=$?
lasted=$((SECONDS - begun))
findings=$(($(find "$artifacts" -type f | wc -l) - findings_before))

# The smallest set of inputs that covers what all of them cover; when it is too large, a cut through all sizes.
least="$(mktemp -d)"
trap 'rm -rf "$least"' EXIT
nice -n 19 "$program" -set_cover_merge=1 -rss_limit_mb=2048 "$least" "$evolved" "$committed" >>"$log" 2>&1
rm -f "$committed"/*
find "$least" -type f -printf '%s %p\n' | sort -n |
  awk -v files_max="$files_max" -v bytes_max="$bytes_max" '
    { size[NR] = $1; path[NR] = $2; bytes += $1 }
    END {
      step = NR / files_max > bytes / bytes_max ? NR / files_max : bytes / bytes_max
      if (step < 1) step = 1
      for (at = 1; at <= NR; at += step) {
        kept += size[int(at)]
        if (kept <= bytes_max) print path[int(at)]
      }
    }' | xargs -r cp -t "$committed"

executions="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
coverage="$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1 | tr -d ':')"
printf '| %s | %s | %s | %s | %s | %s | %s |\n' \
  "$target" "$commit" "$(date -u +%F)" "$lasted" "${executions:-?}" "${coverage:-?}" "$findings" >>"$folder/README.md"
tail -n 1 "$folder/README.md"
exit "$outcome"
