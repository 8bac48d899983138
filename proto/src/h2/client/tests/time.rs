//! Deadlines and keepalive, on a clock that the test turns.

use super::server::{GET, Seen, Sent, Server, WATCH, message};
use crate::frame::{ErrorCode, flag, kind};
use crate::h2::client::{Config, Keepalive, Request};
use crate::limits::SECOND_NS;
use crate::status::Code;

#[test]
fn calls_end_when_their_time_is_up() {
    let mut server = Server::ready();
    assert_eq!(server.connection.next_tick_ns(), None);
    let slow = server.called(Request::from(GET).within(3 * SECOND_NS), b"");
    let quick = server.called(Request::from(GET).within(SECOND_NS), b"");
    let forever = server.called(GET, b"");
    server.sent();
    assert_eq!(server.connection.next_tick_ns(), Some(SECOND_NS));
    assert_eq!(server.tick(SECOND_NS - 1), []);
    let seen = server.tick(SECOND_NS);
    assert_eq!(seen.len(), 1);
    let finished = seen[0].finished();
    assert_eq!((finished.call, finished.status.code), (quick, Code::DeadlineExceeded));
    assert!(!finished.is_unprocessed);
    assert_eq!(server.sent_one(), Sent::Reset { id: quick.id, code: ErrorCode::Cancel });
    assert_eq!(server.connection.next_tick_ns(), Some(3 * SECOND_NS));
    // An answer that comes too late is nobody's.
    server.reply(quick.id, b"late");
    server.reply(slow.id, b"in time");
    assert_eq!(server.feed().len(), 2);
    // The next deadline is looked for only when the last one has come.
    assert_eq!(server.tick(3 * SECOND_NS), []);
    assert_eq!(server.connection.next_tick_ns(), None);
    assert_eq!(server.tick(u64::MAX), []);
    assert!(server.connection.is_open(forever));
    server.lives();
}

#[test]
fn a_slot_is_not_taken_before_its_end_was_heard_of() {
    let mut server = Server::ready();
    let old = server.called(Request::from(GET).within(SECOND_NS), b"");
    server.connection.tick(SECOND_NS);
    assert!(!server.connection.is_open(old) && !server.connection.cancel(old));
    let new = server.called(GET, b"");
    assert_ne!(old.slot, new.slot);
    server.reply(old.id, b"late");
    assert_eq!(server.feed()[0].finished().call, old);
    assert_eq!(server.called(GET, b"").slot, old.slot);
}

#[test]
fn a_deadline_frees_what_waits() {
    let mut server = Server::ready();
    let call = server.called(Request::from(GET).within(SECOND_NS), &[0; 100_000]);
    server.sent();
    assert!(server.connection.held_bytes() > 30_000);
    assert_eq!(server.tick(SECOND_NS).len(), 1);
    server.sent();
    assert_eq!(server.connection.held_bytes(), 0);
    let other = server.called(Request::from(WATCH).within(SECOND_NS), b"");
    server.begin(other.id);
    server.data(other.id, false, &message(&[0; 9])[..7]);
    server.feed();
    assert_eq!(server.tick(2 * SECOND_NS)[0].finished().call, other);
    server.sent();
    assert_eq!(server.connection.held_bytes(), 0);
    assert!(!server.connection.is_open(call));
}

fn alive(without_calls: bool) -> Server {
    let keepalive = Keepalive { interval_ns: 10 * SECOND_NS, timeout_ns: 2 * SECOND_NS, without_calls };
    Server::ready_with(&Config { keepalive: Some(keepalive), ..Config::default() })
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut server = alive(false);
    assert_eq!(server.connection.next_tick_ns(), None, "without calls nobody minds");
    let call = server.called(WATCH, b"");
    server.tick(0);
    server.sent();
    assert_eq!(server.connection.next_tick_ns(), Some(10 * SECOND_NS));
    assert_eq!(server.tick(10 * SECOND_NS), []);
    let Sent::Ping { ack: false, opaque } = server.sent_one() else { panic!("no PING") };
    // Anything that comes is a sign of life.
    server.raw(kind::PING, flag::ACK, 0, &opaque);
    assert_eq!(server.feed(), []);
    assert_eq!(server.tick(12 * SECOND_NS), []);
    assert_eq!(server.connection.next_tick_ns(), Some(22 * SECOND_NS));
    assert_eq!(server.tick(22 * SECOND_NS), []);
    assert!(matches!(server.sent_one(), Sent::Ping { .. }));
    assert_eq!(server.tick(24 * SECOND_NS - 1), []);
    let seen = server.tick(24 * SECOND_NS);
    assert_eq!((seen[0].finished().call, seen[0].finished().status.code), (call, Code::Unavailable));
    assert!(seen[0].finished().status.message.contains("keepalive"));
    assert!(server.connection.is_finished());
}

#[test]
fn an_idle_connection_is_asked_when_that_is_wanted() {
    let mut server = alive(true);
    server.tick(0);
    assert_eq!(server.connection.next_tick_ns(), Some(10 * SECOND_NS));
    server.tick(10 * SECOND_NS);
    assert!(matches!(server.sent_one(), Sent::Ping { .. }));
    assert_eq!(server.tick(12 * SECOND_NS), [] as [Seen; 0]);
    assert!(server.connection.is_finished());
}
