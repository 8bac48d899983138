//! The replay client against a server on its own ring.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::thread;

use super::*;
use crate::echo::Echo;
use crate::request::{HeaderCoding, Operation, Request};

const REPLY_BYTES: u64 = 3;

fn request() -> Request {
    Request::new("/a/b", "host", &Operation::Get.message("key", b"", ""), HeaderCoding::Literal)
}

/// Serves connections that answer each request's bytes with three, until the client closes them.
fn serve(connections: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let request_bytes = request().wire_bytes();
    thread::spawn(move || {
        for _ in 0..connections {
            let (mut socket, _) = listener.accept().expect("a connection");
            thread::spawn(move || {
                let mut call = vec![0; request_bytes];
                while socket.read_exact(&mut call).is_ok() {
                    socket.write_all(&[0; REPLY_BYTES as usize]).expect("the client reads");
                }
            });
        }
    });
    address
}

fn plan(connections: usize, streams: u32, pacing: Pacing, bound: Bound) -> Plan {
    Plan { address: serve(connections), connections, streams, pacing, bound, spins: false }
}

fn drive(plan: &Plan) -> Report {
    let request = Rc::new(request());
    run(plan, || Echo::new(Rc::clone(&request), REPLY_BYTES)).expect("the echo answers")
}

#[test]
fn every_request_of_the_bound_is_answered_under_both_pacings() {
    for pacing in [Pacing::Batch, Pacing::Sliding] {
        let report = drive(&plan(3, 7, pacing, Bound::Requests(100)));
        assert_eq!((report.requests, report.errors), (100, 0), "{pacing:?}");
        assert_eq!(report.received_bytes, 300);
        assert_eq!(report.sent_bytes, 100 * request().wire_bytes() as u64);
        assert!(report.writes > 0 && report.reads > 0);
    }
}

#[test]
fn a_duration_ends_with_everything_answered() {
    let report = drive(&plan(1, 4, Pacing::Sliding, Bound::Duration(Duration::from_millis(1))));
    assert!(report.requests > 0);
    assert_eq!(report.received_bytes, report.requests * REPLY_BYTES);
}

#[test]
fn a_closed_connection_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let server = thread::spawn(move || drop(listener.accept().expect("a connection")));
    let plan =
        Plan { address, connections: 1, streams: 1, pacing: Pacing::Batch, bound: Bound::Requests(1), spins: false };
    let request = Rc::new(request());
    assert!(run(&plan, || Echo::new(Rc::clone(&request), REPLY_BYTES)).is_err());
    server.join().expect("the server closes");
}
