#!/usr/bin/env python3
"""What idle connections cost the proxy: memory of each, and CPU of the calls on others.

Opens connections to `target/release/prism-proxy` (build it first: make build), has each make one Get, waits until they
are idle, and divides the growth of the resident memory by their number. Then h2load calls on 100 connections, one call
at a time each, with the idle ones there and without them in turn, and the CPU of each call is compared. Writes the
figures with the host's fingerprint to perf/results/. Standard library only; h2load is nghttp2-client of Debian.
"""

import argparse
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import figures
from lifecycle import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, literal

LIMITS = {"bytes_per_connection": 4096, "cpu_ratio": 1.3}
GET = b"/prism.interfaces.keyvalue.KeyValueBasicInterface/Get"
MESSAGE = b"\0\0\0\0\3\x0a\1k"
# A connection gives its spare memory back a second after it fell silent, and all are looked at in turn.
IDLE_SECONDS = 5


def is_answered(received):
    """Whether the trailers of stream 1 are among the frames."""
    while len(received) >= 9:
        length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
        if kind == HEADERS and flags & END_STREAM and len(received) >= 9 + length:
            return True
        received = received[9 + length :]
    return False


def connect(port):
    """A connection that has made one call; the headers go into its table, as most clients do it."""
    connection = socket.create_connection(("127.0.0.1", port))
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", GET), (b":authority", b"localhost:8980")]
    fields += [(b"te", b"trailers"), (b"content-type", b"application/grpc"), (b"user-agent", b"grpc-c/1.0 idle.py")]
    block = b"".join(b"\x40" + literal(*field)[1:] for field in fields)
    hello = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0)
    request = frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, END_STREAM, 1, MESSAGE)
    connection.sendall(hello + request)
    received = b""
    while not is_answered(received):
        more = connection.recv(4096)
        if not more:
            raise RuntimeError(f"the proxy closed the connection: {received!r}")
        received += more
    return connection


def resident_bytes(process):
    """Memory of a process that is in the machine's."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", figures.read(f"/proc/{process}/status"))[1]) << 10


def cpu_seconds(process):
    """User and system time of a process so far."""
    fields = figures.read(f"/proc/{process}/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_per_call(process, port, body, calls, core):
    """Seconds of the proxy's CPU for each call of 100 connections."""
    before = cpu_seconds(process)
    command = ["taskset", "-c", core, "h2load", "-t1", "-c100", "-m1", f"-n{calls}", "-d", body]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers", f"http://127.0.0.1:{port}{GET.decode()}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if f"{calls} succeeded" not in printed:
        raise RuntimeError(f"calls failed: {printed}")
    return (cpu_seconds(process) - before) / calls


def measure(options, port, process, body):
    """The figures of one proxy."""
    warm = [connect(port) for _ in range(100)]
    cpu_per_call(process, port, body, options.calls // 4, options.client_core)
    time.sleep(IDLE_SECONDS)
    before = resident_bytes(process)
    connections = [connect(port) for _ in range(options.connections)]
    time.sleep(IDLE_SECONDS)
    each = (resident_bytes(process) - before) / options.connections
    costs = {"with": [], "without": []}
    for _ in range(options.rounds):
        costs["with"].append(cpu_per_call(process, port, body, options.calls, options.client_core))
        for connection in connections:
            connection.close()
        time.sleep(1)
        costs["without"].append(cpu_per_call(process, port, body, options.calls, options.client_core))
        connections = [connect(port) for _ in range(options.connections)]
    del warm
    ratio = statistics.median(costs["with"]) / statistics.median(costs["without"])
    micros = {name: [round(cost * 1e6, 3) for cost in of] for name, of in costs.items()}
    return {"bytes_per_connection": round(each, 1), "cpu_us_per_call": micros, "cpu_ratio": round(ratio, 3)}


def main():
    """Measures, prints and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=9800, help="idle connections (9800)")
    parser.add_argument("--calls", type=int, default=200_000, help="calls of each round (200000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds with and without (3)")
    parser.add_argument("--core", default="0", help="the proxy's core (0)")
    parser.add_argument("--client-core", default="1", help="h2load's core (1)")
    parser.add_argument("--program", default="target/release/prism-proxy", help="the proxy")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    command = [options.program, "--listen", "127.0.0.1:0", "--cores", options.core]
    with tempfile.NamedTemporaryFile() as body, subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as proxy:
        body.write(MESSAGE)
        body.flush()
        try:
            said = re.search(r"serving on 127\.0\.0\.1:(\d+) ", proxy.stderr.readline())
            rows = measure(options, int(said[1]), proxy.pid, body.name)
        finally:
            proxy.kill()
    for name, limit in LIMITS.items():
        print(f"{name:22} {rows[name]:10}   limit {limit}")
    print(f"{'cpu_us_per_call':22} {rows['cpu_us_per_call']}")
    ran = f"perf/idle.py --connections {options.connections} --calls {options.calls} --rounds {options.rounds}"
    result = {"host": figures.fingerprint(), "command": ran, "limits": LIMITS, "figures": rows}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(figures.ROOT) / "perf/results" / f"{stamp}-{result['host']['commit'][:7]}-idle.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(figures.ROOT)}")


if __name__ == "__main__":
    main()
