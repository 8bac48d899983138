# shellcheck shell=bash
# Building, starting and stopping the servers that are measured; sourced by the scripts beside it.
#
# A server is a command line in which {port} and {core} stand for the port that it is to listen on and the core that it
# is to run on, or one of the short names below, whose program is built first.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# The cargo profile of the programs, and where their build goes; run.sh has its own.
profile=${profile:-release}
target_dir=${target_dir:-${CARGO_TARGET_DIR:-target}}
# Processes started here and not stopped yet.
started_pids=()

die() {
    echo "${0##*/}: $*" >&2
    exit 2
}

say() {
    echo "$*" >&2
}

figures() {
    python3 perf/figures.py "$@"
}

readonly servers_known="prism, spinning, tonic, pajamax, null, echo, nghttpd, h2o"

# Where programs of the profile lie.
programs() {
    local folder=$profile
    if [[ $profile == dev ]]; then folder=debug; fi
    echo "$target_dir/$folder"
}

# The command line of a server.
server_command() {
    case $1 in
        prism) echo "$(programs)/prism-proxy --cores {core} --listen 127.0.0.1:{port}" ;;
        spinning) echo "$(programs)/prism-proxy --cores {core} --listen 127.0.0.1:{port} --spin 100" ;;
        pajamax) echo "$(programs)/prism-bench-pajamax --core {core} --listen 127.0.0.1:{port}" ;;
        nghttpd) echo "nghttpd --no-tls --workers=1 --address=127.0.0.1 --htdocs=${scratch:?}/files {port}" ;;
        h2o) echo "bash perf/h2o.sh {port} $scratch/files" ;;
        tonic | echo) echo "$(programs)/examples/$1_server --core {core} --listen 127.0.0.1:{port}" ;;
        null)
            echo "$(programs)/examples/null_server --core {core} --listen 127.0.0.1:{port}" \
                "--value-bytes ${value_bytes:-64}"
            ;;
        *'{port}'*) echo "$1" ;;
        *) die "unknown server '$1': $servers_known, or a command line with {port} in it" ;;
    esac
}

# Whether it is a plain HTTP/2 server with a file, which only h2load can drive.
is_file_server() {
    [[ $1 == nghttpd || $1 == h2o ]]
}

# A name for tables and files.
server_label() {
    case $1 in
        *' '* | */*) basename "${1%% *}" ;;
        *) echo "$1" ;;
    esac
}

cargo_build() {
    cargo build --quiet --profile "$profile" --target-dir "$target_dir" "$@"
}

build_server() {
    case $1 in
        prism | spinning) cargo_build -p prism-proxy --bin prism-proxy ;;
        # Apart from the workspace, with an older prost.
        pajamax) cargo_build --manifest-path bench/pajamax/Cargo.toml ;;
        nghttpd | h2o)
            command -v "$1" >/dev/null || die "$1 is missing (Debian: nghttp2-server, h2o)"
            # What a reply's message is long, so that it sends as much.
            mkdir -p "$scratch/files"
            head -c $((${value_bytes:-64} + 9)) /dev/zero >"$scratch/files/value"
            ;;
        tonic | null | echo) cargo_build -p prism-bench --example "$1_server" ;;
    esac
}

# start_server COMMAND PORT CORE: starts it pinned, waits until it accepts, and leaves its id in server_pid and its
# command line in server_line.
start_server() {
    local command=$1 port=$2 core=$3 log
    command=${command//'{port}'/$port}
    command=${command//'{core}'/$core}
    # shellcheck disable=SC2034 # read by the scripts
    server_line=$command
    log=$(mktemp "${scratch:?}/server.XXXXXX")
    local words
    read -ra words <<<"$command"
    taskset -c "$core" "${words[@]}" >"$log" 2>&1 &
    server_pid=$!
    started_pids+=("$server_pid")
    for _ in {1..200}; do
        if ! kill -0 "$server_pid" 2>/dev/null; then
            say "the server ended: $command"
            cat "$log" >&2
            exit 1
        fi
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return
        fi
        sleep 0.05
    done
    say "the server does not listen on port $port after 10 s: $command"
    cat "$log" >&2
    exit 1
}

# stop_process PID: asks it to end, and ends it by force when it has not after 12 s.
stop_process() {
    local pid=$1
    kill -TERM "$pid" 2>/dev/null || true
    for _ in {1..240}; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    local left=() one
    for one in "${started_pids[@]}"; do
        if [[ $one != "$pid" ]]; then left+=("$one"); fi
    done
    started_pids=("${left[@]+"${left[@]}"}")
}

# Stops only what was started here.
clean_up() {
    local pid
    for pid in "${started_pids[@]+"${started_pids[@]}"}"; do
        stop_process "$pid"
    done
    rm -rf "${scratch:?}"
}

scratch=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM
