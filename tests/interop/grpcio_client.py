"""Checks a proxy with grpcio: grpcio_client.py ADDRESS PROTO_FOLDER SCRATCH_FOLDER.

The messages and stubs are made from the .proto files on the spot, so nothing here shares code with the proxy.
"""

import sys
from importlib import resources
from pathlib import Path

import grpc
from grpc_tools import protoc

PATIENCE_SECONDS = 60


def generate(protos: Path, out: Path) -> None:
    """Makes the Python modules of every .proto file of ours."""
    files = [str(path.relative_to(protos)) for path in sorted((protos / "prism").rglob("*.proto"))]
    includes = [f"-I{protos}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    status = protoc.main(["protoc", *includes, f"--python_out={out}", f"--grpc_python_out={out}", *files])
    assert status == 0, f"protoc ended with {status}"


def connect(address: str) -> grpc.Channel:
    """A connection that is not shared with another channel to the same address."""
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 5 << 20),
        ("grpc.enable_http_proxy", 0),
    ]
    return grpc.insecure_channel(address, options=options)


class Checks:
    """One method for each thing that has to hold."""

    def __init__(self, address: str) -> None:
        from prism.interfaces.keyvalue import keyvalue_basic_pb2, keyvalue_basic_pb2_grpc

        self.pb = keyvalue_basic_pb2
        self.stubs = [keyvalue_basic_pb2_grpc.KeyValueBasicInterfaceStub(connect(address)) for _ in range(4)]
        self.stub = self.stubs[0]
        self.address = address

    def set(self, key: str, value: bytes, **fields):
        return self.stub.Set(self.pb.SetRequest(key=key, value=value, **fields), timeout=PATIENCE_SECONDS)

    def get(self, key: str, **fields):
        return self.stub.Get(self.pb.GetRequest(key=key, **fields), timeout=PATIENCE_SECONDS)

    def fails(self, code: grpc.StatusCode, words: str, call, *arguments, **fields) -> None:
        try:
            call(*arguments, **fields)
        except grpc.RpcError as error:
            assert error.code() == code, f"{error.code()} instead of {code}: {error.details()}"
            assert words in error.details(), f"{words!r} is not in {error.details()!r}"
        else:
            raise AssertionError(f"the call was meant to fail with {code}")

    def check_round_trips(self) -> None:
        values = {"empty": b"", "text": "größe".encode(), "binary": bytes(range(256)), "large": b"x" * (1 << 20)}
        for key, value in values.items():
            assert self.set(key, value).success
        for key, value in values.items():
            response = self.get(key)
            assert response.found and response.value == value, key
        assert not self.get("missing").found

    def check_delete_and_exists(self) -> None:
        self.set("doomed", b"v")
        for found in (True, False):
            exists = self.stub.Exists(self.pb.ExistsRequest(key="doomed"), timeout=PATIENCE_SECONDS)
            assert exists.exists == found
            deleted = self.stub.Delete(self.pb.DeleteRequest(key="doomed"), timeout=PATIENCE_SECONDS)
            assert deleted.success and deleted.found == found

    def check_many_calls_at_once(self) -> None:
        keys = [f"key-{number}" for number in range(2_000)]
        writes = [
            self.stubs[number % 4].Set.future(self.pb.SetRequest(key=key, value=key.encode()), timeout=PATIENCE_SECONDS)
            for number, key in enumerate(keys)
        ]
        assert all(write.result().success for write in writes)
        reads = [
            self.stubs[(number + 1) % 4].Get.future(self.pb.GetRequest(key=key), timeout=PATIENCE_SECONDS)
            for number, key in enumerate(keys)
        ]
        assert [read.result().value for read in reads] == [key.encode() for key in keys]

    def check_failures(self) -> None:
        self.fails(grpc.StatusCode.NOT_FOUND, "nowhere", self.get, "k", namespace="nowhere")
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, "limits.key_bytes_max", self.get, "k" * 1_025)
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, "", self.get, "")
        self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "limits.message_bytes_max", self.set, "k", b"x" * (4 << 20))
        assert self.set("k", b"v").success, "the connection lives on"

    def check_compression_is_refused(self) -> None:
        request = self.pb.SetRequest(key="k", value=b"a" * 10_000)
        options = {"compression": grpc.Compression.Gzip, "timeout": PATIENCE_SECONDS}
        self.fails(grpc.StatusCode.UNIMPLEMENTED, "gzip", self.stub.Set, request, **options)

    def check_metadata_is_ignored(self) -> None:
        self.set("with metadata", b"v")
        metadata = [("x-request-id", "1"), ("x-binary-bin", bytes(range(50)))]
        response = self.stub.Get(self.pb.GetRequest(key="with metadata"), metadata=metadata, timeout=PATIENCE_SECONDS)
        assert response.found

    def check_cancelled_calls(self) -> None:
        for number in range(200):
            self.stub.Set.future(self.pb.SetRequest(key=f"cancelled-{number}", value=b"v" * 10_000)).cancel()
        assert self.set("after", b"v").success, "the connection lives on"

    def check_unknown_method(self) -> None:
        call = connect(self.address).unary_unary("/no.such.Service/Nothing")
        self.fails(grpc.StatusCode.UNIMPLEMENTED, "/no.such.Service/Nothing", call, b"", timeout=PATIENCE_SECONDS)

    def check_health(self) -> None:
        # Messages of one string and one enumeration, by hand: the package `grpc` is taken by grpcio itself.
        call = connect(self.address).unary_unary("/grpc.health.v1.Health/Check")
        assert call(b"", timeout=PATIENCE_SECONDS) == b"\x08\x01", "SERVING"

    def run(self) -> None:
        for name in sorted(name for name in dir(self) if name.startswith("check_")):
            getattr(self, name)()
            print(f"{name}: passed")


def main() -> None:
    address, protos, scratch = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    generate(protos, scratch)
    sys.path.insert(0, str(scratch))
    Checks(address).run()
    print("every check passed")


if __name__ == "__main__":
    main()
