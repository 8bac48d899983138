//! States of streams (RFC 9113 §5.1): what may come when, and what closed streams ignore.

use super::client::{Client, GET, Seen, Sent, message, request};
use crate::frame::{ErrorCode, kind};
use crate::limits::Limits;

#[test]
fn frames_after_end_stream_reset_the_stream() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.data(1, false, b"more");
    assert_eq!(client.resets(1, ErrorCode::StreamClosed), [Seen::Reset(call)]);

    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.headers(1, true, &[("x", "y")]);
    assert_eq!(client.resets(1, ErrorCode::StreamClosed), [Seen::Reset(call)]);
}

#[test]
fn frames_on_a_closed_stream() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.reply(call, b"");
    client.sent();
    client.raw(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]);
    client.raw(kind::RST_STREAM, 0, 1, &[0; 4]);
    client.raw(kind::PRIORITY, 0, 1, &[0, 0, 0, 9, 1]);
    client.feed();
    assert_eq!(client.sent(), []);
    client.data(1, false, b"x");
    client.resets(1, ErrorCode::StreamClosed);

    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.reply(call, b"");
    client.sent();
    client.headers(1, true, &request(GET));
    client.dies(ErrorCode::StreamClosed);
}

#[test]
fn identifiers_only_grow() {
    let mut client = Client::ready();
    client.called(7, GET, b"");
    client.headers(5, true, &request(GET));
    client.dies(ErrorCode::ProtocolError);

    // One that was used, beside one that was not.
    for (stream, code) in [(3, ErrorCode::ProtocolError), (1, ErrorCode::StreamClosed)] {
        let mut client = Client::ready();
        for used in [1, 5, 7] {
            let call = client.called(used, GET, b"");
            client.reply(call, b"");
            client.sent();
        }
        client.headers(stream, true, &request(GET));
        client.dies(code);
    }
}

#[test]
fn what_crosses_our_reset_is_ignored() {
    let mut client = Client::ready();
    client.open(1, GET);
    client.data(1, false, &[9, 0, 0, 0, 0]);
    client.fails(1, "13", "compressed flag");
    for _ in 0..3 {
        client.data(1, false, b"late");
    }
    client.headers(1, true, &[("x-late", "1")]);
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), []);
    client.called(3, GET, b"");
}

#[test]
fn nothing_is_excused_after_the_clients_own_reset() {
    // A call that is under way, and one that we have answered and reset before.
    for path in [GET, "/a/b"] {
        for is_data in [true, false] {
            let mut client = Client::ready();
            client.open(1, path);
            client.raw(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
            client.feed();
            client.sent();
            if is_data {
                client.data(1, true, b"late");
                client.resets(1, ErrorCode::StreamClosed);
            } else {
                client.headers(1, true, &request(path));
                client.dies(ErrorCode::StreamClosed);
            }
        }
    }
}

#[test]
fn what_crosses_the_reset_of_a_broken_stream_is_ignored() {
    let mut client = Client::ready();
    client.headers(1, false, &[(":method", "POST")]);
    client.resets(1, ErrorCode::ProtocolError);
    client.data(1, true, &message(b"late"));
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), []);
}

#[test]
fn more_calls_than_allowed_are_refused_safely() {
    let limits = Limits { streams_per_connection_max: 2, ..Limits::DEFAULT };
    let mut client = Client::ready_with(limits);
    let first = client.called(1, GET, b"");
    client.called(3, GET, b"");
    client.call(5, GET, b"");
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), [Sent::Reset { stream: 5, code: ErrorCode::RefusedStream }]);
    client.reply(first, b"");
    client.called(7, GET, b"");
    assert_eq!(client.connection.open_calls(), 2);
}

#[test]
fn priority_changes_nothing() {
    let mut client = Client::ready();
    client.raw(kind::PRIORITY, 0, 9, &[0, 0, 0, 0, 1]);
    let call = client.called(1, GET, b"");
    client.raw(kind::PRIORITY, 0, 1, &[0x80, 0, 0, 7, 255]);
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), []);
    client.reply(call, b"reply");
    assert!(matches!(&client.sent()[1], Sent::Data { stream: 1, bytes, .. } if *bytes == message(b"reply")));
}

#[test]
fn a_broken_priority_resets_an_open_stream() {
    let mut client = Client::ready();
    client.called(1, GET, b"");
    client.raw(kind::PRIORITY, 0, 1, &[0; 4]);
    client.resets(1, ErrorCode::FrameSizeError);
}

#[test]
fn an_answer_before_the_end_of_the_request_resets_its_rest() {
    let mut client = Client::ready();
    client.open(1, GET);
    client.data(1, false, &[0, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(client.fails(1, "8", "limits.message_bytes_max"), []);

    let mut client = Client::ready();
    client.open(1, GET);
    client.data(1, false, &[0, 0xff, 0xff, 0xff, 0xff]);
    client.feed();
    let sent = client.sent();
    assert!(matches!(sent[0], Sent::Headers { stream: 1, end: true, .. }), "{sent:?}");
    assert_eq!(sent[1..], [Sent::Reset { stream: 1, code: ErrorCode::NoError }]);
}

#[test]
fn many_streams_in_any_order() {
    let mut client = Client::ready();
    let mut calls = Vec::new();
    for stream in 0..1_000 {
        calls.push(client.called(2 * stream + 1, GET, &stream.to_be_bytes()));
    }
    assert_eq!(client.connection.open_calls(), 1_000);
    for step in 0..1_000 {
        let call = calls[step * 7 % 1_000];
        client.reply(call, &call.id.to_be_bytes());
    }
    let data: Vec<u32> = client
        .sent()
        .into_iter()
        .filter_map(|sent| match sent {
            Sent::Data { stream, bytes, .. } => {
                assert_eq!(bytes, message(&stream.to_be_bytes()));
                Some(stream)
            }
            _ => None,
        })
        .collect();
    assert_eq!(data.len(), 1_000);
    assert_eq!(client.connection.open_calls(), 0);
}

#[test]
fn goaway_from_the_client_lets_its_calls_finish() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.raw(kind::GOAWAY, 0, 0, &[0; 8]);
    client.feed();
    assert!(!client.connection.is_finished());
    client.reply(call, b"");
    assert!(!client.connection.is_finished(), "the reply has yet to leave");
    client.sent();
    assert!(client.connection.is_finished());
}
