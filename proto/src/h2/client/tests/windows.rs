//! Flow control both ways, and what waits for it.

use super::server::{GET, Seen, Sent, Server, message};
use crate::frame::{kind, setting, write_settings, write_window_update};
use crate::h2::client::{Refused, Request};
use crate::limits::{FRAME_BYTES_MAX, Limits};
use crate::method::id::REFLECTION_V1_SERVER_REFLECTION_INFO as REFLECTION;
use crate::status::Code;

/// The content of a call's DATA frames, and whether the last of them ended it.
fn data_of(sent: &[Sent], of: u32) -> (Vec<u8>, bool) {
    let (mut content, mut ended) = (Vec::new(), false);
    for sent in sent {
        if let Sent::Data { id, bytes, end } = sent
            && *id == of
        {
            assert!(!ended && bytes.len() <= FRAME_BYTES_MAX);
            content.extend_from_slice(bytes);
            ended |= end;
        }
    }
    (content, ended)
}

#[test]
fn a_large_request_goes_as_the_windows_open() {
    let mut server = Server::ready();
    let content: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
    let call = server.called(GET, &content);
    let (mut all, ended) = data_of(&server.sent(), call.id);
    assert_eq!((all.len(), ended), (65_535, false));
    for grant in [1, 70_000, 200_000] {
        write_window_update(0, grant, &mut server.bytes);
        server.feed();
        write_window_update(call.id, grant, &mut server.bytes);
        server.feed();
        let (more, _) = data_of(&server.sent(), call.id);
        assert!(more.len() <= grant as usize);
        all.extend(more);
    }
    assert!(all == message(&content));
    assert_eq!(server.connection.held_bytes(), 0);
    server.reply(call.id, b"v");
    assert_eq!(server.feed().len(), 2);
}

#[test]
fn the_last_frame_of_a_request_ends_it_wherever_the_window_cuts() {
    for window in 0..12u32 {
        let mut server = Server::ready();
        write_settings(&[(setting::INITIAL_WINDOW_SIZE, window)], &mut server.bytes);
        server.feed();
        server.sent();
        let call = server.called(GET, b"abc");
        let (mut content, mut ended) = data_of(&server.sent(), call.id);
        assert_eq!((content.len(), ended), (8.min(window as usize), window >= 8), "{window}");
        while !ended {
            write_window_update(call.id, 1, &mut server.bytes);
            assert_eq!(server.feed(), []);
            let (more, end) = data_of(&server.sent(), call.id);
            assert_eq!(more.len(), 1);
            content.extend(more);
            ended = end;
        }
        assert_eq!(content, message(b"abc"));
    }
}

#[test]
fn several_messages_wait_and_end_in_order() {
    let mut server = Server::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 10)], &mut server.bytes);
    server.feed();
    server.sent();
    let call = server.opened(REFLECTION);
    assert_eq!(server.connection.writable_bytes(call), 5);
    for content in [&b"abc"[..], b"", b"defghij"] {
        server.send(call, content).expect("it may wait");
    }
    assert_eq!(server.connection.writable_bytes(call), 0);
    server.connection.close_send(call);
    assert_eq!(server.send(call, b"x"), Err(Refused::Over));
    let (mut content, _) = data_of(&server.sent(), call.id);
    write_window_update(call.id, 100, &mut server.bytes);
    assert_eq!(server.feed(), []);
    let (more, ended) = data_of(&server.sent(), call.id);
    content.extend(more);
    assert!(ended);
    assert_eq!(content, [message(b"abc"), message(b""), message(b"defghij")].concat());
    // Nothing waits: an empty frame ends the next one.
    let call = server.opened(REFLECTION);
    server.send(call, b"").expect("it fits");
    server.sent();
    server.connection.close_send(call);
    server.connection.close_send(call);
    assert_eq!(server.sent_one(), Sent::Data { id: call.id, bytes: vec![], end: true });
}

#[test]
fn a_caller_hears_of_windows_that_open() {
    let mut server = Server::ready();
    let call = server.opened(REFLECTION);
    server.send(call, &[0; 65_530]).expect("it fits");
    assert_eq!(server.connection.writable_bytes(call), 0);
    assert_eq!(server.connection.writable_bytes(call), 0);
    write_window_update(call.id, 100, &mut server.bytes);
    assert_eq!(server.feed(), [], "the connection's is closed");
    write_window_update(0, 100, &mut server.bytes);
    server.sent();
    assert_eq!(server.feed(), [Seen::Writable(call)]);
    assert_eq!(server.connection.writable_bytes(call), 95);
    // What has waited and gone is told too.
    server.send(call, &[0; 200]).expect("it may wait");
    write_window_update(call.id, 1_000, &mut server.bytes);
    write_window_update(0, 1_000, &mut server.bytes);
    assert_eq!(server.feed(), [Seen::Writable(call)]);
    // A window that opens by SETTINGS, and one that was negative.
    let call = server.opened(REFLECTION);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut server.bytes);
    server.feed();
    assert_eq!(server.connection.writable_bytes(call), 0);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 50)], &mut server.bytes);
    server.sent();
    assert_eq!(server.feed(), [Seen::Writable(call)]);
}

