//! Behaviour that costs us more than the client: each has its bound.

use super::client::{Client, GET, REFLECTION, Sent, message, request};
use crate::frame::{ErrorCode, flag, kind};
use crate::h2::server::calm::Disturbance;
use crate::h2::server::count::Count;
use crate::limits::{
    CONTINUATIONS_PER_HEADERS_MAX, CONTROL_FRAMES_MAX, HEADER_LIST_EXPANDED_BYTES_MAX, Limits, SECOND_NS,
    TABLE_RESIZES_PER_BLOCK_MAX,
};

impl Client {
    /// Feeds what was built, and takes what is sent until nothing more comes of it; the GOAWAY, if there was one.
    fn exhaust(&mut self) -> Option<(ErrorCode, String)> {
        let mut goaway = None;
        loop {
            self.feed();
            for sent in self.sent() {
                if let Sent::Goaway { code, reason, .. } = sent {
                    goaway = Some((code, reason));
                }
            }
            if goaway.is_some() || !self.connection.has_more() {
                return goaway;
            }
        }
    }

    /// How often one thing was counted since the last call, which forgets all else.
    fn counted(&mut self, wanted: Count) -> u32 {
        let counts = self.connection.take_counts().unwrap_or_default();
        counts.iter().find(|(count, _)| *count == wanted).map_or(0, |(_, number)| number)
    }
}

/// Builds one act of a flood after another: as many as are allowed do no harm, one more ends the connection. `spent`
/// are those that the beginning of the conversation has had already.
fn assert_floods(mut client: Client, of: Disturbance, spent: u64, mut act: impl FnMut(&mut Client, u32)) {
    client.counted(Count::EndedCalm);
    let allowed = of.allowance().burst_max - spent;
    for number in 0..allowed as u32 {
        act(&mut client, number);
        if client.bytes.len() > 64 << 10 {
            assert_eq!(client.exhaust(), None, "{of:?}: act {number} of {allowed}");
        }
    }
    assert_eq!(client.exhaust(), None, "{of:?}: {allowed} acts");
    act(&mut client, allowed as u32);
    assert_eq!(client.exhaust(), Some((ErrorCode::EnhanceYourCalm, of.reason().to_owned())), "{of:?}");
    assert!(client.connection.is_finished());
    assert_eq!(client.counted(Count::EndedCalm), 1);
}

#[test]
fn rapid_resets() {
    assert_floods(Client::ready(), Disturbance::ResetsReceived, 0, |client, call| {
        client.open(2 * call + 1, GET);
        client.raw(kind::RST_STREAM, 0, 2 * call + 1, &[0, 0, 0, 8]);
    });
}

#[test]
fn resets_now_and_then_are_forgiven() {
    let mut client = Client::ready();
    for call in 0..2 * Disturbance::ResetsReceived.allowance().burst_max as u32 {
        client.now_ns += SECOND_NS / 500;
        client.open(2 * call + 1, GET);
        client.raw(kind::RST_STREAM, 0, 2 * call + 1, &[0, 0, 0, 8]);
        client.feed();
    }
    assert_eq!(client.sent(), []);
}

/// The six frames that make a server reset a call which it executes (CVE-2025-8671), each on a stream whose request
/// has ended.
#[test]
fn resets_that_the_server_is_made_to_send() {
    let triggers: [fn(&mut Client, u32); 6] = [
        |client, stream| client.raw(kind::WINDOW_UPDATE, 0, stream, &[0, 0, 0, 0]),
        |client, stream| client.raw(kind::WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]),
        |client, stream| client.headers(stream, true, &request(GET)),
        |client, stream| client.data(stream, true, b""),
        |client, stream| client.raw(kind::PRIORITY, 0, stream, &[0; 4]),
        |client, stream| client.raw(kind::PRIORITY, 0, stream, &[&stream.to_be_bytes()[..], &[0]].concat()),
    ];
    for trigger in triggers {
        assert_floods(Client::ready(), Disturbance::ResetsMade, 0, |client, call| {
            client.call(2 * call + 1, GET, b"k");
            trigger(client, 2 * call + 1);
        });
    }
}

#[test]
fn settings_frames() {
    // The client's own were the first.
    assert_floods(Client::ready(), Disturbance::SettingsReceived, 1, |client, _| {
        client.raw(kind::SETTINGS, 0, 0, b"");
    });
    // The header table's size to and fro, and the windows of all streams.
    assert_floods(Client::ready(), Disturbance::SettingsReceived, 1, |client, number| {
        client.raw(kind::SETTINGS, 0, 0, &[0, 1, 0, 0, if number % 2 == 0 { 0 } else { 16 }, 0]);
    });
    assert_floods(Client::ready(), Disturbance::SettingsReceived, 1, |client, number| {
        client.raw(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, (number % 2) as u8]);
    });
}

