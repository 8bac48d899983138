//! How a connection ends, and what is told of the calls on it.

use super::server::{GET, Seen, Sent, Server, WATCH, message};
use crate::frame::{ErrorCode, STREAM_MAX, flag, kind, setting, write_goaway, write_settings, write_settings_ack};
use crate::h2::client::{Config, Connection, Event, Refused};
use crate::limits::{
    CALLS_BEFORE_SETTINGS_MAX, CONTINUATIONS_PER_HEADERS_MAX, CONTROL_FRAMES_MAX, FRAME_BYTES_MAX, Limits,
    RESETS_REMEMBERED_MAX, SERVER_DISTURBANCES,
};
use crate::status::Code;

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    type Build = fn(&mut Server);
    let cases: [(&str, ErrorCode, Build); 26] = [
        ("DATA on stream 0", ErrorCode::ProtocolError, |server| server.data(0, false, b"")),
        ("DATA on an idle stream", ErrorCode::ProtocolError, |server| server.data(99, false, b"x")),
        ("DATA on an even stream", ErrorCode::ProtocolError, |server| server.data(2, false, b"x")),
        ("HEADERS on stream 0", ErrorCode::ProtocolError, |server| server.begin(0)),
        ("HEADERS on an idle stream", ErrorCode::ProtocolError, |server| server.begin(99)),
        ("HEADERS on an even stream", ErrorCode::ProtocolError, |server| server.begin(2)),
        ("HEADERS after the end", ErrorCode::StreamClosed, |server| {
            server.reply(1, b"v");
            server.begin(1);
        }),
        ("padding", ErrorCode::ProtocolError, |server| server.raw(kind::DATA, flag::PADDED, 1, &[9, 0])),
        ("a block that is none", ErrorCode::CompressionError, |server| {
            server.raw(kind::HEADERS, flag::END_HEADERS, 1, &[0xff; 8]);
        }),
        ("a table above ours", ErrorCode::CompressionError, |server| {
            server.raw(kind::HEADERS, flag::END_HEADERS, 1, &[0x3f, 0xe2, 0x1f]);
        }),
        ("a block interrupted", ErrorCode::ProtocolError, |server| {
            server.raw(kind::HEADERS, 0, 1, &[0x88]);
            server.raw(kind::PING, 0, 0, &[0; 8]);
        }),
        ("a block of another stream", ErrorCode::ProtocolError, |server| {
            server.raw(kind::HEADERS, 0, 1, &[0x88]);
            server.raw(kind::CONTINUATION, flag::END_HEADERS, 3, &[]);
        }),
        ("CONTINUATION alone", ErrorCode::ProtocolError, |server| server.raw(kind::CONTINUATION, 4, 1, &[0x88])),
        ("CONTINUATION without end", ErrorCode::EnhanceYourCalm, |server| {
            server.raw(kind::HEADERS, 0, 1, &[]);
            for _ in 0..=CONTINUATIONS_PER_HEADERS_MAX {
                server.raw(kind::CONTINUATION, 0, 1, &[]);
            }
        }),
        ("RST_STREAM on an idle stream", ErrorCode::ProtocolError, |server| {
            server.raw(kind::RST_STREAM, 0, 99, &[0; 4]);
        }),
        ("RST_STREAM of five bytes", ErrorCode::FrameSizeError, |server| server.raw(kind::RST_STREAM, 0, 1, &[0; 5])),
        ("WINDOW_UPDATE on an idle stream", ErrorCode::ProtocolError, |server| {
            server.raw(kind::WINDOW_UPDATE, 0, 99, &[0, 0, 0, 1]);
        }),
        ("an increment of 0", ErrorCode::ProtocolError, |server| server.raw(kind::WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a window too large", ErrorCode::FlowControlError, |server| {
            server.raw(kind::WINDOW_UPDATE, 0, 0, &STREAM_MAX.to_be_bytes());
        }),
        ("an initial window too large", ErrorCode::FlowControlError, |server| {
            write_settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 31)], &mut server.bytes);
        }),
        ("push from a server", ErrorCode::ProtocolError, |server| {
            write_settings(&[(setting::ENABLE_PUSH, 1)], &mut server.bytes);
        }),
        ("SETTINGS on a stream", ErrorCode::ProtocolError, |server| server.raw(kind::SETTINGS, 0, 1, &[])),
        ("acknowledgement twice", ErrorCode::ProtocolError, |server| write_settings_ack(&mut server.bytes)),
        ("PUSH_PROMISE", ErrorCode::ProtocolError, |server| {
            server.raw(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0, 0, 0, 2, 0x82]);
        }),
        ("a frame too long", ErrorCode::FrameSizeError, |server| server.data(1, false, &[0; FRAME_BYTES_MAX + 1])),
        ("GOAWAY that takes back", ErrorCode::ProtocolError, |server| {
            write_goaway(1, ErrorCode::NoError, b"", &mut server.bytes);
            write_goaway(3, ErrorCode::NoError, b"", &mut server.bytes);
        }),
    ];
    for (name, code, build) in cases {
        let mut server = Server::ready();
        server.called(GET, b"k");
        server.opened(WATCH);
        build(&mut server);
        server.dies_with_rest(code, name);
    }
}

