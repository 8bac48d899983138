//! The graceful end in two steps (RFC 9113 §6.8).

use super::client::{Client, GET, Sent, request};
use crate::frame::{ErrorCode, PREFACE, flag, kind};
use crate::limits::Limits;

fn goaway(last: u32) -> Sent {
    Sent::Goaway { last, code: ErrorCode::NoError, reason: "draining".into() }
}

#[test]
fn calls_that_cross_the_first_goaway_are_served_and_later_ones_ignored() {
    let mut client = Client::ready();
    let first = client.called(1, GET, b"");
    client.connection.drain(0);
    let sent = client.sent();
    assert_eq!(sent[0], goaway(0x7fff_ffff));
    let Sent::Ping { ack: false, opaque } = sent[1] else { panic!("{sent:?}") };
    let second = client.called(3, GET, b"");
    client.raw(kind::PING, flag::ACK, 0, b"notthis!");
    client.feed();
    assert_eq!(client.sent(), []);
    client.raw(kind::PING, flag::ACK, 0, &opaque);
    client.feed();
    assert_eq!(client.sent(), [goaway(3)]);
    // The client knows that these were not served.
    client.call(5, GET, b"");
    client.open(7, GET);
    client.data(7, false, &[0; 100]);
    client.headers(7, true, &[("x", "y")]);
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), []);
    client.reply(first, b"");
    client.reply(second, b"");
    assert!(!client.connection.is_finished());
    assert_eq!(client.sent().len(), 6);
    assert!(client.connection.is_finished());
}

#[test]
fn a_client_that_does_not_answer_is_not_waited_for_twice() {
    let mut client = Client::ready();
    client.connection.drain(0);
    client.connection.drain(1);
    client.connection.drain(2);
    let sent = client.sent();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[2], goaway(0));
    assert!(client.connection.is_finished());
}

#[test]
fn a_connection_that_has_said_nothing_is_simply_closed() {
    let mut client = Client::silent(Limits::DEFAULT);
    client.connection.drain(0);
    assert!(client.connection.is_finished());

    let mut client = Client::silent(Limits::DEFAULT);
    client.bytes.extend_from_slice(PREFACE);
    client.feed();
    client.connection.drain(0);
    client.connection.drain(0);
    client.sent();
    assert!(client.connection.is_finished());
}

#[test]
fn the_tables_stay_in_step_while_calls_are_ignored() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.connection.drain(0);
    client.connection.drain(0);
    client.sent();
    client.headers(3, true, &[&request(GET)[..], &[("x-new", "entry")]].concat());
    client.headers(5, true, &[&request(GET)[..], &[("x-new", "entry")]].concat());
    assert_eq!(client.feed(), []);
    client.reply(call, b"");
    assert_eq!(client.sent().len(), 3);
    assert!(client.connection.is_finished());
}
