//! The first bytes of a connection (RFC 9113 §3.4).

use super::client::{Client, Sent};
use crate::frame::{self, ErrorCode, PREFACE, kind};
use crate::limits::Limits;

#[test]
fn nothing_is_said_before_the_preface() {
    let mut client = Client::silent(Limits::DEFAULT);
    client.bytes.extend_from_slice(&PREFACE[..23]);
    client.feed();
    assert_eq!(client.sent(), []);
    client.bytes.extend_from_slice(&PREFACE[23..]);
    client.feed();
    assert_eq!(client.sent()[0], Sent::Settings);
    frame::write_settings(&[], &mut client.bytes);
    client.feed();
    assert_eq!(client.sent(), [Sent::SettingsAck]);
    assert!(!client.connection.is_finished());
}

#[test]
fn http_1_gets_an_answer_that_it_can_read() {
    for request in ["GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n", "PRI * HTTP/1.1\r\n\r\n", "hello"] {
        for cut in 0..request.len() {
            let mut client = Client::silent(Limits::DEFAULT);
            client.feed_bytes(&request.as_bytes()[..cut]);
            client.feed_bytes(&request.as_bytes()[cut..]);
            assert!(!client.connection.is_finished(), "the answer has yet to leave");
            let answer = String::from_utf8(std::mem::take(client.connection.output())).expect("text");
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
            assert!(body.contains("gRPC over HTTP/2"));
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{answer}");
            assert!(client.connection.is_finished());
        }
    }
}

#[test]
fn other_bytes_get_a_goaway() {
    let mut client = Client::silent(Limits::DEFAULT);
    client.bytes.extend_from_slice(&[0x16, 3, 1, 2, 0, 1]);
    client.dies(ErrorCode::ProtocolError);
}

#[test]
fn the_first_frame_is_settings() {
    for (kind, flags, payload) in [(kind::PING, 0, &b"12345678"[..]), (kind::SETTINGS, 1, b""), (kind::DATA, 0, b"")] {
        let mut client = Client::silent(Limits::DEFAULT);
        client.bytes.extend_from_slice(PREFACE);
        client.raw(kind, flags, 0, payload);
        client.dies(ErrorCode::ProtocolError);
    }
}

#[test]
fn nothing_is_read_after_the_end() {
    let mut client = Client::ready();
    client.raw(kind::PUSH_PROMISE, 0, 1, b"\0\0\0\x02");
    client.raw(kind::PING, 0, 0, b"12345678");
    client.feed();
    let Sent::Goaway { code, .. } = client.sent_one() else { panic!("no GOAWAY alone") };
    assert_eq!(code, ErrorCode::ProtocolError);
    client.raw(kind::PING, 0, 0, b"12345678");
    assert_eq!(client.feed(), []);
    assert_eq!(client.sent(), []);
    assert_eq!(client.connection.held_bytes(), 0);
}

#[test]
fn who_does_not_finish_the_handshake_in_time_is_told_so() {
    let nothing = Client::silent(Limits::DEFAULT);
    let mut half_a_preface = Client::silent(Limits::DEFAULT);
    half_a_preface.bytes.extend_from_slice(&PREFACE[..12]);
    let mut no_settings = Client::silent(Limits::DEFAULT);
    no_settings.bytes.extend_from_slice(PREFACE);
    let no_acknowledgement = Client::new();
    for (mut client, expected) in [
        (nothing, ErrorCode::ProtocolError),
        (half_a_preface, ErrorCode::ProtocolError),
        (no_settings, ErrorCode::ProtocolError),
        (no_acknowledgement, ErrorCode::SettingsTimeout),
    ] {
        client.feed();
        client.connection.handshake_timed_out();
        let Some(Sent::Goaway { code, reason, .. }) = client.sent().pop() else { panic!("no GOAWAY at the end") };
        assert_eq!(code, expected, "{reason}");
        assert!(reason.contains("limits.handshake_timeout"), "{reason}");
        assert!(client.connection.is_finished());
    }
    let mut client = Client::ready();
    client.connection.handshake_timed_out();
    assert_eq!(client.sent(), []);
    assert!(!client.connection.is_finished());
}