#[test]
fn empty_frames() {
    let mut client = Client::ready();
    client.open(1, GET);
    assert_floods(client, Disturbance::EmptyFrames, 0, |client, _| client.data(1, false, b""));
    // Padding is no content.
    let mut client = Client::ready();
    client.open(1, GET);
    assert_floods(client, Disturbance::EmptyFrames, 0, |client, _| {
        client.raw(kind::DATA, flag::PADDED, 1, &[1, 0]);
    });
    // Nor does it matter that the stream is closed.
    let mut client = Client::ready();
    client.open(1, "/none/Such");
    assert_floods(client, Disturbance::EmptyFrames, 0, |client, _| client.data(1, false, b""));
}

#[test]
fn empty_headers() {
    let mut client = Client::ready();
    let burst = Disturbance::ResetsMade.allowance().burst_max as u32;
    for number in 0..burst {
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 2 * number + 1, b"");
    }
    assert_eq!(client.exhaust(), None);
    assert_eq!(client.counted(Count::EmptyFrames), burst);
    // Each breaks the rules of its stream as well, which is what they first are too many for.
    client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 2 * burst + 1, b"");
    let reason = Disturbance::ResetsMade.reason().to_owned();
    assert_eq!(client.exhaust(), Some((ErrorCode::EnhanceYourCalm, reason)));
}

/// A name of no bytes is no name (CVE-2019-9516): nothing is kept of it but an entry of the table.
#[test]
fn headers_without_a_name() {
    assert_floods(Client::ready(), Disturbance::ResetsMade, 0, |client, number| {
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 2 * number + 1, &[0x40, 0, 0].repeat(100));
    });
}

#[test]
fn empty_continuations() {
    assert_floods(Client::ready(), Disturbance::EmptyFrames, 0, |client, number| {
        if number % 8 == 0 {
            let block = client.block(&request("/none/Such"));
            client.raw(kind::HEADERS, flag::END_STREAM, 2 * number + 1, &block);
        }
        let is_last = number % 8 == 7;
        let flags = if is_last { flag::END_HEADERS } else { 0 };
        client.raw(kind::CONTINUATION, flags, 2 * (number / 8 * 8) + 1, b"");
    });
}

#[test]
fn continuations_without_end() {
    for part in [&b""[..], &[0x82; 16_384]] {
        let mut client = Client::ready();
        client.raw(kind::HEADERS, flag::END_STREAM, 1, &[0x82; 100]);
        for _ in 0..CONTINUATIONS_PER_HEADERS_MAX {
            client.raw(kind::CONTINUATION, 0, 1, part);
        }
        assert_eq!(client.exhaust(), None);
        client.raw(kind::CONTINUATION, 0, 1, part);
        client.dies(ErrorCode::EnhanceYourCalm);
        assert_eq!(client.counted(Count::Continuations) as usize, CONTINUATIONS_PER_HEADERS_MAX + 1);
    }
}

#[test]
fn priority_frames() {
    assert_floods(Client::ready(), Disturbance::PriorityFrames, 0, |client, number| {
        client.raw(kind::PRIORITY, 0, 2 * number + 1, &[0, 0, 0, 0, 16]);
    });
}

#[test]
fn frames_that_nothing_asked_for() {
    assert_floods(Client::ready(), Disturbance::StrayFrames, 0, |client, _| client.raw(0xbe, 0, 0, b"grease"));
    assert_floods(Client::ready(), Disturbance::StrayFrames, 0, |client, _| {
        client.raw(kind::PING, flag::ACK, 0, b"12345678");
    });
    let mut client = Client::ready();
    client.open(1, GET);
    client.raw(kind::GOAWAY, 0, 0, &[0; 8]);
    assert_floods(client, Disturbance::StrayFrames, 0, |client, _| client.raw(kind::GOAWAY, 0, 0, &[0; 8]));
    let mut client = Client::ready();
    client.open(1, "/none/Such");
    assert_floods(client, Disturbance::StrayFrames, 0, |client, _| client.raw(kind::RST_STREAM, 0, 1, &[0; 4]));
}

#[test]
fn window_updates() {
    let mut client = Client::ready();
    client.open(1, GET);
    assert_floods(client, Disturbance::WindowUpdatesUnearned, 0, |client, number| {
        client.raw(kind::WINDOW_UPDATE, 0, number % 2, &[0, 0, 0, 1]);
    });
}

