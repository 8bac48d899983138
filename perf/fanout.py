#!/usr/bin/env python3
"""What the proxy spends on each delivered message: one publisher, a thousand subscribers on ten connections.

The subscribers are streams of this script's own sockets, with windows that never close; it reads their bytes and counts
their DATA frames. h2load publishes. Build the proxy first (make build); h2load is nghttp2-client of Debian. Writes the
figures with the host's fingerprint to perf/results/. Standard library only otherwise.
"""

import argparse
import json
import os
import re
import selectors
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import figures
from idle import cpu_seconds
from lifecycle import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, literal

SERVICE = "/prism.interfaces.pubsub.PubSubBasicInterface/"
WINDOW_UPDATE, INITIAL_WINDOW_SIZE, WINDOW_MAX = 8, 4, (1 << 31) - 1
TOPIC, PAYLOAD_BYTES = b"topic", 64
LIMIT_US = 0.3


def prefixed(message):
    """A gRPC message behind its prefix."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Subscribers:
    """Streams that follow the topic, and how many messages they have got."""

    def __init__(self, port, connections, streams):
        self.sockets, self.kept, self.messages, self.headers = [], {}, 0, 0
        self.selector, self.is_over = selectors.DefaultSelector(), False
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            window = INITIAL_WINDOW_SIZE.to_bytes(2, "big") + WINDOW_MAX.to_bytes(4, "big")
            more = (WINDOW_MAX - 65_535).to_bytes(4, "big")
            hello = PREFACE + frame(SETTINGS, 0, 0, window) + frame(SETTINGS, 1, 0)
            connection.sendall(hello + frame(WINDOW_UPDATE, 0, 0, more))
            path = (SERVICE + "Subscribe").encode()
            fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost")]
            fields += [(b"te", b"trailers"), (b"content-type", b"application/grpc")]
            block = b"".join(literal(*field) for field in fields)
            body = prefixed(figures.field(1, TOPIC))
            for stream in range(1, 2 * streams, 2):
                connection.sendall(frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body))
            self.kept[connection] = b""
            self.selector.register(connection, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        """Reads until the end; one look at the head of each frame."""
        while not self.is_over:
            for event, _ in self.selector.select(0.1):
                connection = event.fileobj
                received = self.kept[connection] + connection.recv(1 << 20)
                at, end = 0, len(received)
                while end - at >= 9:
                    length = int.from_bytes(received[at : at + 3], "big")
                    if end - at < 9 + length:
                        break
                    kind = received[at + 3]
                    self.messages += kind == DATA
                    self.headers += kind == HEADERS
                    at += 9 + length
                self.kept[connection] = received[at:]

    def wait(self, what, count):
        """Waits until so many have come."""
        for _ in range(6_000):
            if getattr(self, what) >= count:
                return
            time.sleep(0.01)
        raise RuntimeError(f"{getattr(self, what)} {what} of {count} have come")


def measure(options, port, process, body):
    """Microseconds of the proxy's CPU for each delivered message, of each round."""
    subscribers = Subscribers(port, options.connections, options.streams)
    count = options.connections * options.streams
    subscribers.wait("headers", count)
    costs, expected = [], 0
    for round_number in range(options.rounds + 1):
        before = cpu_seconds(process)
        command = ["taskset", "-c", options.client_core, "h2load", "-t1", "-c1", f"-m{options.in_flight}"]
        command += [f"-n{options.publishes}", "-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"]
        command += [f"http://127.0.0.1:{port}{SERVICE}Publish"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if f"{options.publishes} succeeded" not in printed:
            raise RuntimeError(f"calls failed: {printed}")
        expected += options.publishes * count
        subscribers.wait("messages", expected)
        # The first warms up.
        if round_number > 0:
            costs.append(round((cpu_seconds(process) - before) / (options.publishes * count) * 1e6, 4))
    subscribers.is_over = True
    subscribers.thread.join()
    return {"subscribers": count, "us_per_delivered_message": costs}


def main():
    """Measures, prints and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10, help="connections of subscribers (10)")
    parser.add_argument("--streams", type=int, default=100, help="subscriptions on each (100)")
    parser.add_argument("--publishes", type=int, default=2_000, help="messages published in each round (2000)")
    parser.add_argument("--in-flight", type=int, default=1, help="publishes in flight (1)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    parser.add_argument("--core", default="0", help="the proxy's core (0)")
    parser.add_argument("--client-core", default="1", help="h2load's core (1)")
    parser.add_argument("--program", default="target/release/prism-proxy", help="the proxy")
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(options.client_core)})
    command = ["taskset", "-c", options.core, options.program, "--listen", "127.0.0.1:0", "--cores", options.core]
    message = figures.field(1, TOPIC) + figures.field(2, b"p" * PAYLOAD_BYTES)
    with tempfile.NamedTemporaryFile() as body, subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as proxy:
        body.write(prefixed(message))
        body.flush()
        try:
            said = re.search(r"serving on 127\.0\.0\.1:(\d+) ", proxy.stderr.readline())
            rows = measure(options, int(said[1]), proxy.pid, body.name)
        finally:
            proxy.kill()
    print(f"us of CPU per delivered message: {rows['us_per_delivered_message']}   limit {LIMIT_US}")
    ran = (f"perf/fanout.py --connections {options.connections} --streams {options.streams} "
           f"--publishes {options.publishes} --in-flight {options.in_flight} --rounds {options.rounds}")
    result = {"host": figures.fingerprint(), "command": ran, "limit_us": LIMIT_US, "figures": rows}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(figures.ROOT) / "perf/results" / f"{stamp}-{result['host']['commit'][:7]}-fanout.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(figures.ROOT)}")


if __name__ == "__main__":
    main()
