"""Checks a proxy with grpcio, gRPC's C core: grpcio_client.py ADDRESS PROTO_FOLDER CASE...

The messages and stubs are made from the .proto files on the spot, so nothing here shares code with the proxy. Each case
prints one line, "CASE: passed"; the first that does not pass ends the program.
"""

import os
import queue
import sys
import tempfile
import threading
import time
from importlib import resources
from pathlib import Path

import grpc
from grpc_tools import protoc

PATIENCE_SECONDS = 60
PINGING = [
    ("grpc.keepalive_time_ms", 100),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]


def generate(protos: Path, out: Path) -> None:
    """Makes the Python modules of every .proto file of ours."""
    files = [str(path.relative_to(protos)) for path in sorted((protos / "prism").rglob("*.proto"))]
    includes = [f"-I{protos}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    status = protoc.main(["protoc", *includes, f"--python_out={out}", f"--grpc_python_out={out}", *files])
    assert status == 0, f"protoc ended with {status}"


def connect(address: str, *options) -> grpc.Channel:
    """A connection that is not shared with another channel to the same address."""
    own = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 5 << 20),
        ("grpc.enable_http_proxy", 0),
    ]
    return grpc.insecure_channel(address, options=[*own, *options])


def fails(code: grpc.StatusCode, words: str, call, *arguments, **fields) -> None:
    try:
        call(*arguments, **fields)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} instead of {code}: {error.details()}"
        assert words in error.details(), f"{words!r} is not in {error.details()!r}"
    else:
        raise AssertionError(f"the call was meant to fail with {code}")