/// A reply let go byte by byte (CVE-2019-9511, CVE-2019-9517). Each byte is a frame, so the updates are earned.
#[test]
fn windows_of_one_byte() {
    for stream in [0, 1] {
        let mut client = Client::ready();
        let own = if stream == 1 { 0 } else { 0x7f };
        client.raw(kind::SETTINGS, 0, 0, &[0, 4, own, own, own, own]);
        let call = client.called(1, GET, b"k");
        client.reply(call, &[7; 200_000]);
        client.sent();
        assert_floods(client, Disturbance::SmallWindows, 0, |client, _| {
            client.raw(kind::WINDOW_UPDATE, 0, stream, &[0, 0, 0, 1]);
        });
    }
}

#[test]
fn header_lists_that_are_too_long() {
    // One entry of nearly 4 KiB, named by one byte each time.
    let mut client = Client::ready();
    let value = "x".repeat(4_000);
    client.headers(1, true, &[("padding", &value)]);
    assert_eq!(client.exhaust(), None);
    client.connection.take_counts();
    let spent = 0;
    assert_floods(client, Disturbance::LongHeaderLists, spent, |client, number| {
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 2 * number + 3, &[0xbe; 5]);
    });
}

#[test]
fn a_block_that_expands_beyond_all_measure() {
    let mut client = Client::ready();
    let value = "x".repeat(4_000);
    client.headers(1, true, &[("padding", &value)]);
    assert_eq!(client.exhaust(), None);
    let times = (HEADER_LIST_EXPANDED_BYTES_MAX + Limits::DEFAULT.header_list_bytes_max) / 4_039;
    client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 3, &vec![0xbe; times - 1]);
    assert_eq!(client.exhaust(), None);
    assert_eq!(client.counted(Count::LongHeaderLists), 1);
    client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 5, &vec![0xbe; times + 2]);
    client.dies(ErrorCode::EnhanceYourCalm);
}

#[test]
fn table_sizes_to_and_fro() {
    let toggle = [0x20, 0x3f, 0xe1, 0x1f];
    let mut client = Client::ready();
    let plain: Vec<u8> = {
        let mut encoder = crate::hpack::Encoder::new();
        let mut block = Vec::new();
        for (name, value) in request("/none/Such") {
            encoder.encode(name.as_bytes(), value.as_bytes(), crate::hpack::Indexing::Without, &mut block);
        }
        block
    };
    let burst = Disturbance::TableResizes.allowance().burst_max as u32 / 2;
    for number in 0..=burst {
        assert_eq!(client.exhaust(), None, "block {number} of {burst}");
        let block = [&toggle[..], &plain].concat();
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 2 * number + 1, &block);
    }
    let reason = Disturbance::TableResizes.reason().to_owned();
    assert_eq!(client.exhaust(), Some((ErrorCode::EnhanceYourCalm, reason)));

    let mut client = Client::ready();
    let block = [&vec![0x20; TABLE_RESIZES_PER_BLOCK_MAX + 1][..], &plain].concat();
    client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &block);
    client.dies(ErrorCode::CompressionError);
}

#[test]
fn streams_beyond_their_number() {
    let mut client = Client::ready();
    let streams = Limits::DEFAULT.streams_per_connection_max as u32;
    for stream in 0..streams {
        client.open(2 * stream + 1, GET);
    }
    assert_floods(client, Disturbance::StreamsRefused, 0, |client, number| {
        client.open(2 * (streams + number) + 1, GET);
    });
}

#[test]
fn messages_in_crumbs() {
    let mut client = Client::ready();
    client.open(1, GET);
    client.data(1, false, &message(&[7; 10_000])[..2_000]);
    assert_floods(client, Disturbance::Fragments, 0, |client, _| client.data(1, false, &[7]));

    // Small messages in two or three parts each are what clients do.
    let mut client = Client::ready();
    client.open(1, REFLECTION);
    let whole = message(&[7; 20]);
    for _ in 0..2 * Disturbance::Fragments.allowance().burst_max {
        client.data(1, false, &whole[..5]);
        client.data(1, false, &whole[5..9]);
        client.data(1, false, &whole[9..]);
        assert_eq!(client.exhaust(), None);
    }
    assert!(client.connection.is_open(client.connection.streams.reference(0)));
}

#[test]
fn pings_draw_strikes_unless_there_is_traffic() {
    let mut client = Client::ready();
    for _ in 0..3 {
        client.raw(kind::PING, 0, 0, b"12345678");
    }
    client.feed();
    assert_eq!(client.sent().len(), 3);
    client.raw(kind::PING, 0, 0, b"12345678");
    client.feed();
    let Sent::Goaway { code, reason, .. } = client.sent_one() else { panic!("no GOAWAY") };
    assert_eq!((code, &reason[..]), (ErrorCode::EnhanceYourCalm, "too_many_pings"));

    let mut client = Client::ready();
    for stream in 0..100 {
        let call = client.called(2 * stream + 1, GET, b"");
        client.reply(call, b"");
        client.raw(kind::PING, 0, 0, b"12345678");
        client.feed();
    }
    assert!(client.sent().iter().all(|sent| !matches!(sent, Sent::Goaway { .. })));

    let mut client = Client::ready();
    for _ in 0..100 {
        client.now_ns += 5 * SECOND_NS;
        client.raw(kind::PING, 0, 0, b"12345678");
        client.feed();
    }
    assert_eq!(client.sent().len(), 100);
}

