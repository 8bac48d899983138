//! gRPC's framing: prefixes and messages cut anywhere, and the calls that fail for them.

use super::client::{Client, GET, Seen, message};
use crate::limits::Limits;

#[test]
fn a_message_may_come_in_any_number_of_frames() {
    let whole = message(b"0123456789");
    for first in 0..whole.len() {
        for second in first..whole.len() {
            let mut client = Client::ready();
            client.open(1, GET);
            client.data(1, false, &whole[..first]);
            client.data(1, false, &whole[first..second]);
            assert_eq!(client.feed(), []);
            assert_eq!(client.connection.held_bytes(), second);
            client.data(1, true, &whole[second..]);
            let seen = client.feed();
            assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if message == b"0123456789"), "{seen:?}");
            assert_eq!(client.connection.held_bytes(), 0);
        }
    }
}

#[test]
fn broken_messages_fail_their_call() {
    let two = [message(b"a"), message(b"b")].concat();
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("no message", vec![], "12", "no message"),
        ("half a prefix", vec![0, 0], "13", "inside a message"),
        ("half a message", message(b"abc")[..6].to_vec(), "13", "inside a message"),
        ("two messages", two, "12", "more than one"),
        ("one and a half", [message(b"a"), vec![0]].concat(), "12", "more than one"),
        ("compressed", vec![1, 0, 0, 0, 0], "13", "grpc-encoding"),
        ("a strange flag", vec![2, 0, 0, 0, 0], "13", "flag"),
        ("too long", vec![0, 0, 0x40, 0, 1], "8", "limits.message_bytes_max"),
    ];
    for (name, bytes, status, part) in cases {
        // In one frame with the end, and byte by byte with the end in a frame of its own.
        let mut client = Client::ready();
        client.open(1, GET);
        client.data(1, true, &bytes);
        assert_eq!(client.fails(1, status, part), [], "{name}");
        assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0), "{name}");

        let mut client = Client::ready();
        client.open(1, GET);
        for byte in &bytes {
            client.data(1, false, &[*byte]);
        }
        client.data(1, true, b"");
        assert_eq!(client.fails(1, status, part), [], "{name}");
        assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0), "{name}");
    }
}

#[test]
fn the_longest_message_is_taken_and_one_byte_more_is_not() {
    let limits = Limits { message_bytes_max: 10, ..Limits::DEFAULT };
    let mut client = Client::ready_with(limits);
    client.called(1, GET, &[7; 10]);
    client.call(3, GET, &[7; 11]);
    client.fails(3, "8", "limits.message_bytes_max (10 bytes)");
}

#[test]
fn a_call_without_content_has_no_message() {
    let mut client = Client::ready();
    client.headers(1, true, &super::client::request(GET));
    client.fails(1, "12", "no message");
}
