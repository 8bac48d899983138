//! The floor's servers under the replay client, on a real ring.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use prism_bench::echo;
use prism_bench::floor::{self, Echo, Exchange, Feed, Fixed, Floor};
use prism_bench::replay::{self, Bound, Pacing, Plan, Report};
use prism_bench::request::{HeaderCoding, Operation, Request};
use prism_bench::session::Session;
use prism_shard::{Address, Shards};

const REQUESTS: u64 = 2_000;

/// Serves on a core that this process may use; none where the kernel forbids the ring, which other tests report.
fn serve<M: Feed, F: Fn(u64) -> M + Clone + Send + 'static>(make: F) -> (Shards<Floor<F>>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let cores = core_affinity::get_core_ids().expect("the cores of this process");
    let shards = floor::launch(listener, cores[0].id, 0, false, make).expect("the shard starts");
    let address = shards.local_addrs().iter().find_map(Address::as_tcp).expect("a TCP listener");
    (shards, address)
}

fn stop<F, M: Feed>(shards: Shards<Floor<F>>)
where
    F: Fn(u64) -> M + Clone + Send + 'static,
{
    shards.drain(Duration::from_secs(10));
    shards.join().expect("the shard ends well");
}

fn plan(address: SocketAddr, pacing: Pacing) -> Plan {
    Plan { address, connections: 4, streams: 25, pacing, bound: Bound::Requests(REQUESTS), spins: false }
}

fn request(operation: Operation, coding: HeaderCoding) -> Rc<Request> {
    let message = operation.message("key", b"value", "");
    Rc::new(Request::new(operation.path(), "localhost", &message, coding))
}

fn call(address: SocketAddr, operation: Operation, coding: HeaderCoding) -> Report {
    let request = request(operation, coding);
    replay::run(&plan(address, Pacing::Sliding), || Session::new(Rc::clone(&request))).expect("the server answers")
}

#[test]
fn the_engine_answers_every_call_alike() {
    let (shards, address) = serve(|now_ns| Fixed::new(64, now_ns));
    for coding in [HeaderCoding::Indexed, HeaderCoding::Literal] {
        let get = call(address, Operation::Get, coding);
        assert_eq!((get.requests, get.errors, get.first_error), (REQUESTS, 0, None), "{coding:?}");
        // The prefix of 5 bytes, found and its key, and the value with its key and length.
        assert_eq!(get.message_bytes, REQUESTS * (5 + 2 + 2 + 64));
    }
    for operation in [Operation::Set, Operation::Delete, Operation::Exists] {
        let report = call(address, operation, HeaderCoding::Indexed);
        assert_eq!((report.errors, report.message_bytes), (0, REQUESTS * 7), "{operation:?}");
    }
    stop(shards);
}

#[test]
fn messages_larger_than_a_window_go_as_they_are_granted() {
    const CALLS: u64 = 40;
    let (shards, address) = serve(|now_ns| Fixed::new(64, now_ns));
    let message = Operation::Set.message("key", &[b'v'; 1 << 20], "");
    let request = Rc::new(Request::new(Operation::Set.path(), "localhost", &message, HeaderCoding::Indexed));
    let plan = Plan {
        address,
        connections: 2,
        streams: 4,
        pacing: Pacing::Sliding,
        bound: Bound::Requests(CALLS),
        spins: false,
    };
    let report = replay::run(&plan, || Session::new(Rc::clone(&request))).expect("the server answers");
    assert_eq!((report.requests, report.errors, report.first_error), (CALLS, 0, None));
    assert!(report.sent_bytes >= CALLS << 20, "{}", report.sent_bytes);
    stop(shards);
}

#[test]
fn a_call_that_is_not_measured_is_an_error() {
    let (shards, address) = serve(|now_ns| Fixed::new(64, now_ns));
    let path = "/prism.interfaces.keyvalue.KeyValueTTLInterface/Persist";
    let request = Rc::new(Request::new(path, "localhost", b"\x0a\x01k", HeaderCoding::Indexed));
    let report =
        replay::run(&plan(address, Pacing::Batch), || Session::new(Rc::clone(&request))).expect("the server answers");
    assert_eq!((report.requests, report.errors), (REQUESTS, REQUESTS));
    assert_eq!(report.first_error.as_deref(), Some("grpc-status 12: not measured"));
    stop(shards);
}

#[test]
fn the_echo_keeps_to_its_rate() {
    let request = request(Operation::Get, HeaderCoding::Indexed);
    let exchange = Exchange { received_bytes: request.wire_bytes(), sent_bytes: 104 };
    let (shards, address) = serve(move |_| Echo::new(exchange));
    let report = replay::run(&plan(address, Pacing::Batch), || echo::Echo::new(Rc::clone(&request), 104));
    let report = report.expect("the server answers");
    assert_eq!((report.requests, report.received_bytes), (REQUESTS, REQUESTS * 104));
    stop(shards);
}
