"""Calls a proxy whose connections age out all the time: grpcio_ageing.py ADDRESS PROTO_FOLDER SCRATCH_FOLDER.

A channel connects again by itself, and not one call may fail, whether it is alone or one of many in flight.
"""

import sys
import threading
import time
from pathlib import Path

import grpc
from grpcio_client import PATIENCE_SECONDS, generate

SECONDS = 4
IN_FLIGHT = [1, 1, 20, 100]


class Caller(threading.Thread):
    """Keeps so many calls in flight on a channel of its own until the time is over."""

    def __init__(self, address: str, in_flight: int) -> None:
        super().__init__()
        self.address, self.in_flight = address, in_flight
        self.calls, self.failures = 0, []

    def run(self) -> None:
        from prism.interfaces.keyvalue import keyvalue_basic_pb2 as pb
        from prism.interfaces.keyvalue import keyvalue_basic_pb2_grpc

        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        channel = grpc.insecure_channel(self.address, options=options)
        stub = keyvalue_basic_pb2_grpc.KeyValueBasicInterfaceStub(channel)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and not self.failures:
            requests = [pb.GetRequest(key=f"key-{number}") for number in range(self.in_flight)]
            futures = [stub.Get.future(request, timeout=PATIENCE_SECONDS) for request in requests]
            for future in futures:
                self.calls += 1
                if future.exception() is not None:
                    self.failures.append(repr(future.exception()))


def main() -> None:
    address, protos, scratch = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    generate(protos, scratch)
    sys.path.insert(0, str(scratch))
    callers = [Caller(address, in_flight) for in_flight in IN_FLIGHT]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
        assert not caller.failures, f"{caller.in_flight} in flight, call {caller.calls}: {caller.failures[:3]}"
        assert caller.calls >= 100, f"only {caller.calls} calls"
    print(f"{sum(caller.calls for caller in callers)} calls: none failed")


if __name__ == "__main__":
    main()