class Cases:
    """One method for each case; tests/tests/interop/cases.rs says what they are about."""

    def __init__(self, address: str) -> None:
        from prism.interfaces.keyvalue import keyvalue_basic_pb2, keyvalue_basic_pb2_grpc
        from prism.interfaces.keyvalue import keyvalue_batch_pb2, keyvalue_batch_pb2_grpc
        from prism.interfaces.keyvalue import keyvalue_scan_pb2, keyvalue_scan_pb2_grpc
        from prism.interfaces.pubsub import pubsub_basic_pb2, pubsub_basic_pb2_grpc

        self.pb, self.batch_pb, self.scan_pb = keyvalue_basic_pb2, keyvalue_batch_pb2, keyvalue_scan_pb2
        self.make_batch_stub = keyvalue_batch_pb2_grpc.KeyValueBatchInterfaceStub
        self.make_scan_stub = keyvalue_scan_pb2_grpc.KeyValueScanInterfaceStub
        self.topics_pb, self.make_topics_stub = pubsub_basic_pb2, pubsub_basic_pb2_grpc.PubSubBasicInterfaceStub
        self.make_stub = keyvalue_basic_pb2_grpc.KeyValueBasicInterfaceStub
        self.address = address
        self.stub = self.make_stub(self.connect())

    def connect(self, *options) -> grpc.Channel:
        return connect(self.address, *options)

    def set(self, key: str, value: bytes, stub=None, **call):
        request = self.pb.SetRequest(key=key, value=value)
        response = (stub or self.stub).Set(request, timeout=PATIENCE_SECONDS, **call)
        assert response.success, "a status of OK means success"

    def get(self, key: str, stub=None, namespace: str = "", **call):
        request = self.pb.GetRequest(key=key, namespace=namespace)
        return (stub or self.stub).Get(request, timeout=PATIENCE_SECONDS, **call)

    def watch(self, *options, timeout=PATIENCE_SECONDS):
        """A stream on which nothing more happens. Its messages are written by hand, for grpcio has taken `grpc`."""
        stream = self.connect(*options).unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=timeout)
        assert next(stream) == b"\x08\x01", "SERVING"
        return stream

    def unary(self) -> None:
        values = {"empty": b"", "text": "größe".encode(), "binary": bytes(range(256))}
        for key, value in values.items():
            self.set(key, value)
        for key, value in values.items():
            response = self.get(key)
            assert response.found and response.value == value, key
        assert not self.get("missing").found
        self.set("doomed", b"v")
        for found in (True, False):
            exists = self.stub.Exists(self.pb.ExistsRequest(key="doomed"), timeout=PATIENCE_SECONDS)
            assert exists.exists == found
            deleted = self.stub.Delete(self.pb.DeleteRequest(key="doomed"), timeout=PATIENCE_SECONDS)
            assert deleted.success and deleted.found == found

    def many_at_once(self) -> None:
        stubs = [self.make_stub(self.connect()) for _ in range(4)]
        keys = [f"key-{number}" for number in range(2_000)]
        writes = [
            stubs[number % 4].Set.future(self.pb.SetRequest(key=key, value=key.encode()), timeout=PATIENCE_SECONDS)
            for number, key in enumerate(keys)
        ]
        assert all(write.result().success for write in writes)
        reads = [
            stubs[(number + 1) % 4].Get.future(self.pb.GetRequest(key=key), timeout=PATIENCE_SECONDS)
            for number, key in enumerate(keys)
        ]
        assert [read.result().value for read in reads] == [key.encode() for key in keys]

    def large(self) -> None:
        value = b"0123456789abcde\n" * ((4 << 20) // 16 - 64)
        self.set("large", value)
        assert self.get("large").value == value

    def too_large(self) -> None:
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "limits.message_bytes_max", self.set, "k", b"x" * (4 << 20))
        self.set("after", b"v")

    def scan(self) -> None:
        batch, stub = self.make_batch_stub(self.connect()), self.make_scan_stub(self.connect())
        keys = [f"py-scan:{number}" for number in range(2_000)]
        for first in range(0, 2_000, 500):
            requests = [self.pb.SetRequest(key=key, value=key.encode() * 20) for key in keys[first : first + 500]]
            assert batch.BatchSet(self.batch_pb.BatchSetRequest(requests=requests), timeout=PATIENCE_SECONDS).all_success
        got = batch.BatchGet(self.batch_pb.BatchGetRequest(keys=[*keys, "py-none"]), timeout=PATIENCE_SECONDS)
        assert got.found_count == 2_000 and [result.found for result in got.results] == [True] * 2_000 + [False]

        def scanned(**fields):
            return stub.Scan(self.scan_pb.ScanRequest(**fields), timeout=PATIENCE_SECONDS)

        entries = list(scanned(prefix="py-scan:"))
        assert sorted(entry.key for entry in entries) == sorted(keys)
        assert all(entry.value == entry.key.encode() * 20 for entry in entries)
        assert list(scanned(prefix="py-scan:", cursor=entries[777].cursor)) == entries[778:]
        assert list(scanned(prefix="py-scan:", cursor=entries[-1].cursor)) == []
        count = stub.Count(self.scan_pb.CountRequest(prefix="py-scan:"), timeout=PATIENCE_SECONDS)
        assert count.count == 2_000 and not count.approximate
        other = scanned(prefix="py-", cursor=entries[0].cursor)
        fails(grpc.StatusCode.INVALID_ARGUMENT, "cursor", next, other)
        stream = scanned(prefix="py-scan:")
        next(stream)
        stream.cancel()
        fails(grpc.StatusCode.CANCELLED, "", list, stream)

    def subscribe(self) -> None:
        pb = self.topics_pb
        stubs = [self.make_topics_stub(self.connect()) for _ in range(2)]

        def subscribed(start: str, subscriber: str):
            request = pb.SubscribeRequest(topic="py-topic", subscriber_id=subscriber, options={"from": start})
            stream = stubs[0].Subscribe(request, timeout=PATIENCE_SECONDS)
            return stream, dict(stream.initial_metadata())["prism-from"]

        def unsubscribe(subscriber: str) -> None:
            request = pb.UnsubscribeRequest(topic="py-topic", subscriber_id=subscriber)
            assert stubs[1].Unsubscribe(request, timeout=PATIENCE_SECONDS).success

        live, start = subscribed("latest", "live")
        assert start == "0--1", start
        ids = []
        for number in range(200):
            metadata = {"number": str(number)}
            request = pb.PublishRequest(topic="py-topic", payload=b"%d" % number, metadata=metadata)
            ids.append(stubs[1].Publish(request, timeout=PATIENCE_SECONDS).message_id)
        messages = [next(live) for _ in ids]
        assert [message.message_id for message in messages] == ids
        assert [message.payload for message in messages] == [b"%d" % number for number in range(200)]
        assert all(message.metadata["number"] == message.payload.decode() for message in messages)
        again, start = subscribed(ids[77], "again")
        assert start == ids[77], start
        assert [next(again) for _ in ids[78:]] == messages[78:]
        for stream, name in ((live, "live"), (again, "again")):
            unsubscribe(name)
            assert list(stream) == [], "it ends with OK, and nothing more comes"
        unsubscribe("live")
        later = pb.SubscribeRequest(topic="py-topic", options={"from": "0-1000"})
        fails(grpc.StatusCode.INVALID_ARGUMENT, "0-1000", next, stubs[0].Subscribe(later, timeout=PATIENCE_SECONDS))

    def health_watch(self) -> None:
        stream = self.watch()
        stream.cancel()
        assert stream.code() == grpc.StatusCode.CANCELLED

    def reflection(self) -> None:
        requests: queue.Queue = queue.Queue()
        call = self.connect().stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        stream = call(iter(requests.get, None), timeout=PATIENCE_SECONDS)
        for _ in range(3):
            # list_services = 7: "*"
            requests.put(b"\x3a\x01*")
            assert b"prism.interfaces.keyvalue.KeyValueBasicInterface" in next(stream)
        requests.put(None)
        assert list(stream) == [] and stream.code() == grpc.StatusCode.OK

    def deadline(self) -> None:
        stream = self.watch(timeout=0.3)
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, "", next, stream)

    def cancel(self) -> None:
        for number in range(200):
            self.stub.Set.future(self.pb.SetRequest(key=f"cancelled-{number}", value=b"v" * 10_000)).cancel()
        self.set("after", b"v")

    def metadata(self) -> None:
        binary = bytes([255, 0, 254, 1, 44, 61, 32, 7])
        for length in range(len(binary)):
            self.get("k", metadata=[("x-request-id", "1"), ("x-request-id", "2"), ("x-data-bin", binary[:length])])

    def status_message(self) -> None:
        fails(grpc.StatusCode.NOT_FOUND, "größe 100%", self.get, "k", namespace="größe 100%")
        fails(grpc.StatusCode.INVALID_ARGUMENT, "limits.key_bytes_max", self.get, "k" * 1_025)

    def unknown_method(self) -> None:
        call = self.connect().unary_unary("/no.such.Service/Nothing")
        fails(grpc.StatusCode.UNIMPLEMENTED, "/no.such.Service/Nothing", call, b"", timeout=PATIENCE_SECONDS)

    def gzip(self) -> None:
        compressed = {"compression": grpc.Compression.Gzip}
        value = b"0123456789abcde\n" * 200_000
        self.set("gzip", value, **compressed)
        assert self.get("gzip", **compressed).value == value
        bomb = b"\0" * (64 << 20)
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "limits.message_bytes_max", self.set, "gzip", bomb, **compressed)
        self.set("gzip", b"small", **compressed)
        # An encoding that the proxy does not know.
        deflated = {"compression": grpc.Compression.Deflate}
        fails(grpc.StatusCode.UNIMPLEMENTED, "deflate", self.set, "k", b"a" * 10_000, **deflated)

    def keepalive(self) -> None:
        stream = self.watch(*PINGING)
        threading.Timer(2, stream.cancel).start()
        fails(grpc.StatusCode.CANCELLED, "", next, stream)

    def too_many_pings(self) -> None:
        stream = self.watch(*PINGING)
        fails(grpc.StatusCode.UNAVAILABLE, "too_many_pings", next, stream)

    def connection_drain(self) -> None:
        channel = self.connect()
        connections = []
        channel.subscribe(
            lambda state: connections.append(state) if state == grpc.ChannelConnectivity.READY else None,
            try_to_connect=True,
        )
        stub, number = self.make_stub(channel), 0
        begun = time.monotonic()
        while len(connections) < 4:
            assert time.monotonic() - begun < PATIENCE_SECONDS, "the connection does not grow old"
            key = f"drain-{number}"
            self.set(key, key.encode(), stub=stub)
            assert self.get(key, stub=stub).value == key.encode()
            number += 1

    def record(self, prepare) -> None:
        """Steady Gets for tests/src/bin/record-clients.rs, which asks for their number in CALLS."""
        for number in range(int(os.environ["CALLS"])):
            self.stub.Get(self.pb.GetRequest(key=f"key-{number:08}"), **prepare(number))

    def record_plain(self) -> None:
        self.record(lambda _number: {})

    def record_deadline(self) -> None:
        self.record(lambda _number: {"timeout": 1})

    def record_metadata(self) -> None:
        token = os.environ["TOKEN"]
        self.record(lambda number: {"metadata": [("authorization", token), ("x-trace-id", trace(number))]})


def trace(number: int) -> str:
    """32 hexadecimal digits that look like chance."""
    first = (number + 1) * 0x9E3779B97F4A7C15 % 2**64
    return f"{first:016x}{first ^ first >> 29:016x}"


def main() -> None:
    address, protos = sys.argv[1], Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        generate(protos, Path(scratch))
        sys.path.insert(0, scratch)
        cases = Cases(address)
        for name in sys.argv[3:]:
            getattr(cases, name)()
            print(f"{name}: passed", flush=True)


if __name__ == "__main__":
    main()