/// Answers that a client provokes and does not read stop the reading, not the memory.
#[test]
fn a_client_that_reads_nothing_is_not_read_from() {
    let mut client = Client::ready();
    let frames = 2 * CONTROL_FRAMES_MAX;
    for stream in 0..frames as u32 {
        client.headers(2 * stream + 1, true, &super::client::request("/none/Such"));
    }
    client.feed();
    assert!(client.connection.wants_pause());
    let answers = client.sent().len();
    assert_eq!(answers, CONTROL_FRAMES_MAX + 1);
    assert!(!client.connection.wants_pause());
    // What was kept goes on without new bytes.
    client.feed();
    assert_eq!(client.sent().len(), frames - answers);
}

/// What a pause keeps are many frames, of which the last may be cut; the next bytes go on exactly there.
#[test]
fn a_pause_may_come_anywhere() {
    let mut client = Client::ready();
    let count = CONTROL_FRAMES_MAX as u32 + 100;
    for stream in 0..count {
        client.headers(2 * stream + 1, true, &super::client::request("/none/Such"));
    }
    let bytes = std::mem::take(&mut client.bytes);
    for cut in 1..40 {
        let mut client = Client::ready();
        client.feed_bytes(&bytes[..bytes.len() - cut]);
        assert!(client.connection.wants_pause());
        let mut answers = client.sent().len();
        client.feed_bytes(&bytes[bytes.len() - cut..]);
        answers += client.sent().len();
        assert_eq!(answers, count as usize, "cut {cut} bytes before the end");
    }
}

#[test]
fn replies_that_do_not_leave_pause_the_reading() {
    let limits = Limits { message_bytes_max: 10_000, connection_buffer_bytes_max: 40_000, ..Limits::DEFAULT };
    let mut client = Client::ready_with(limits);
    for stream in 0..8 {
        client.call(2 * stream + 1, GET, b"k");
    }
    let bytes = std::mem::take(&mut client.bytes);
    let mut answered = 0;
    let mut input = client.connection.begin(&bytes);
    for round in 0..8 {
        while let Some(event) = client.connection.poll(&input, 0) {
            let crate::h2::Event::Unary(call) = event else { panic!("{event:?}") };
            client.connection.reply(call.stream, 9_000, |out| out.extend_from_slice(&[7; 9_000]));
            answered += 1;
        }
        client.connection.end(input);
        assert!(client.connection.held_bytes() <= limits.connection_buffer_bytes_max, "round {round}");
        for sent in client.sent() {
            if let Sent::Headers { end: true, .. } = sent {
                assert_eq!(sent.field("grpc-status"), Some("0"), "no reply fails");
            }
        }
        input = client.connection.begin(&[]);
    }
    client.connection.end(input);
    assert_eq!(answered, 8);
}

#[test]
fn a_message_declared_large_takes_no_memory_until_it_comes() {
    let mut client = Client::ready();
    for stream in 0..100 {
        client.open(2 * stream + 1, GET);
        client.data(2 * stream + 1, false, &message(&[0; 4 << 20])[..6]);
    }
    client.feed();
    client.sent();
    assert_eq!(client.connection.held_bytes(), 600);
}

/// Whoever serves many connections gives each its share, and goes on with the rest later.
#[test]
fn a_break_after_some_effort_loses_nothing() {
    let mut client = Client::ready();
    for call in 0..200 {
        let whole = message(b"key");
        client.open(2 * call + 1, GET);
        client.data(2 * call + 1, false, &whole[..4]);
        client.data(2 * call + 1, true, &whole[4..]);
    }
    let bytes = std::mem::take(&mut client.bytes);
    let expected = Client::ready().feed_bytes(&bytes);
    assert_eq!(expected.len(), 200);
    client.connection.set_effort(7);
    let mut seen = client.feed_bytes(&bytes);
    let mut breaks = 0;
    while client.connection.has_more() {
        assert_eq!(client.connection.effort_left(), 0);
        client.connection.set_effort(7);
        seen.extend(client.feed_bytes(&[]));
        breaks += 1;
    }
    assert_eq!(seen, expected);
    assert!(breaks >= 600 / 7, "{breaks} breaks in 600 frames");
    assert_eq!(client.connection.kept_bytes(), 0);
}
