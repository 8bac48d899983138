//! Unary calls from the first byte to the last.

use std::borrow::Cow;

use super::client::{Client, GET, Seen, Sent, message, request};
use crate::frame::{ErrorCode, HEAD_BYTES};
use crate::h2::Event;
use crate::method::id;
use crate::status::{Code, Status};

#[test]
fn a_call_is_answered_from_end_to_end() {
    let mut client = Client::new();
    client.call(1, GET, b"request");
    let seen = client.feed();
    let [Seen::Unary { stream, method, message: content, deadline_ns: None }] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((*method, &content[..]), (id::KEYVALUE_BASIC_GET, &b"request"[..]));
    assert!(client.connection.is_open(*stream));
    client.reply(*stream, b"response");
    assert!(!client.connection.is_open(*stream));
    let sent = client.sent();
    assert_eq!(sent[0], Sent::Settings);
    let window = |sent: &Sent| matches!(sent, Sent::Window { stream: 0, .. });
    assert!(window(&sent[1]), "{sent:?}");
    assert_eq!(sent[2], Sent::SettingsAck);
    assert_eq!(sent[3].field(":status"), Some("200"));
    assert_eq!(sent[3].field("content-type"), Some("application/grpc"));
    assert_eq!(sent[4], Sent::Data { stream: 1, bytes: message(b"response"), end: false });
    assert_eq!(
        sent[5],
        Sent::Headers { stream: 1, fields: vec![("grpc-status".into(), "0".into())], end: true },
        "{sent:?}"
    );
    assert_eq!(sent.len(), 6);
    assert_eq!(client.connection.open_calls(), 0);
    assert_eq!(client.connection.held_bytes(), 0);
}

#[test]
fn a_reply_costs_37_bytes_beside_its_message() {
    let mut client = Client::ready();
    let mut last = 0;
    for round in 0..3 {
        let call = client.called(1 + 2 * round, GET, b"k");
        client.reply(call, b"value");
        last = client.connection.output().len();
        client.sent();
    }
    assert!(last - b"value".len() <= 37, "{last}");
    assert_eq!(last, 3 * HEAD_BYTES + 2 + 5 + b"value".len() + 1);
}

#[test]
fn a_message_in_one_frame_is_read_in_place() {
    let mut client = Client::ready();
    client.call(1, GET, b"request");
    let bytes = std::mem::take(&mut client.bytes);
    let input = client.connection.begin(&bytes);
    let Some(Event::Unary(call)) = client.connection.poll(&input, 0) else { panic!("no call") };
    assert!(matches!(call.message, Cow::Borrowed(_)));
    assert!(client.connection.poll(&input, 0).is_none());
    client.connection.end(input);
}

#[test]
fn several_calls_are_held_at_once_and_answered_in_any_order() {
    let mut client = Client::ready();
    client.call(1, GET, b"a");
    client.call(3, GET, b"b");
    let bytes = std::mem::take(&mut client.bytes);
    let input = client.connection.begin(&bytes);
    let first = client.connection.poll(&input, 0).expect("a call");
    let second = client.connection.poll(&input, 0).expect("a call");
    for event in [second, first] {
        let Event::Unary(call) = event else { panic!("{event:?}") };
        client.connection.reply(call.stream, call.message.len(), |out| out.extend_from_slice(&call.message));
    }
    client.connection.end(input);
    let data: Vec<_> = client.sent().into_iter().filter(|sent| matches!(sent, Sent::Data { .. })).collect();
    assert_eq!(data[0], Sent::Data { stream: 3, bytes: message(b"b"), end: false });
    assert_eq!(data[1], Sent::Data { stream: 1, bytes: message(b"a"), end: false });
}

#[test]
fn an_error_is_one_frame_with_its_message_percent_encoded() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"k");
    client.connection.finish(call, &Status::new(Code::NotFound, "no 100% é"), &[("prism-extra", "1")]);
    let sent = client.sent_one();
    assert!(matches!(sent, Sent::Headers { stream: 1, end: true, .. }));
    assert_eq!(sent.field(":status"), Some("200"));
    assert_eq!(sent.field("content-type"), Some("application/grpc"));
    assert_eq!(sent.field("grpc-status"), Some("5"));
    assert_eq!(sent.field("grpc-message"), Some("no 100%25 %C3%A9"));
    assert_eq!(sent.field("prism-extra"), Some("1"));
}

#[test]
fn the_end_may_come_in_a_frame_of_its_own() {
    let mut client = Client::ready();
    client.open(1, GET);
    client.data(1, false, &message(b"k"));
    assert_eq!(client.feed(), [], "a call is told of once its request has ended");
    client.data(1, true, b"");
    let seen = client.feed();
    assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if message == b"k"), "{seen:?}");
    client.open(3, GET);
    client.data(3, false, &message(b"k"));
    client.headers(3, true, &[("x-trailer", "ignored")]);
    let seen = client.feed();
    assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if message == b"k"), "{seen:?}");
}

#[test]
fn a_deadline_is_now_and_the_timeout() {
    let mut client = Client::ready();
    client.now_ns = 7;
    for (stream, memo) in [(1, "first"), (3, "indexed"), (5, "from memory")] {
        let fields = [&request(GET)[..], &[("grpc-timeout", "10m")]].concat();
        client.headers(stream, false, &fields);
        client.data(stream, true, &message(b""));
        let seen = client.feed();
        let [Seen::Unary { deadline_ns, .. }] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(*deadline_ns, Some(10_000_007), "{memo}");
    }
}

#[test]
fn a_reset_call_is_told_of_and_its_late_answer_dropped() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"k");
    client.raw(crate::frame::kind::RST_STREAM, 0, 1, &ErrorCode::Cancel.to_wire().to_be_bytes());
    assert_eq!(client.feed(), [Seen::Reset(call)]);
    assert!(!client.connection.is_open(call));
    client.connection.reply(call, 1, |_| panic!("nobody wants it"));
    client.connection.finish(call, &Status::OK, &[]);
    client.connection.open(call, &[]);
    client.connection.send(call, 1, |_| panic!("nobody wants it"));
    assert_eq!(client.connection.writable_bytes(call), 0);
    assert_eq!(client.sent(), []);
    // The slot is used again, and the old name does not reach the new call.
    let other = client.called(3, GET, b"k");
    assert_eq!(other.slot, call.slot);
    client.reply(call, b"late");
    assert_eq!(client.sent(), []);
    assert!(client.connection.is_open(other));
}
