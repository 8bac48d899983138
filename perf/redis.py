#!/usr/bin/env python3
"""CPU of the proxy's memstore against redis-server's, on the same core in turn: Gets, and batches of a hundred keys.

Prism is driven by h2load at 8 connections x 100 calls, redis-server by `redis-benchmark -P 16` (and -P 1 for batches,
which are batches already). Both hold 100,000 keys of 16 bytes with values of 64. Build the proxy first (make build);
redis-server and redis-benchmark are Debian's redis-server, h2load its nghttp2-client. Writes the figures with the
host's fingerprint to perf/results/. Standard library only otherwise.
"""

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import figures
from idle import cpu_seconds

BASIC = "prism.interfaces.keyvalue.KeyValueBasicInterface"
BATCH = "prism.interfaces.keyvalue.KeyValueBatchInterface"
KEYS, VALUE_BYTES, BATCH_KEYS, PER_BATCH_SET = 100_000, 64, 100, 1_000
LIMITS = {"get": 1.0, "batch_of_100": 1.0}


def key(index):
    """A key of 16 bytes."""
    return f"key-{index:012}".encode()


def prefixed(message):
    """A gRPC message behind its prefix."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def batch_keys():
    """Keys all over the table."""
    return [key(index * (KEYS // BATCH_KEYS)) for index in range(BATCH_KEYS)]


class Prism:
    """The proxy, and h2load as its client."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, Path(scratch)
        command = [options.program, "--listen", "127.0.0.1:0", "--cores", options.core]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port = re.search(r"serving on 127\.0\.0\.1:(\d+) ", self.process.stderr.readline())[1]
        for first in range(0, KEYS, PER_BATCH_SET):
            entries = (figures.field(1, key(index)) + figures.field(2, b"v" * VALUE_BYTES)
                       for index in range(first, first + PER_BATCH_SET))
            self.call(BATCH, "BatchSet", b"".join(figures.field(1, entry) for entry in entries), 1, 1, 1)

    def call(self, service, method, message, calls, connections, streams):
        """Makes so many equal calls; every one must succeed."""
        body = self.scratch / "body"
        body.write_bytes(prefixed(message))
        command = ["taskset", "-c", self.options.client_core, "h2load", "-t1", f"-c{connections}", f"-m{streams}"]
        command += [f"-n{calls}", "-d", str(body), "-H", "content-type: application/grpc", "-H", "te: trailers"]
        command += [f"http://127.0.0.1:{self.port}/{service}/{method}"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if f"{calls} succeeded" not in printed:
            raise RuntimeError(f"calls failed: {printed}")
        return printed

    def get(self, calls):
        """Gets of one key, as redis-benchmark makes them."""
        self.call(BASIC, "Get", figures.field(1, key(1)), calls, 8, 100)

    def batch(self, calls):
        """Batches of the same keys."""
        self.call(BATCH, "BatchGet", b"".join(figures.field(1, one) for one in batch_keys()), calls, 8, 16)


class Redis:
    """redis-server, and redis-benchmark as its client."""

    def __init__(self, options, scratch):
        self.options, self.port = options, str(figures.free_port())
        command = ["taskset", "-c", options.core, "redis-server", "--port", self.port, "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(scratch)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(100):
            if figures.said("redis-cli", "-p", self.port, "ping") == "PONG":
                break
            time.sleep(0.05)
        protocol = b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\n%s\r\n$%d\r\n%s\r\n" % (key(index), VALUE_BYTES, b"v" * VALUE_BYTES)
                            for index in range(KEYS))
        subprocess.run(["redis-cli", "-p", self.port, "--pipe"], input=protocol, check=True, stdout=subprocess.DEVNULL)

    def run(self, calls, pipeline, *words):
        """Makes so many equal calls."""
        command = ["taskset", "-c", self.options.client_core, "redis-benchmark", "-p", self.port, "-q"]
        command += ["-n", str(calls), "-c", "50", "-P", str(pipeline), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def get(self, calls):
        """Gets of one key."""
        self.run(calls, 16, "get", key(1).decode())

    def batch(self, calls):
        """Batches of the same keys."""
        self.run(calls, 1, "mget", *(one.decode() for one in batch_keys()))


def cost(server, work, calls, keys):
    """Nanoseconds of the server's CPU for each key."""
    getattr(server, work)(calls // 5)
    before = cpu_seconds(server.process.pid)
    getattr(server, work)(calls)
    return (cpu_seconds(server.process.pid) - before) / calls / keys * 1e9


def main():
    """Measures in turn, prints and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (3)")
    parser.add_argument("--calls", type=int, default=600_000, help="Gets of each round (600000)")
    parser.add_argument("--batches", type=int, default=60_000, help="batches of each round (60000)")
    parser.add_argument("--core", default="0", help="the servers' core (0)")
    parser.add_argument("--client-core", default="1", help="the clients' core (1)")
    parser.add_argument("--program", default="target/release/prism-proxy", help="the proxy")
    options = parser.parse_args()
    works = {"get": ("get", options.calls, 1), "batch_of_100": ("batch", options.batches, BATCH_KEYS)}
    costs = {name: {"prism": [], "redis": []} for name in works}
    with tempfile.TemporaryDirectory() as scratch:
        servers = {}
        try:
            servers["prism"] = Prism(options, scratch)
            servers["redis"] = Redis(options, scratch)
            for _ in range(options.rounds):
                for name, (work, calls, keys) in works.items():
                    for label, server in servers.items():
                        costs[name][label].append(round(cost(server, work, calls, keys), 1))
        finally:
            for server in servers.values():
                server.process.terminate()
                server.process.wait()
    rows = {}
    for name, of in costs.items():
        ratios = [prism / redis for prism, redis in zip(of["prism"], of["redis"])]
        rows[name] = {"ns_per_key": of, "prism_over_redis": round(statistics.median(ratios), 3)}
        print(f"{name:14} ns of CPU per key: prism {of['prism']}, redis {of['redis']}; "
              f"prism / redis {rows[name]['prism_over_redis']}   limit {LIMITS[name]}")
    ran = f"perf/redis.py --rounds {options.rounds} --calls {options.calls} --batches {options.batches}"
    host = figures.fingerprint() | {"redis": figures.said("redis-server", "--version")}
    result = {"host": host, "command": ran, "limits": LIMITS, "figures": rows}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(figures.ROOT) / "perf/results" / f"{stamp}-{host['commit'][:7]}-redis.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(figures.ROOT)}")


if __name__ == "__main__":
    main()