#[test]
fn the_first_frame_is_settings() {
    let mut server = Server::silent(&Config::default());
    server.raw(kind::PING, 0, 0, &[0; 8]);
    server.dies(ErrorCode::ProtocolError, "PING first");
    let mut server = Server::silent(&Config::default());
    write_settings_ack(&mut server.bytes);
    server.dies(ErrorCode::ProtocolError, "an acknowledgement first");
    let mut server = Server::silent(&Config::default());
    server.called(GET, b"");
    server.bytes.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let seen = server.dies(ErrorCode::Http11Required, "HTTP/1.1");
    assert!(seen[0].finished().status.message.contains("HTTP/1.1"), "{seen:?}");
}

#[test]
fn data_beyond_a_window_is_refused() {
    // The stream's.
    let limits = Limits { streams_per_connection_max: 1_024, ..Limits::DEFAULT };
    let mut server = Server::limited(limits);
    let call = server.called(WATCH, b"");
    server.connection.hold_back(call, true);
    server.begin(call.id);
    server.data(call.id, false, &message(&[0; 12_200]));
    server.data(call.id, false, &[0; 200]);
    let seen = server.feed();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[1].finished().status.code, Code::Internal);
    assert!(server.sent().contains(&Sent::Reset { id: call.id, code: ErrorCode::FlowControlError }));
    // The connection's, with frames of a stream that is gone.
    for _ in 0..256 {
        server.data(call.id, false, &[0; FRAME_BYTES_MAX]);
        server.feed();
        if !server.connection.is_finished() && server.sent().iter().any(|sent| matches!(sent, Sent::Window { .. })) {
            return;
        }
    }
    panic!("the connection's window is never granted again");
}

#[test]
fn what_crosses_a_cancellation_is_ignored() {
    let mut server = Server::ready();
    let calls: Vec<_> = (0..2 * RESETS_REMEMBERED_MAX).map(|_| server.called(WATCH, b"")).collect();
    for &call in &calls {
        assert!(server.connection.cancel(call));
        assert!(!server.connection.cancel(call));
    }
    let resets = server.sent().into_iter().filter(|sent| matches!(sent, Sent::Reset { code: ErrorCode::Cancel, .. }));
    assert_eq!(resets.count(), calls.len());
    for &call in &calls {
        server.begin(call.id);
        server.data(call.id, false, &message(b"late"));
        server.raw(kind::WINDOW_UPDATE, 0, call.id, &[0, 0, 0, 9]);
        server.trailers(call.id, "0");
    }
    assert_eq!(server.feed(), []);
    assert_eq!(server.connection.open_calls(), 0);
    server.lives();
    // The tables are in step all the same.
    let call = server.called(GET, b"");
    server.reply(call.id, b"v");
    assert_eq!(server.feed()[0], Seen::Message(call, b"v".to_vec()));
}

