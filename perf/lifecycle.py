#!/usr/bin/env python3
"""How long the proxy takes to start, to answer a health check, and to stop when it is idle.

Runs `target/release/prism-proxy` (build it first: make build) a number of times on free ports and writes the figures, in
milliseconds, with the host's fingerprint to perf/results/. Standard library only.
"""

import argparse
import json
import re
import signal
import socket
import statistics
import struct
import subprocess
import time
from pathlib import Path

import figures

LIMITS_MS = {"start": 100, "health_check": 10, "stop": 1000}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    """One HTTP/2 frame (RFC 9113 section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field as a literal without indexing (RFC 7541 section 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def health_check(connection, stream):
    """Calls grpc.health.v1.Health/Check for the whole process; returns when the trailers have come."""
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/grpc.health.v1.Health/Check")]
    fields += [(b":authority", b"localhost"), (b"te", b"trailers"), (b"content-type", b"application/grpc")]
    block = b"".join(literal(*field) for field in fields)
    request = frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, b"\0" * 5)
    connection.sendall((PREFACE + frame(SETTINGS, 0, 0) if stream == 1 else b"") + request)
    message, buffered = b"", b""
    while True:
        received = connection.recv(65536)
        if not received:
            raise RuntimeError("the proxy closed the connection")
        buffered += received
        while len(buffered) >= 9 and len(buffered) >= 9 + int.from_bytes(buffered[:3], "big"):
            length, kind, flags = int.from_bytes(buffered[:3], "big"), buffered[3], buffered[4]
            at, payload = int.from_bytes(buffered[5:9], "big"), buffered[9 : 9 + length]
            buffered = buffered[9 + length :]
            if at == stream and kind == DATA:
                message += payload
            if at == stream and flags & END_STREAM:
                # status = 1 (SERVING) behind the prefix of five bytes.
                if message[5:] != b"\x08\x01":
                    raise RuntimeError(f"the proxy is not SERVING: {message!r}")
                return


def run_once(program, cores):
    """One life of the proxy: what it took, in milliseconds."""
    begun = time.perf_counter()
    command = [program, "--listen", "127.0.0.1:0", "--cores", cores]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as proxy:
        line = proxy.stderr.readline()
        started = time.perf_counter()
        said = re.search(r"serving on 127\.0\.0\.1:(\d+) .*ready in (\d+) ms", line)
        if not said:
            proxy.kill()
            raise RuntimeError(f"the proxy does not serve: {line}{proxy.stderr.read()}")
        with socket.create_connection(("127.0.0.1", int(said[1]))) as connection:
            checks = []
            for stream in range(1, 41, 2):
                before = time.perf_counter()
                health_check(connection, stream)
                checks.append((time.perf_counter() - before) * 1000)
        before = time.perf_counter()
        proxy.send_signal(signal.SIGTERM)
        code = proxy.wait(timeout=60)
        stopped = (time.perf_counter() - before) * 1000
        proxy.stderr.read()
    if code != 0:
        raise RuntimeError(f"the proxy exited with {code}")
    return {"start": [(started - begun) * 1000], "health_check": checks, "stop": [stopped]}


def main():
    """Measures, prints a table and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="lives of the proxy (20)")
    parser.add_argument("--cores", default="0-1", help="its cores (0-1)")
    parser.add_argument("--program", default="target/release/prism-proxy", help="the proxy")
    options = parser.parse_args()
    lives = [run_once(options.program, options.cores) for _ in range(options.runs)]
    rows = {}
    for name, limit in LIMITS_MS.items():
        times = [value for life in lives for value in life[name]]
        row = {"count": len(times), "median": statistics.median(times), "greatest": max(times), "limit": limit}
        rows[name] = row
        print(f"{name:14} median {row['median']:8.3f} ms   greatest {row['greatest']:8.3f} ms   limit {limit} ms")
    result = {"host": figures.fingerprint(), "command": f"perf/lifecycle.py --runs {options.runs} "
              f"--cores {options.cores}", "unit": "ms", "figures": rows}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(figures.ROOT) / "perf/results" / f"{stamp}-{result['host']['commit'][:7]}-lifecycle.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(figures.ROOT)}")


if __name__ == "__main__":
    main()
