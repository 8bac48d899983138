#!/usr/bin/env bash
# Profiles the proxy under load: a flame graph, the hottest functions, and the CPU per request.
set -euo pipefail

usage() {
    cat <<'END'
Usage: perf/run.sh [options] [SCENARIO]

Builds a server with frame pointers, runs it on one core under load from another, samples it with perf, and writes to
perf/results/DATE-COMMIT-SCENARIO/:

  flame.svg          where the time goes, caller below callee; open it in a browser, click to zoom, Ctrl-F to search
  hot.txt            the functions that took most samples of their own
  figures.json       the client's rate and the server's CPU per request while it was sampled
  fingerprint.json   host, commit, commands and the kind of samples

Scenarios:
  get-small          8 connections with 100 calls in flight each: calls batch, our own code decides (the default)
  unbatched-256      256 connections with one call each: a receive and a send per call, the kernel decides
  set-small          as get-small, but Set

  --server NAME      prism, tonic, null, echo, or a command line with {port} and {core} in it (prism)
  --client NAME      h2load or replay (h2load)
  --seconds N        how long to sample (5)
  --warm-up N        seconds of load before that (1)
  --frequency N      samples a second (999)
  --event NAME       what is sampled; by default cycles when the processor counts them here, else cpu-clock
  --value-bytes N    bytes of the value that is stored and fetched (64)
  --inlined          show inlined functions as frames of their own; perf takes minutes for it
  --server-core N    the server's core (0)
  --client-core N    the client's core (1)
  --profile NAME     cargo profile of the programs (release); dev only to try this script out
  --output FOLDER    where the results go
  -h, --help         this text

Examples:
  perf/run.sh
  perf/run.sh unbatched-256 --seconds 10
  perf/run.sh get-small --server tonic
END
}

server=prism client=h2load seconds=5 warm_up=1 frequency=999 event='' value_bytes=64 inlined=no
server_core=0 client_core=1 profile=release output='' scenario=get-small
key='key-000000000001'
command_line="perf/run.sh $*"
while (($# > 0)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --inlined)
            inlined=yes
            shift
            ;;
        --server | --client | --seconds | --warm-up | --frequency | --event | --value-bytes | --server-core | \
            --client-core | --profile | --output)
            if (($# < 2)); then
                echo "run.sh: $1 wants a value" >&2
                exit 2
            fi
            name=${1#--}
            printf -v "${name//-/_}" %s "$2"
            shift 2
            ;;
        --*)
            echo "run.sh: unknown option $1; see --help" >&2
            exit 2
            ;;
        *)
            scenario=$1
            shift
            ;;
    esac
done
if [[ -n $output ]]; then output=$(realpath -m "$output"); fi

# Frame pointers cost a register; they are for this build only, so it has its own folder.
target_dir=${CARGO_TARGET_DIR:-target}/perf
export RUSTFLAGS="${RUSTFLAGS:-} -Cforce-frame-pointers=yes"
# shellcheck source=perf/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

for number in seconds warm_up frequency; do
    [[ ${!number} =~ ^[1-9][0-9]*$ ]] || die "--${number//_/-} wants a number, not '${!number}'"
done
operation='get'
case $scenario in
    get-small) connections=8 streams=100 ;;
    set-small) connections=8 streams=100 operation='set' ;;
    unbatched-256) connections=256 streams=1 ;;
    *) die "unknown scenario '$scenario': get-small, set-small or unbatched-256" ;;
esac
case $client in h2load | replay) ;; *) die "unknown client '$client'" ;; esac
if [[ $server == echo ]]; then client=replay; fi
if [[ $client == h2load ]]; then
    command -v h2load >/dev/null || die "h2load is missing (Debian's package nghttp2-client)"
fi
command -v perf >/dev/null || die "perf is missing (Debian's package linux-perf)"
if [[ -z $event ]]; then
    event=cpu-clock
    if counted=$(perf stat -e cycles true 2>&1) && ! grep -q '<not' <<<"$counted"; then event=cycles; fi
fi
template=$(server_command "$server")

say "building with frame pointers into $target_dir ..."
build_server "$server"
cargo_build -p prism-bench --example replay --example flame
taskset -cp "$client_core" $$ >/dev/null || die "core $client_core cannot be had"
replay=$(programs)/examples/replay

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
label=$(server_label "$server")
if [[ -z $output ]]; then
    suffix=
    if [[ $server != prism ]]; then suffix=-$label; fi
    output=perf/results/$(date -u +%Y%m%dT%H%M%SZ)-$commit-$scenario$suffix
fi
mkdir -p "$output"

port=$(figures free-port)
start_server "$template" "$port" "$server_core"

address=127.0.0.1:$port
# The client outlives the sampling by a second on either side.
client_seconds=$((warm_up + seconds + 1))
replay_words=("$replay" --address "$address" --core "$client_core" --operation "$operation" --key "$key"
    --value-bytes "$value_bytes" --connections "$connections" --streams "$streams")
if [[ $server == echo ]]; then
    replay_words+=(--mode echo --reply-bytes 104)
else
    "$replay" --address "$address" --operation set --key "$key" --value-bytes "$value_bytes" \
        --connections 1 --requests 1 >/dev/null
    # Every status is checked here; h2load does not look at them.
    "${replay_words[@]}" --requests 2000 >/dev/null
fi
if [[ $client == h2load ]]; then
    figures body --operation "$operation" --key "$key" --value-bytes "$value_bytes" --output "$scratch/body.bin"
    client_words=(h2load -t1 "-c$connections" "-m$streams" -D "$client_seconds" -d "$scratch/body.bin"
        -H 'content-type: application/grpc' -H 'te: trailers'
        "http://$address/prism.interfaces.keyvalue.KeyValueBasicInterface/${operation^}")
else
    client_words=("${replay_words[@]}" --duration "$client_seconds")
fi

say "sampling $event of $label under $scenario for $seconds s ..."
figures heading
figures measure --pid "$server_pid" --label "$label" --server-command "$server_line" \
    --output "$scratch/figures.json" -- "${client_words[@]}" &
measure_pid=$!
started_pids+=("$measure_pid")
sleep "$warm_up"
perf record --quiet -e "$event" -F "$frequency" --call-graph fp -p "$server_pid" -o "$scratch/perf.data" \
    -- sleep "$seconds" || die "perf cannot record: see kernel.perf_event_paranoid"
wait "$measure_pid" || die "the client failed"
stop_process "$measure_pid"
stop_process "$server_pid"
mv "$scratch/figures.json" "$output/figures.json"

script_words=(perf script -i "$scratch/perf.data")
if [[ $inlined == no ]]; then script_words+=(--no-inline); fi
"${script_words[@]}" >"$scratch/stacks.txt" 2>"$scratch/script.log" ||
    die "perf script failed: $(tail -n 5 "$scratch/script.log")"
"$(programs)/examples/flame" --title "$label: $scenario, $commit" --subtitle "samples of $event" \
    <"$scratch/stacks.txt" >"$output/flame.svg"
perf report -i "$scratch/perf.data" --stdio --no-children --no-inline -g none --percent-limit 0.3 2>/dev/null |
    grep -v '^$' >"$output/hot.txt"
figures fingerprint --note "command=$command_line" --note "event=$event" --note "samples_per_second=$frequency" \
    >"$output/fingerprint.json"
grep -v '^#' "$output/hot.txt" | head -n 12 >&2 || true
say "written to $output/: open flame.svg in a browser"
