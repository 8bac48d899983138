#!/usr/bin/env python3
"""What a Get costs when its key belongs to another shard: the proxy's CPU of both shards, by key.

One connection to a proxy with two shards asks for one key at a time, of several; about half of the keys are the
connection's own shard's and the others another's, which shows in what the shards count. Build the proxy first (make
build); h2load is nghttp2-client of Debian. Writes the figures with the host's fingerprint to perf/results/.
"""

import argparse
import json
import re
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import figures
from idle import GET, cpu_seconds


class Proxy:
    """A proxy with two shards, and what it counts."""

    def __init__(self, options):
        command = [options.program, "--listen", "127.0.0.1:0", "--cores", options.cores]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port = re.search(r"serving on 127\.0\.0\.1:(\d+) ", self.process.stderr.readline())[1]

    def counters(self):
        """The counters of both shards, added up."""
        self.process.send_signal(signal.SIGUSR1)
        sums = {}
        for _ in range(2):
            line = self.process.stderr.readline()
            while " statistics " not in line:
                line = self.process.stderr.readline()
            for name, value in re.findall(r"(\w+)=(\d+)", line.split("counters=")[1]):
                sums[name] = sums.get(name, 0) + int(value)
        return sums


def measure(options, proxy, key, body):
    """CPU of a Get of this key, parcels and wake-ups for each."""
    message = figures.field(1, key)
    body.seek(0)
    body.truncate()
    body.write(b"\0" + len(message).to_bytes(4, "big") + message)
    body.flush()
    before, counted = cpu_seconds(proxy.process.pid), proxy.counters()
    command = ["taskset", "-c", options.client_core, "h2load", "-t1", "-c1", f"-m{options.streams}"]
    command += [f"-n{options.calls}", "-d", body.name, "-H", "content-type: application/grpc", "-H", "te: trailers"]
    command += [f"http://127.0.0.1:{proxy.port}{GET.decode()}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if f"{options.calls} succeeded" not in printed:
        raise RuntimeError(f"calls failed: {printed}")
    cpu, after = cpu_seconds(proxy.process.pid) - before, proxy.counters()
    each = {name: (after.get(name, 0) - counted.get(name, 0)) / options.calls for name in ("parcels_sent", "wakes_sent")}
    return {"us": round(cpu / options.calls * 1e6, 3)} | {name: round(value, 4) for name, value in each.items()}


def main():
    """Measures, prints and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000, help="calls for each key (200000)")
    parser.add_argument("--keys", type=int, default=8, help="keys (8)")
    parser.add_argument("--streams", type=int, nargs="+", default=[100, 1], help="calls in flight (100 and 1)")
    parser.add_argument("--cores", default="0-1", help="the proxy's cores (0-1)")
    parser.add_argument("--client-core", default="1", help="h2load's core (1)")
    parser.add_argument("--program", default="target/release/prism-proxy", help="the proxy")
    options = parser.parse_args()
    proxy, rows, all_streams = Proxy(options), {}, options.streams
    with tempfile.NamedTemporaryFile() as body:
        try:
            for options.streams in all_streams:
                calls = options.calls
                options.calls = calls if options.streams > 1 else calls // 10
                of = [measure(options, proxy, f"key-{number:012}".encode(), body) for number in range(options.keys)]
                options.calls = calls
                rows[options.streams] = {
                    "own": [row for row in of if row["parcels_sent"] < 0.5],
                    "routed": [row for row in of if row["parcels_sent"] >= 0.5],
                }
        finally:
            proxy.process.terminate()
            proxy.process.wait()
    for streams, of in rows.items():
        cost = {name: statistics.median(row["us"] for row in each) for name, each in of.items() if each}
        wakes = [row["wakes_sent"] for row in of["routed"]]
        print(f"{streams} in flight: us of CPU per Get {cost}, wake-ups per routed Get {wakes}")
    ran = f"perf/routed.py --calls {options.calls} --keys {options.keys}"
    result = {"host": figures.fingerprint(), "command": ran, "figures": rows}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(figures.ROOT) / "perf/results" / f"{stamp}-{result['host']['commit'][:7]}-routed.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(figures.ROOT)}")


if __name__ == "__main__":
    main()
