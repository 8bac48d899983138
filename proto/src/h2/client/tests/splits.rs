//! The same bytes, cut differently, mean the same; and no bytes do harm.

use proptest::prelude::*;

use super::server::{GET, Seen, Server, WATCH, message};
use crate::frame::{
    STREAM_MAX, flag, kind, setting, write_goaway, write_settings, write_settings_ack, write_window_update,
};
use crate::h2::client::{Config, Request};
use crate::method::id::REFLECTION_V1_SERVER_REFLECTION_INFO as REFLECTION;

/// The calls of a conversation, made before its first byte comes.
fn callers() -> Server {
    let mut server = Server::silent(&Config::default());
    server.called(Request { wants_headers: true, ..GET.into() }, &[1; 300]);
    server.called(WATCH, b"");
    let stream = server.opened(REFLECTION);
    server.send(stream, b"question").expect("it is taken");
    for _ in 0..4 {
        server.called(GET, b"k");
    }
    server
}

/// A conversation of everything: its server's bytes.
fn conversation() -> Vec<u8> {
    let mut server = callers();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 40), (setting::HEADER_TABLE_SIZE, 0)], &mut server.bytes);
    write_settings_ack(&mut server.bytes);
    server.headers(1, false, &[(":status", "200"), ("content-type", "application/grpc"), ("prism-from", "x")]);
    server.data(1, false, &message(&[5; 40]));
    server.begin(3);
    server.data(3, false, &[message(b"a"), message(b"bc"), vec![0, 0]].concat());
    server.raw(kind::PING, 0, 0, b"12345678");
    server.trailers(1, "0");
    server.data(3, false, &[0, 0, 1]);
    let block = server.block(&[(":status", "200"), ("content-type", "application/grpc"), ("x", "y")]);
    server.raw(kind::HEADERS, 0, 5, &block[..3]);
    server.raw(kind::CONTINUATION, flag::END_HEADERS, 5, &block[3..]);
    server.data(3, false, b"d");
    server.raw(kind::DATA, flag::PADDED, 5, &[&[4][..], &message(b"padded"), &[0; 4]].concat());
    write_window_update(0, 1_000, &mut server.bytes);
    server.headers(7, true, &[(":status", "503")]);
    server.raw(kind::RST_STREAM, 0, 9, &[0, 0, 0, 7]);
    server.trailers(3, "0");
    write_window_update(5, 30, &mut server.bytes);
    server.begin(11);
    server.data(11, false, &[3, 0, 0, 0, 0]);
    write_goaway(STREAM_MAX, crate::frame::ErrorCode::NoError, b"soon", &mut server.bytes);
    server.headers(5, true, &[("grpc-status", "13"), ("grpc-message", "%41")]);
    write_goaway(11, crate::frame::ErrorCode::NoError, b"now", &mut server.bytes);
    server.bytes
}

/// All events and the whole output of a conversation in these parts.
fn run<'p>(parts: impl Iterator<Item = &'p [u8]>) -> (Vec<Seen>, Vec<u8>) {
    let mut server = callers();
    let mut output = std::mem::take(server.connection.output());
    let mut all = Vec::new();
    for part in parts {
        all.extend(server.feed_bytes(part));
        assert!(server.connection.kept.len() <= 9 + 16_384);
        output.append(server.connection.output());
    }
    (all, output)
}

#[test]
fn whole_byte_by_byte_and_cut_anywhere() {
    let bytes = conversation();
    let whole = run([&bytes[..]].into_iter());
    assert_eq!(whole.0.len(), 15, "{:?}", whole.0);
    assert!(run(bytes.chunks(1)) == whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert!(run([first, second].into_iter()) == whole, "cut at {cut}");
    }
}

/// Each call ends once, and nothing is heard of a call before or after.
fn assert_sensible(seen: &[Seen]) {
    let mut ended = Vec::new();
    for seen in seen {
        let call = match seen {
            Seen::Headers(call, _) | Seen::Message(call, _) | Seen::Writable(call) => *call,
            Seen::Finished(finished) => finished.call,
            Seen::Ready | Seen::GoAway(..) => continue,
        };
        assert!(call.id % 2 == 1 && call.id <= 13, "{seen:?} is of no call");
        assert!(!ended.contains(&call.id), "{seen:?} after its end");
        if matches!(seen, Seen::Finished(_)) {
            ended.push(call.id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cut_at_random(sizes in prop::collection::vec(1usize..200, 1..100)) {
        let bytes = conversation();
        let whole = run([&bytes[..]].into_iter());
        let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
        for size in sizes {
            let (part, behind) = rest.split_at(size.min(rest.len()));
            parts.push(part);
            rest = behind;
        }
        parts.push(rest);
        prop_assert!(run(parts.into_iter()) == whole);
    }

    /// Whatever comes, nothing panics, and cuts change nothing.
    #[test]
    fn random_bytes_are_survived(junk in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..600) {
        let mut bytes = conversation();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + junk.len()).min(bytes.len()), junk);
        let whole = run([&bytes[..]].into_iter());
        assert_sensible(&whole.0);
        prop_assert!(run(bytes.chunks(7)) == whole);
    }

    /// Frames of random kinds, flags, streams and payloads reach deeper than random bytes.
    #[test]
    fn random_frames_are_survived(
        frames in prop::collection::vec(
            (0u8..11, any::<u8>(), 0u32..15, prop::collection::vec(any::<u8>(), 0..40)),
            0..40,
        )
    ) {
        let mut server = callers();
        write_settings(&[], &mut server.bytes);
        for id in [1, 3, 5, 7] {
            server.begin(id);
        }
        for (kind, flags, id, payload) in &frames {
            server.raw(*kind, *flags, *id, payload);
        }
        let bytes = std::mem::take(&mut server.bytes);
        let whole = run([&bytes[..]].into_iter());
        assert_sensible(&whole.0);
        prop_assert!(run(bytes.chunks(5)) == whole);
    }
}
