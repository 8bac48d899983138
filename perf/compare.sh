#!/usr/bin/env bash
# Runs two servers in turn (A B A B ...) under the same load and compares the CPU that each used per request.
set -euo pipefail

usage() {
    cat <<'END'
Usage: perf/compare.sh [options] A B

Runs the servers A and B in turn on one core while a client on another core drives them, and prints for each round the
rate and the server's CPU per request, then the ratio of A to B. The result goes to perf/results/ as JSON.

A and B are prism, spinning (prism, looking for work for 100 us before it sleeps), tonic, pajamax, null (the proxy's engine
with a fixed answer), echo (the proxy's ring, no protocol), nghttpd or h2o (a file as long as a reply), or a command line in
which {port} and {core} are filled in. Programs of this repository are built first.

  --rounds N         rounds of A and B each (3)
  --client NAME      h2load, replay, or spinning (replay that never sleeps, so that its own wake-up is in no latency);
                     echo is always driven by replay, and so is its counterpart (h2load)
  --connections N    connections (8)
  --streams N        calls in flight on each (100)
  --requests N       calls a round (600000)
  --operation NAME   get, set, delete or exists (get)
  --value-bytes N    bytes of the value that is stored and fetched (64)
  --headers NAME     replay only: indexed or literal (indexed)
  --pacing NAME      replay only: sliding or batch (sliding)
  --server-core N    the server's core (0)
  --client-core N    the client's core (1)
  --profile NAME     cargo profile of the programs (release); dev only to try this script out
  --output FILE      where the result goes
  -h, --help         this text

Examples:
  perf/compare.sh prism tonic
  perf/compare.sh prism tonic --connections 256 --streams 1 --requests 200000
  perf/compare.sh prism echo
  perf/compare.sh prism pajamax
  perf/compare.sh prism echo --operation set --value-bytes 1048576 --connections 4 --streams 4 --requests 4000
  perf/compare.sh spinning tonic --connections 1 --streams 1 --requests 100000
  perf/compare.sh prism 'other/prism-proxy --cores {core} --listen 127.0.0.1:{port}' --rounds 5
END
}

rounds=3 client=h2load connections=8 streams=100 requests=600000 operation=get value_bytes=64
headers=indexed pacing=sliding server_core=0 client_core=1 profile=release output=
key='key-000000000001'
command_line="perf/compare.sh $*"
servers=()
while (($# > 0)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --rounds | --client | --connections | --streams | --requests | --operation | --value-bytes | --headers | \
            --pacing | --server-core | --client-core | --profile | --output)
            if (($# < 2)); then
                echo "compare.sh: $1 wants a value" >&2
                exit 2
            fi
            name=${1#--}
            printf -v "${name//-/_}" %s "$2"
            shift 2
            ;;
        --*)
            echo "compare.sh: unknown option $1; see --help" >&2
            exit 2
            ;;
        *)
            servers+=("$1")
            shift
            ;;
    esac
done
if ((${#servers[@]} != 2)); then
    usage >&2
    exit 2
fi
if [[ -n $output ]]; then output=$(realpath -m "$output"); fi

# shellcheck source=perf/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

for number in rounds connections streams requests value_bytes; do
    [[ ${!number} =~ ^[1-9][0-9]*$ ]] || [[ $number == value_bytes && ${!number} == 0 ]] ||
        die "--${number//_/-} wants a number, not '${!number}'"
done
commands=()
for server in "${servers[@]}"; do
    command=$(server_command "$server")
    commands+=("$command")
done
case $operation in get | set | delete | exists) ;; *) die "unknown operation '$operation'" ;; esac
replay_options=()
case $client in
    h2load | replay) ;;
    spinning) client=replay replay_options=(--spin) ;;
    *) die "unknown client '$client'" ;;
esac
if [[ ${servers[0]} == echo || ${servers[1]} == echo ]]; then
    if [[ ${servers[0]} == "${servers[1]}" ]]; then die "echo is compared with another server, whose bytes it takes"; fi
    client=replay
fi
for server in "${servers[@]}"; do
    if is_file_server "$server" && [[ $client != h2load ]]; then die "$server has no calls: use --client h2load"; fi
done
if [[ $client == h2load ]]; then
    command -v h2load >/dev/null || die "h2load is missing (Debian's package nghttp2-client)"
fi
[[ $server_core != "$client_core" ]] || say "warning: server and client share core $server_core"
taskset -cp "$client_core" $$ >/dev/null || die "core $client_core cannot be had"

say "building ..."
cargo_build -p prism-bench --example replay
for server in "${servers[@]}"; do build_server "$server"; done

figures fingerprint >"$scratch/fingerprint.json"
read -r load _ </proc/loadavg
if python3 -c "raise SystemExit(not $load > 0.7)"; then
    say "warning: the load average is $load: if other work still runs, the figures are noise"
fi
figures body --operation "$operation" --key "$key" --value-bytes "$value_bytes" --output "$scratch/body.bin"
replay=$(programs)/examples/replay
service=prism.interfaces.keyvalue.KeyValueBasicInterface

# replay_command PORT REQUESTS [OPTION...]: puts the client's command into client_words.
replay_command() {
    client_words=("$replay" --address "127.0.0.1:$1" --core "$client_core" --operation "$operation" --key "$key"
        --value-bytes "$value_bytes" --connections "$connections" --streams "$streams" --requests "$2"
        --headers "$headers" --pacing "$pacing" "${replay_options[@]}" "${@:3}")
}

h2load_command() {
    client_words=(h2load -t1 "-c$connections" "-m$streams" "-n$requests" -d "$scratch/body.bin"
        -H 'content-type: application/grpc' -H 'te: trailers' "http://127.0.0.1:$1/$service/${operation^}")
}

# store PORT: stores the key.
store() {
    "$replay" --address "127.0.0.1:$1" --core "$client_core" --operation set --key "$key" \
        --value-bytes "$value_bytes" --connections 1 --requests 1 >/dev/null
}

# The same for a server of files.
file_command() {
    client_words=(h2load -t1 "-c$connections" "-m$streams" "-n$2" "http://127.0.0.1:$1/value")
}

# Values longer than this are warmed up with fewer calls.
readonly short_value_bytes=8192

# warm_up PORT SERVER: stores the key and makes some calls, every status checked; leaves their figures in warm.
warm_up() {
    local some=$((connections * streams * 20))
    if ((value_bytes > short_value_bytes)); then some=$((connections * streams)); fi
    if [[ $2 == echo ]]; then
        replay_command "$1" "$some" --mode echo --reply-bytes "$reply_bytes"
    elif is_file_server "$2"; then
        file_command "$1" "$some"
    else
        store "$1"
        replay_command "$1" "$some"
    fi
    warm=$("${client_words[@]}") || die "the warm-up of $2 failed: $warm"
}

# The echo answers with as many bytes for as many as its counterpart, so that has to be asked first.
reply_bytes=0
for index in 0 1; do
    if [[ ${servers[index]} == echo ]]; then
        other=$((1 - index)) port=$(figures free-port)
        start_server "${commands[other]}" "$port" "$server_core"
        warm_up "$port" "${servers[other]}"
        stop_process "$server_pid"
        request_bytes=$(figures get request_bytes <<<"$warm")
        reply_bytes=$(figures get reply_bytes <<<"$warm")
        commands[index]+=" --reply-bytes-per $request_bytes/$reply_bytes"
    fi
done

figures heading
for ((round = 1; round <= rounds; round++)); do
    for index in 0 1; do
        server=${servers[index]} port=$(figures free-port)
        start_server "${commands[index]}" "$port" "$server_core"
        warm_up "$port" "$server"
        case $server:$client in
            echo:*) replay_command "$port" "$requests" --mode echo --reply-bytes "$reply_bytes" ;;
            nghttpd:* | h2o:*) file_command "$port" "$requests" ;;
            *:replay) replay_command "$port" "$requests" ;;
            *) h2load_command "$port" ;;
        esac
        side=A
        if ((index == 1)); then side=B; fi
        figures measure --pid "$server_pid" --round "$round" --side "$side" --label "$(server_label "$server")" \
            --server-command "$server_line" --output "$scratch/rounds.jsonl" -- "${client_words[@]}"
        stop_process "$server_pid"
    done
done

if [[ -z $output ]]; then
    commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
    labels=$(server_label "${servers[0]}")-$(server_label "${servers[1]}")
    output=perf/results/$(date -u +%Y%m%dT%H%M%SZ)-$commit-$labels-${connections}x$streams.json
fi
figures compare --rounds "$scratch/rounds.jsonl" --fingerprint "$scratch/fingerprint.json" \
    --command-line "$command_line" --output "$output"