#[test]
fn resets_of_what_we_have_ended_are_no_disturbance() {
    let mut server = Server::ready();
    for _ in 0..2 * SERVER_DISTURBANCES.burst_max {
        let call = server.opened(GET);
        server.reply(call.id, b"v");
        server.raw(kind::RST_STREAM, 0, call.id, &ErrorCode::NoError.to_wire().to_be_bytes());
        assert_eq!(server.feed().len(), 2);
        server.sent();
    }
    server.lives();
}

#[test]
fn data_after_the_end_is_a_stream_error() {
    let mut server = Server::ready();
    server.called(GET, b"");
    server.reply(1, b"v");
    server.data(1, false, b"x");
    assert_eq!(server.feed().len(), 2);
    assert!(server.sent().contains(&Sent::Reset { id: 1, code: ErrorCode::StreamClosed }));
    server.lives();
}

#[test]
fn goaway_in_two_steps_fails_nothing_that_was_taken_up() {
    let mut server = Server::ready();
    let calls: Vec<_> = (0..3).map(|_| server.called(GET, b"k")).collect();
    write_goaway(STREAM_MAX, ErrorCode::NoError, b"draining", &mut server.bytes);
    assert_eq!(server.feed(), [Seen::GoAway(ErrorCode::NoError, b"draining".to_vec())]);
    assert_eq!(server.call(GET, b"k"), Err(Refused::Gone));
    assert_eq!(server.connection.free_calls(), 0);
    write_goaway(calls[1].id, ErrorCode::NoError, b"", &mut server.bytes);
    let seen = server.feed();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let finished = seen[1].finished();
    assert_eq!((finished.call, finished.status.code), (calls[2], Code::Unavailable));
    assert!(finished.is_unprocessed);
    for call in &calls[..2] {
        assert!(!server.connection.is_finished());
        server.reply(call.id, b"v");
        assert_eq!(server.feed()[1].finished().status.code, Code::Ok);
    }
    server.sent();
    assert!(server.connection.is_finished());
}

#[test]
fn a_lost_connection_tells_what_was_sent() {
    let mut server = Server::ready();
    let sent = server.called(GET, b"k");
    server.sent();
    // What is in the output before a call says nothing about earlier ones.
    server.raw(kind::PING, 0, 0, &[0; 8]);
    server.feed();
    let unsent = server.called(GET, b"k");
    server.connection.close("connection reset by peer");
    let seen = server.feed();
    let ends: Vec<_> = seen.iter().map(|seen| (seen.finished().call, seen.finished().is_unprocessed)).collect();
    assert_eq!(ends, [(sent, false), (unsent, true)]);
    assert!(seen[0].finished().status.message.contains("connection reset by peer"));
    assert_eq!(seen[0].finished().status.code, Code::Unavailable);
    assert!(server.connection.is_finished());
    assert_eq!(server.connection.next_tick_ns(), None);
    server.connection.close("again");
    assert_eq!(server.feed(), []);
}

#[test]
fn a_connection_shut_down_ends_with_its_last_call() {
    let mut server = Server::ready();
    let call = server.called(GET, b"k");
    server.connection.shut_down();
    server.sent();
    assert_eq!(server.call(GET, b"k"), Err(Refused::Gone));
    assert!(!server.connection.is_finished());
    server.reply(call.id, b"v");
    assert_eq!(server.feed().len(), 2);
    assert!(server.connection.is_finished());
}

