//! Frames that end the connection, each with its code, and frames that don't.

use super::client::{Client, GET, Seen, Sent, message, request};
use crate::frame::{ErrorCode, Head, flag, kind, setting};
use crate::limits::{CONTINUATIONS_PER_HEADERS_MAX, FRAME_BYTES_MAX};

fn setting(identifier: u16, value: u32) -> Vec<u8> {
    [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// Name, kind, flags, stream and payload of a frame, and the code that it deserves.
type Case = (&'static str, u8, u8, u32, Vec<u8>, ErrorCode);

#[test]
fn each_broken_rule_has_its_code() {
    use ErrorCode::{FlowControlError, FrameSizeError, ProtocolError};
    let most = u32::MAX;
    let cases: Vec<Case> = vec![
        ("DATA on stream 0", kind::DATA, 0, 0, vec![0], ProtocolError),
        ("DATA on an idle stream", kind::DATA, 0, 1, vec![0], ProtocolError),
        ("DATA on an even stream", kind::DATA, 0, 2, vec![0], ProtocolError),
        ("DATA without its pad length", kind::DATA, flag::PADDED, 1, vec![], FrameSizeError),
        ("DATA with too much padding", kind::DATA, flag::PADDED, 1, vec![1], ProtocolError),
        ("HEADERS on stream 0", kind::HEADERS, flag::END_HEADERS, 0, vec![0x83], ProtocolError),
        ("HEADERS on an even stream", kind::HEADERS, flag::END_HEADERS, 2, vec![0x83], ProtocolError),
        ("HEADERS with too much padding", kind::HEADERS, flag::PADDED, 1, vec![9, 0], ProtocolError),
        ("HEADERS without their priority", kind::HEADERS, flag::PRIORITY, 1, vec![0; 4], FrameSizeError),
        ("PRIORITY on stream 0", kind::PRIORITY, 0, 0, vec![0; 5], ProtocolError),
        ("PRIORITY too short on an idle stream", kind::PRIORITY, 0, 1, vec![0; 4], FrameSizeError),
        ("RST_STREAM on stream 0", kind::RST_STREAM, 0, 0, vec![0; 4], ProtocolError),
        ("RST_STREAM on an idle stream", kind::RST_STREAM, 0, 1, vec![0; 4], ProtocolError),
        ("RST_STREAM on an even stream", kind::RST_STREAM, 0, 2, vec![0; 4], ProtocolError),
        ("RST_STREAM too short", kind::RST_STREAM, 0, 1, vec![0; 3], FrameSizeError),
        ("SETTINGS on a stream", kind::SETTINGS, 0, 1, vec![], ProtocolError),
        ("SETTINGS of seven bytes", kind::SETTINGS, 0, 0, vec![0; 7], FrameSizeError),
        ("SETTINGS ACK with a payload", kind::SETTINGS, flag::ACK, 0, vec![0; 6], FrameSizeError),
        ("a second SETTINGS ACK", kind::SETTINGS, flag::ACK, 0, vec![], ProtocolError),
        ("ENABLE_PUSH of 2", kind::SETTINGS, 0, 0, setting(setting::ENABLE_PUSH, 2), ProtocolError),
        ("a window too large", kind::SETTINGS, 0, 0, setting(setting::INITIAL_WINDOW_SIZE, most), FlowControlError),
        ("a frame size too small", kind::SETTINGS, 0, 0, setting(setting::MAX_FRAME_SIZE, 16_383), ProtocolError),
        ("a frame size too large", kind::SETTINGS, 0, 0, setting(setting::MAX_FRAME_SIZE, 1 << 24), ProtocolError),
        ("PUSH_PROMISE", kind::PUSH_PROMISE, 0, 1, vec![0; 4], ProtocolError),
        ("PING on a stream", kind::PING, 0, 1, vec![0; 8], ProtocolError),
        ("PING too short", kind::PING, 0, 0, vec![0; 6], FrameSizeError),
        ("PING too long", kind::PING, 0, 0, vec![0; 9], FrameSizeError),
        ("GOAWAY on a stream", kind::GOAWAY, 0, 1, vec![0; 8], ProtocolError),
        ("GOAWAY too short", kind::GOAWAY, 0, 0, vec![0; 7], FrameSizeError),
        ("WINDOW_UPDATE too short", kind::WINDOW_UPDATE, 0, 0, vec![0; 3], FrameSizeError),
        ("WINDOW_UPDATE too long", kind::WINDOW_UPDATE, 0, 0, vec![0, 0, 0, 1, 0], FrameSizeError),
        ("WINDOW_UPDATE of 0", kind::WINDOW_UPDATE, 0, 0, vec![0; 4], ProtocolError),
        ("WINDOW_UPDATE on an idle stream", kind::WINDOW_UPDATE, 0, 1, vec![0, 0, 0, 1], ProtocolError),
        ("WINDOW_UPDATE on an even stream", kind::WINDOW_UPDATE, 0, 2, vec![0, 0, 0, 1], ProtocolError),
        ("a window above the maximum", kind::WINDOW_UPDATE, 0, 0, vec![0x7f, 0xff, 0xff, 0xff], FlowControlError),
        ("CONTINUATION of nothing", kind::CONTINUATION, flag::END_HEADERS, 1, vec![], ProtocolError),
        ("CONTINUATION on stream 0", kind::CONTINUATION, flag::END_HEADERS, 0, vec![], ProtocolError),
    ];
    for (name, kind, flags, stream, payload, code) in cases {
        let mut client = Client::ready();
        client.raw(kind, flags, stream, &payload);
        client.feed();
        let Sent::Goaway { code: found, reason, last: 0 } = client.sent_one() else { panic!("{name}") };
        assert_eq!(found, code, "{name}: {reason}");
        assert!(client.connection.is_finished(), "{name}");
    }
}

#[test]
fn a_frame_too_long_is_refused_by_its_head() {
    let mut client = Client::ready();
    Head { length: FRAME_BYTES_MAX as u32 + 1, kind: kind::DATA, flags: 0, stream: 1 }.write(&mut client.bytes);
    client.dies(ErrorCode::FrameSizeError);
    // Whatever it is, also on a stream that is open: a peer that ignores our settings does so again.
    for (kind, stream) in [(kind::HEADERS, 3), (kind::SETTINGS, 0), (kind::CONTINUATION, 3), (0xfa, 0), (kind::DATA, 1)]
    {
        let mut client = Client::ready();
        client.open(1, GET);
        Head { length: FRAME_BYTES_MAX as u32 + 1, kind, flags: 0, stream }.write(&mut client.bytes);
        client.dies(ErrorCode::FrameSizeError);
    }
    // The same when the head itself is cut.
    let mut client = Client::ready();
    let head = Head { length: FRAME_BYTES_MAX as u32 + 1, kind: kind::DATA, flags: 0, stream: 1 }.to_bytes();
    client.feed_bytes(&head[..5]);
    client.bytes.extend_from_slice(&head[5..]);
    client.bytes.extend_from_slice(b"and so on");
    client.dies(ErrorCode::FrameSizeError);
}

#[test]
fn unknown_frames_flags_and_settings_are_ignored() {
    let mut client = Client::ready();
    client.raw(0xfa, 0xff, 7, b"whatever");
    client.raw(kind::SETTINGS, 0, 0, &setting(0xff00, 1));
    client.raw(kind::PING, 0xfe, 0, b"12345678");
    client.raw(kind::PRIORITY, 0, 9, &[0, 0, 0, 7, 1]);
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), [Sent::SettingsAck, Sent::Ping { ack: true, opaque: *b"12345678" }]);
}

#[test]
fn padding_and_priority_are_stripped() {
    let mut client = Client::ready();
    let block = client.block(&request(GET));
    let payload = [&[3, 0x80, 0, 0, 0, 9][..], &block, &[0; 3]].concat();
    client.raw(kind::HEADERS, flag::END_HEADERS | flag::PADDED | flag::PRIORITY, 1, &payload);
    let payload = [&[2][..], &message(b"key"), &[0; 2]].concat();
    client.raw(kind::DATA, flag::END_STREAM | flag::PADDED, 1, &payload);
    let seen = client.feed();
    assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if message == b"key"), "{seen:?}");
}

