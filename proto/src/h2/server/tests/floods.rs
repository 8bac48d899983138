//! Behaviour that costs us more than the client: each has its bound.

use super::client::{Client, GET, Sent, message};
use crate::frame::{ErrorCode, kind};
use crate::limits::{CONTROL_FRAMES_MAX, DISTURBANCES_BURST_MAX, Limits, SECOND_NS};

#[test]
fn rapid_resets_end_the_connection() {
    let mut client = Client::ready();
    // The client's SETTINGS were the first disturbance.
    for call in 1..DISTURBANCES_BURST_MAX as u32 {
        client.open(2 * call + 1, GET);
        client.raw(kind::RST_STREAM, 0, 2 * call + 1, &[0, 0, 0, 8]);
    }
    client.feed();
    assert_eq!(client.sent(), []);
    let next = 2 * DISTURBANCES_BURST_MAX as u32 + 1;
    client.open(next, GET);
    client.raw(kind::RST_STREAM, 0, next, &[0, 0, 0, 8]);
    client.dies(ErrorCode::EnhanceYourCalm);
}

#[test]
fn resets_now_and_then_are_forgiven() {
    let mut client = Client::ready();
    for call in 0..2 * DISTURBANCES_BURST_MAX as u32 {
        client.now_ns += SECOND_NS / 500;
        client.open(2 * call + 1, GET);
        client.raw(kind::RST_STREAM, 0, 2 * call + 1, &[0, 0, 0, 8]);
        client.feed();
    }
    assert_eq!(client.sent(), []);
}

#[test]
fn empty_data_and_settings_end_the_connection() {
    let mut client = Client::ready();
    client.open(1, GET);
    for _ in 0..=DISTURBANCES_BURST_MAX {
        client.data(1, false, b"");
    }
    client.dies(ErrorCode::EnhanceYourCalm);

    let mut client = Client::ready();
    for _ in 0..=DISTURBANCES_BURST_MAX {
        client.raw(kind::SETTINGS, 0, 0, b"");
        client.feed();
        if client.connection.wants_pause() {
            client.sent();
        }
    }
    client.dies(ErrorCode::EnhanceYourCalm);
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