#[test]
fn calls_are_bounded_by_both_sides() {
    let mut server = Server::silent(&Config::default());
    for _ in 0..CALLS_BEFORE_SETTINGS_MAX {
        server.called(GET, b"");
    }
    assert_eq!(server.call(GET, b""), Err(Refused::Busy));
    write_settings(&[(setting::MAX_CONCURRENT_STREAMS, 101)], &mut server.bytes);
    assert_eq!(server.feed(), [Seen::Ready]);
    server.called(GET, b"");
    assert_eq!(server.call(GET, b""), Err(Refused::Busy));
    server.reply(1, b"");
    assert_eq!(server.feed()[2], Seen::Ready);
    server.called(GET, b"");
    // A server may take back what it allowed.
    write_settings(&[(setting::MAX_CONCURRENT_STREAMS, 0)], &mut server.bytes);
    assert_eq!(server.feed(), []);
    assert_eq!(server.call(GET, b""), Err(Refused::Busy));
    let mut server = Server::limited(Limits { streams_per_connection_max: 2, ..Limits::DEFAULT });
    server.called(GET, b"");
    server.called(GET, b"");
    assert_eq!(server.call(GET, b""), Err(Refused::Busy));
    assert_eq!(server.connection.free_calls(), 0);
}

#[test]
fn floods_are_bounded() {
    type Build = fn(&mut Server);
    let floods: [(&str, Build); 9] = [
        ("SETTINGS", |server| write_settings(&[(setting::HEADER_TABLE_SIZE, 0)], &mut server.bytes)),
        ("PING", |server| server.raw(kind::PING, 0, 0, &[0; 8])),
        ("PING answers", |server| server.raw(kind::PING, flag::ACK, 0, &[0; 8])),
        ("empty DATA", |server| server.data(1, false, b"")),
        ("PRIORITY", |server| server.raw(kind::PRIORITY, 0, 1, &[0, 0, 0, 9, 1])),
        ("unknown", |server| server.raw(0x99, 0, 0, b"")),
        ("resets", |server| server.raw(kind::RST_STREAM, 0, 3, &[0, 0, 0, 8])),
        ("informational", |server| server.headers(5, false, &[(":status", "103")])),
        ("GOAWAY", |server| write_goaway(STREAM_MAX, ErrorCode::NoError, b"", &mut server.bytes)),
    ];
    for (name, build) in floods {
        let mut server = Server::ready();
        server.called(GET, b"");
        server.begin(1);
        let other = server.called(GET, b"");
        server.connection.cancel(other);
        server.called(GET, b"");
        server.feed();
        server.sent();
        let mut frames = 0;
        while !server.connection.is_finished() {
            build(&mut server);
            server.feed();
            let sent = server.sent();
            frames += 1;
            assert!(frames <= SERVER_DISTURBANCES.burst_max + 2, "{name} is not bounded");
            if let Some(Sent::Goaway { code, .. }) = sent.last() {
                assert_eq!(*code, ErrorCode::EnhanceYourCalm, "{name}");
            }
        }
        assert!(frames > SERVER_DISTURBANCES.burst_max / 2, "{name} ends it after {frames}");
    }
}

#[test]
fn answers_to_a_flood_that_are_not_taken_pause_reading() {
    let mut server = Server::ready();
    for _ in 0..3 * CONTROL_FRAMES_MAX {
        // Traffic in between, as a flood that wants to look like a measurement has.
        server.raw(kind::PING, 0, 0, &[0; 8]);
        server.called_if_free();
        server.feed();
    }
    assert!(server.connection.wants_pause());
    let held = server.connection.held_bytes();
    assert!(held < 4 << 20, "{held}");
}

#[test]
fn identifiers_run_out_without_harm() {
    let mut connection = Connection::new(&Config::default(), 0).expect("the configuration can be sent");
    connection.next_id = STREAM_MAX - 2;
    for _ in 0..2 {
        connection.call(&GET.into(), 0, |_| {}, 0).expect("identifiers are left");
    }
    assert_eq!(connection.call(&GET.into(), 0, |_| {}, 0), Err(Refused::Gone));
    let input = connection.begin(&[]);
    assert!(!matches!(connection.poll(&input, 0), Some(Event::Finished(_))));
    connection.end(input);
}