#[test]
fn a_block_may_be_continued_and_nothing_may_come_between() {
    let mut client = Client::ready();
    let block = client.block(&request(GET));
    let (first, rest) = block.split_at(4);
    let (second, third) = rest.split_at(1);
    client.raw(kind::HEADERS, flag::END_STREAM, 1, first);
    client.raw(kind::CONTINUATION, 0, 1, second);
    client.raw(kind::CONTINUATION, flag::END_HEADERS, 1, third);
    client.fails(1, "12", "no message");

    let between = [(kind::DATA, 1), (kind::PRIORITY, 1), (kind::HEADERS, 1), (kind::HEADERS, 3), (kind::PING, 0)];
    let others = [(kind::RST_STREAM, 1), (kind::SETTINGS, 0), (kind::CONTINUATION, 3), (0xfa, 0)];
    for (kind, stream) in between.into_iter().chain(others) {
        let mut client = Client::ready();
        client.raw(kind::HEADERS, 0, 1, first);
        client.raw(kind, 0, stream, &[0; 8]);
        client.dies(ErrorCode::ProtocolError);
    }
}

#[test]
fn a_block_that_has_ended_is_not_continued() {
    for is_continued in [false, true] {
        let mut client = Client::ready();
        let block = client.block(&request(GET));
        if is_continued {
            client.raw(kind::HEADERS, 0, 1, &block[..4]);
            client.raw(kind::CONTINUATION, flag::END_HEADERS, 1, &block[4..]);
        } else {
            client.raw(kind::HEADERS, flag::END_HEADERS, 1, &block);
        }
        client.raw(kind::CONTINUATION, flag::END_HEADERS, 1, &[]);
        client.dies(ErrorCode::ProtocolError);
    }
}

#[test]
fn continuations_are_counted() {
    let mut client = Client::ready();
    client.raw(kind::HEADERS, 0, 1, &[]);
    for _ in 0..CONTINUATIONS_PER_HEADERS_MAX {
        client.raw(kind::CONTINUATION, 0, 1, &[]);
    }
    client.feed();
    assert_eq!(client.sent(), []);
    client.raw(kind::CONTINUATION, 0, 1, &[]);
    client.dies(ErrorCode::EnhanceYourCalm);
}

#[test]
fn the_goaway_names_the_last_call() {
    let mut client = Client::ready();
    client.call(5, GET, b"");
    client.raw(kind::PING, 0, 3, &[0; 8]);
    client.feed();
    let Sent::Goaway { last, .. } = client.sent_one() else { panic!("no GOAWAY") };
    assert_eq!(last, 5);
    assert_eq!(client.connection.open_calls(), 0, "nothing is answered any more");
}
