//! The same bytes, cut differently, mean the same.

use proptest::prelude::*;

use super::client::{Client, GET, REFLECTION, SCAN, Seen, message, request};
use crate::frame::{PREFACE, flag, kind, setting, write_settings, write_settings_ack, write_window_update};
use crate::limits::Limits;
use crate::status::{Code, Status};

/// A conversation of everything: its client's bytes.
fn conversation() -> Vec<u8> {
    let mut client = Client::silent(Limits::DEFAULT);
    client.bytes.extend_from_slice(PREFACE);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 40), (setting::HEADER_TABLE_SIZE, 0)], &mut client.bytes);
    write_settings_ack(&mut client.bytes);
    client.call(1, GET, b"first");
    client.open(3, REFLECTION);
    client.data(3, false, &[message(b"a"), message(b"b"), vec![0, 0]].concat());
    client.raw(kind::PING, 0, 0, b"12345678");
    client.headers(5, true, &request("/no/Method"));
    client.data(3, true, &[0, 0, 0]);
    let block = client.block(&request(SCAN));
    client.raw(kind::HEADERS, 0, 7, &block[..3]);
    client.raw(kind::CONTINUATION, flag::END_HEADERS, 7, &block[3..]);
    client.raw(kind::DATA, flag::PADDED | flag::END_STREAM, 7, &[&[4][..], &message(b"padded"), &[0; 4]].concat());
    write_window_update(7, 30, &mut client.bytes);
    client.call(9, GET, &[7; 300]);
    client.open(11, GET);
    client.data(11, false, &[3, 0, 0, 0, 0]);
    client.data(11, true, b"late");
    client.open(13, GET);
    client.raw(kind::RST_STREAM, 0, 13, &[0, 0, 0, 8]);
    write_window_update(0, 1_000, &mut client.bytes);
    client.data(9, false, b"after the end");
    client.raw(kind::GOAWAY, 0, 0, &[0; 8]);
    client.bytes
}

/// An application that answers at once, so that the output depends on every event.
fn answer(client: &mut Client, seen: &[Seen]) {
    for seen in seen {
        match seen {
            Seen::Unary { stream, message, .. } => client.reply(*stream, &[&b"re: "[..], message].concat()),
            Seen::Message { stream, message } => client.send(*stream, message),
            Seen::HalfClosed(stream) => client.connection.finish(*stream, &Status::new(Code::Aborted, "end"), &[]),
            Seen::Opened { .. } | Seen::Reset(_) | Seen::Writable(_) => {}
        }
    }
}

/// All events and the whole output of a conversation in these parts. Each event is answered before the next is polled.
fn run<'p>(parts: impl Iterator<Item = &'p [u8]>) -> (Vec<Seen>, Vec<u8>) {
    let mut client = Client::silent(Limits::DEFAULT);
    let (mut all, mut output) = (Vec::new(), Vec::new());
    for part in parts {
        let input = client.connection.begin(part);
        while let Some(event) = client.connection.poll(&input, 0) {
            let seen = [Seen::new(event)];
            answer(&mut client, &seen);
            all.extend(seen);
        }
        client.connection.end(input);
        assert!(client.connection.kept_bytes() <= 9 + 16_384);
        output.append(client.connection.output());
    }
    (all, output)
}

#[test]
fn whole_byte_by_byte_and_cut_anywhere() {
    let bytes = conversation();
    let whole = run([&bytes[..]].into_iter());
    assert!(whole.0.len() >= 8, "{:?}", whole.0);
    assert!(run(bytes.chunks(1)) == whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert!(run([first, second].into_iter()) == whole, "cut at {cut}");
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

    /// Whatever comes, nothing panics, and what is kept stays small.
    #[test]
    fn random_bytes_are_survived(junk in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..600) {
        let mut bytes = conversation();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + junk.len()).min(bytes.len()), junk);
        let whole = run([&bytes[..]].into_iter());
        prop_assert!(run(bytes.chunks(7)) == whole);
    }

    /// Frames of random kinds, flags, streams and payloads reach deeper than random bytes.
    #[test]
    fn random_frames_are_survived(
        frames in prop::collection::vec(
            (0u8..11, any::<u8>(), 0u32..9, prop::collection::vec(any::<u8>(), 0..40)),
            0..40,
        )
    ) {
        let mut client = Client::silent(Limits::DEFAULT);
        client.bytes.extend_from_slice(PREFACE);
        write_settings(&[], &mut client.bytes);
        client.call(1, GET, b"k");
        client.open(3, REFLECTION);
        client.open(5, GET);
        for (kind, flags, stream, payload) in &frames {
            client.raw(*kind, *flags, *stream, payload);
        }
        let bytes = std::mem::take(&mut client.bytes);
        let whole = run([&bytes[..]].into_iter());
        prop_assert!(run(bytes.chunks(5)) == whole);
    }
}
