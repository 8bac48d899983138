#!/usr/bin/env bash
# Runs every flood of tests/tests/floods against a release build and prints the table.
set -euo pipefail

usage() {
    cat <<'END'
Usage: perf/floods.sh [--profile NAME] [FILTER]

Builds the proxy, lets every attack of tests/tests/floods loose on it, one after another, and prints a table: what a
bystander's calls took before and under the attack, by how much the process grew, and what the attacker was told. The
command fails when a bound does not hold. FILTER picks attacks by a part of their test's name.

  --profile NAME     cargo profile of the proxy (release); dev only to try this script out
  -h, --help         this text

Examples:
  perf/floods.sh
  perf/floods.sh rapid_reset
END
}

profile=release filter=
while (($# > 0)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --profile)
            if (($# < 2)); then
                echo "floods.sh: $1 wants a value" >&2
                exit 2
            fi
            profile=$2
            shift 2
            ;;
        -*)
            echo "floods.sh: unknown option $1; see --help" >&2
            exit 2
            ;;
        *)
            filter=$1
            shift
            ;;
    esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --quiet --package prism-proxy --profile "$profile"
folder=$profile
if [[ $profile == dev ]]; then folder=debug; fi
cargo test --quiet --package prism-tests --test floods --no-run

log=$(mktemp)
trap 'rm -f "$log"' EXIT
outcome=0
PRISM_PROXY_BIN=$PWD/target/$folder/prism-proxy \
    cargo test --quiet --package prism-tests --test floods -- --nocapture --test-threads=1 ${filter:+"$filter"} >"$log" 2>&1 || outcome=$?

echo "Bystander's latency in microseconds, before the attack and under it; growth of the process in MiB. A line that"
echo "comes twice was measured again because its latency was too high."
echo
echo "| attack | p50 before | p99 before | p50 under | p99 under | max under | growth | what the attacker was told |"
echo "| --- | --: | --: | --: | --: | --: | --: | --- |"
sed -n 's/^.*flood | \(.*\)$/| \1 |/p' "$log"
if ((outcome != 0)); then
    grep -E '^(thread|test .*FAILED|test result)' -A 3 "$log" >&2 || true
fi
exit "$outcome"
