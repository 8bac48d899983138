//! What real clients sent comes out as they meant it, however their bytes are cut: the calls of each recorded
//! connection against what an independent decoder reads in it.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

use prism_proto::h2::server::{Config, Connection};
use prism_tests::kind;
use prism_tests::recorded::{CALLS, CLIENTS, METHOD_PATH, Recorded, answer};

/// A call as the application is told of it.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    stream: u32,
    message: Vec<u8>,
    deadline_ns: Option<u64>,
}

/// The calls in the recording, by a decoder that is not ours; `count` at most.
fn expected(recorded: &Recorded, count: usize) -> Vec<Call> {
    let mut decoder = httlib_hpack::Decoder::with_dynamic_size(4_096);
    let mut calls: Vec<Call> = Vec::new();
    let starts = recorded.frame_starts();
    for (&start, &end) in starts.iter().zip(&starts[1..]) {
        let frame = &recorded.bytes[start..end.min(recorded.bytes.len())];
        let stream = u32::from_be_bytes(frame[5..9].try_into().unwrap());
        match frame[3] {
            kind::HEADERS if calls.len() == count => break,
            kind::HEADERS => {
                let mut fields = Vec::new();
                decoder.decode(&mut frame[9..].to_vec(), &mut fields).unwrap();
                let value = |wanted: &str| {
                    let found = fields.iter().find(|(name, ..)| name == wanted.as_bytes());
                    found.map(|(_, value, _)| String::from_utf8(value.clone()).unwrap())
                };
                assert_eq!(value(":path").as_deref(), Some(METHOD_PATH));
                let deadline_ns = value("grpc-timeout").map(|timeout| 1 + nanoseconds(&timeout));
                calls.push(Call { stream, message: Vec::new(), deadline_ns });
            }
            kind::DATA => calls.iter_mut().find(|call| call.stream == stream).unwrap().message.extend(&frame[9..]),
            _ => {}
        }
    }
    // Each has one message, in one piece or more.
    calls.iter_mut().for_each(|call| drop(call.message.drain(..5)));
    calls
}

fn nanoseconds(timeout: &str) -> u64 {
    let (digits, unit) = timeout.split_at(timeout.len() - 1);
    let unit_ns = match unit {
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1_000,
        "n" => 1,
        _ => panic!("{timeout}"),
    };
    digits.parse::<u64>().unwrap() * unit_ns
}

/// What the application is told when the bytes come in these parts.
fn told<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> Vec<Call> {
    let mut connection = Connection::new(&Config::default(), 0);
    let mut calls = Vec::new();
    for part in parts {
        answer(&mut connection, part, |call| {
            let (stream, message) = (call.stream.id, call.message.to_vec());
            calls.push(Call { stream, message, deadline_ns: call.deadline_ns });
        });
    }
    assert_eq!(connection.open_calls(), 0, "every call was answered");
    calls
}

#[test]
fn every_call_comes_out_whole_or_in_small_reads() {
    for recorded in Recorded::all() {
        let expected = expected(&recorded, CALLS);
        assert_eq!(expected.len(), CALLS, "{}", recorded.name);
        assert!(expected.iter().all(|call| call.message.starts_with(b"\n\x0ckey-")), "{}", recorded.name);
        let has_deadlines = recorded.name.ends_with("deadline");
        assert!(expected.iter().all(|call| call.deadline_ns.is_some() == has_deadlines), "{}", recorded.name);
        for length in [usize::MAX, 1_000, 61, 7, 1] {
            assert_eq!(told(recorded.bytes.chunks(length)), expected, "{} in reads of {length}", recorded.name);
        }
    }
}

#[test]
fn every_call_comes_out_cut_anywhere() {
    const COUNT: usize = 10;
    for recorded in Recorded::all() {
        let expected = expected(&recorded, COUNT);
        let bytes = &recorded.bytes[..recorded.call_starts()[COUNT]];
        for at in 0..bytes.len() {
            let (first, second) = bytes.split_at(at);
            assert_eq!(told([first, second]), expected, "{} cut at {at}", recorded.name);
        }
    }
}

#[test]
fn the_clients_differ_in_what_they_put_into_their_tables() {
    // Were all recordings the same, or of one client, the tests above would prove less.
    let mut blocks = Vec::new();
    for client in CLIENTS {
        let recorded = Recorded::load(&format!("{client}-plain"));
        let start = recorded.call_starts()[1];
        let length = usize::from(recorded.bytes[start + 2]);
        blocks.push(recorded.bytes[start + 9..][..length].to_vec());
    }
    blocks.sort();
    blocks.dedup();
    assert!(blocks.len() >= 5, "{blocks:?}");
}