#[test]
fn output_that_is_not_taken_counts_against_what_may_be_sent() {
    let limits = Limits { message_bytes_max: 1_000, connection_buffer_bytes_max: 2_000, ..Limits::DEFAULT };
    let mut server = Server::limited(limits);
    let call = server.opened(REFLECTION);
    while server.connection.writable_bytes(call) > 0 {
        let bytes = server.connection.writable_bytes(call).min(300);
        server.send(call, &vec![0; bytes]).expect("it said so");
    }
    assert_eq!(server.feed(), []);
    let mut refused = 0;
    for _ in 0..3 {
        refused += usize::from(server.send(call, &[0; 900]) == Err(Refused::Full));
    }
    assert_eq!(refused, 2);
    assert_eq!(server.call(GET, &[0; 900]), Err(Refused::Full));
    assert!(server.connection.held_bytes() < 2_100);
    server.sent();
    assert_eq!(server.feed(), [Seen::Writable(call)]);
    server.called(GET, &[0; 900]);
}

#[test]
fn calls_share_the_connections_window() {
    let mut server = Server::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)], &mut server.bytes);
    server.feed();
    let calls: Vec<_> = (0..3).map(|_| server.called(GET, &[7; 100_000])).collect();
    server.sent();
    write_window_update(0, 60_000, &mut server.bytes);
    server.feed();
    let sent = server.sent();
    let shares: Vec<usize> = calls.iter().map(|call| data_of(&sent, call.id).0.len()).collect();
    assert_eq!(shares.iter().sum::<usize>(), 60_000);
    assert!(shares.iter().all(|&share| share >= 10_000), "{shares:?}");
    for call in &calls {
        server.connection.cancel(*call);
    }
    server.sent();
    assert_eq!(server.connection.held_bytes(), 0);
    assert!(server.connection.queue.is_empty());
}

#[test]
fn a_large_reply_is_granted_once_there_is_room() {
    let mut server = Server::ready();
    let calls: Vec<_> = (0..6).map(|_| server.called(GET, b"k")).collect();
    server.sent();
    let content = vec![9; 4 << 20];
    let whole = message(&content);
    let mut windows: Vec<usize> = calls.iter().map(|_| 12 << 10).collect();
    let mut sent: Vec<usize> = calls.iter().map(|_| 0).collect();
    for call in &calls {
        server.begin(call.id);
    }
    let mut finished = 0;
    let mut connection_window = 4 << 20;
    while finished < calls.len() {
        let mut moved = false;
        for (at, call) in calls.iter().enumerate() {
            let bytes = windows[at].min(connection_window).min(FRAME_BYTES_MAX).min(whole.len() - sent[at]);
            if bytes == 0 {
                continue;
            }
            moved = true;
            server.data(call.id, false, &whole[sent[at]..sent[at] + bytes]);
            windows[at] -= bytes;
            connection_window -= bytes;
            sent[at] += bytes;
            if sent[at] == whole.len() {
                server.trailers(call.id, "0");
            }
            for seen in server.feed() {
                match seen {
                    Seen::Message(_, message) => assert!(message == content),
                    other => {
                        assert_eq!(other.finished().status.code, Code::Ok);
                        finished += 1;
                    }
                }
            }
            assert!(server.connection.held_bytes() <= 16 << 20);
        }
        for sent in server.sent() {
            match sent {
                Sent::Window { id: 0, increment } => connection_window += increment as usize,
                Sent::Window { id, increment } => windows[(id as usize - 1) / 2] += increment as usize,
                other => panic!("{other:?}"),
            }
            moved = true;
        }
        assert!(moved, "nothing moves: {windows:?} {connection_window}");
    }
    assert_eq!(server.connection.held_bytes(), 0);
}

#[test]
fn a_declared_length_takes_no_memory() {
    let mut server = Server::ready();
    for _ in 0..100 {
        let call = server.called(GET, b"k");
        server.begin(call.id);
        server.data(call.id, false, &[0, 0, 0x3f, 0xff, 0xff, 1, 2]);
    }
    server.feed();
    server.sent();
    assert_eq!(server.connection.held_bytes(), 700);
}

#[test]
fn a_caller_that_holds_back_is_sent_no_more_than_was_granted() {
    let mut server = Server::ready();
    let call = server.called(Request::path("/x.Y/Z", true), b"");
    server.sent();
    server.begin(call.id);
    server.connection.hold_back(call, true);
    for _ in 0..9 {
        server.data(call.id, false, &message(&[0; 1_300]));
    }
    assert_eq!(server.feed().len(), 9);
    assert_eq!(server.sent(), []);
    server.connection.hold_back(call, false);
    assert_eq!(server.sent_one(), Sent::Window { id: call.id, increment: 9 * 1_305 });
    server.raw(kind::PING, 0, 0, &[0; 8]);
    server.feed();
}
