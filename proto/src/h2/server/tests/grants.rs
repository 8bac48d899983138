//! The windows that we give, and the memory that they bound.

use super::client::{Client, GET, Seen, Sent, message};
use crate::frame::{ErrorCode, flag, kind};
use crate::limits::{CONNECTION_WINDOW_BYTES, Limits, STREAM_WINDOW_BYTES};

const WINDOW: usize = STREAM_WINDOW_BYTES as usize;

fn granted(sent: &[Sent], of: u32) -> u32 {
    let window = |sent: &Sent| match sent {
        Sent::Window { stream, increment } if *stream == of => *increment,
        _ => 0,
    };
    sent.iter().map(window).sum()
}

#[test]
fn small_messages_cost_no_window_update() {
    let mut client = Client::ready();
    for stream in 0..100 {
        let call = client.called(2 * stream + 1, GET, &[7; 10_000]);
        client.reply(call, b"");
        let sent = client.sent();
        assert!(!sent.iter().any(|sent| matches!(sent, Sent::Window { .. })), "{sent:?}");
    }
}

#[test]
fn the_connections_window_comes_back_by_halves() {
    let mut client = Client::ready();
    let frame = vec![0; 10_000];
    let (mut updates, mut bytes) = (Vec::new(), 0);
    for stream in 0..1_000 {
        let call = client.called(2 * stream + 1, GET, &frame);
        client.reply(call, b"");
        bytes += frame.len() + 5;
        updates.extend(client.sent().iter().filter_map(|sent| match sent {
            Sent::Window { stream: 0, increment } => Some(*increment),
            _ => None,
        }));
    }
    assert_eq!(updates.len(), bytes / (CONNECTION_WINDOW_BYTES as usize / 2));
    assert!(updates.iter().all(|increment| *increment >= CONNECTION_WINDOW_BYTES / 2));
}

#[test]
fn a_large_message_is_granted_once_for_all() {
    let mut client = Client::ready();
    let whole = message(&vec![7; 1 << 20]);
    client.open(1, GET);
    client.data(1, false, &whole[..WINDOW]);
    client.feed();
    let sent = client.sent();
    assert!(granted(&sent, 1) as usize >= whole.len() - WINDOW, "{sent:?}");
    assert_eq!(sent.len(), 1);
    let mut rest = whole[WINDOW..].chunks(16_384).peekable();
    let mut seen = Vec::new();
    while let Some(part) = rest.next() {
        client.data(1, rest.peek().is_none(), part);
        seen.extend(client.feed());
    }
    assert_eq!(granted(&client.sent(), 1), 0);
    assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if message[..] == whole[5..]));
    assert_eq!(client.connection.held_bytes(), 0);
}

#[test]
fn more_than_the_streams_window_resets_the_stream() {
    let mut client = Client::ready();
    client.open(1, GET);
    client.data(1, false, &message(&[0; WINDOW])[..WINDOW + 1]);
    client.resets(1, ErrorCode::FlowControlError);
}

#[test]
fn padding_uses_the_window_and_is_granted_again() {
    let mut client = Client::ready();
    let whole = message(&[7; 100]);
    client.open(1, GET);
    let (mut window, mut seen) = (i64::from(STREAM_WINDOW_BYTES), Vec::new());
    for (index, byte) in whole.iter().enumerate() {
        let end = if index + 1 == whole.len() { flag::END_STREAM } else { 0 };
        let payload = [&[255, *byte][..], &[0; 255]].concat();
        window -= payload.len() as i64;
        assert!(window >= 0, "the client would be stuck at byte {index}");
        client.raw(kind::DATA, flag::PADDED | end, 1, &payload);
        seen.extend(client.feed());
        window += i64::from(granted(&client.sent(), 1));
    }
    assert_eq!(seen.len(), 1);
}

/// Until the client has acknowledged our SETTINGS it may use the protocol's window; then ours holds, even below zero.
#[test]
fn our_smaller_window_holds_once_it_is_acknowledged() {
    let mut client = Client::new();
    let whole = message(&[7; 65_000]);
    client.open(1, GET);
    for part in whole[..50_000].chunks(16_384) {
        client.data(1, false, part);
    }
    assert_eq!(client.feed(), []);
    let sent = client.sent();
    assert_eq!(granted(&sent, 1), 0, "the message fits the protocol's window");
    crate::frame::write_settings_ack(&mut client.bytes);
    client.feed();
    let needed = 65_005 - 50_000;
    let window = 65_535 - 50_000 + WINDOW as i64 - 65_535;
    assert!(i64::from(granted(&client.sent(), 1)) + window >= needed);
    client.data(1, true, &whole[50_000..]);
    assert_eq!(client.feed().len(), 1);
    client.open(3, GET);
    client.data(3, false, &whole[..WINDOW + 1]);
    client.resets(3, ErrorCode::FlowControlError);
}

/// Many large messages at a time: each gets its turn, none fails, and what is held stays within the limit.
#[test]
fn large_messages_take_turns_within_the_buffer() {
    let limits = Limits {
        message_bytes_max: 100_000,
        connection_buffer_bytes_max: 200_000,
        streams_per_connection_max: 8,
        ..Limits::DEFAULT
    };
    let mut client = Client::ready_with(limits);
    let whole = message(&[7; 90_000]);
    let mut uploads: Vec<(u32, usize, i64)> = Vec::new();
    for stream in [1, 3, 5, 7, 9, 11, 13, 15] {
        client.open(stream, GET);
        uploads.push((stream, 0, i64::from(STREAM_WINDOW_BYTES)));
    }
    let mut finished = 0;
    let mut most = 0;
    while finished < 8 {
        let mut moved = false;
        for (stream, sent, window) in &mut uploads {
            let part = (whole.len() - *sent).min(usize::try_from(*window).unwrap_or(0)).min(8_000);
            if part == 0 {
                continue;
            }
            moved = true;
            client.data(*stream, *sent + part == whole.len(), &whole[*sent..*sent + part]);
            *sent += part;
            *window -= part as i64;
        }
        assert!(moved, "nobody may send, and nobody has finished");
        for seen in client.feed() {
            let Seen::Unary { stream, .. } = seen else { panic!("{seen:?}") };
            finished += 1;
            client.reply(stream, b"");
        }
        for sent in client.sent() {
            match sent {
                Sent::Window { stream: 0, .. } | Sent::Data { .. } => {}
                Sent::Window { stream, increment } => {
                    let upload = uploads.iter_mut().find(|upload| upload.0 == stream).expect("a stream of ours");
                    upload.2 += i64::from(increment);
                }
                Sent::Headers { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        most = most.max(client.connection.held_bytes());
    }
    assert!(most <= limits.connection_buffer_bytes_max, "{most}");
    assert_eq!(client.connection.held_bytes(), 0);
}

/// A client that never acknowledges our SETTINGS may use larger windows, but not more memory.
#[test]
fn the_buffer_is_bounded_whatever_the_windows_are() {
    let limits = Limits {
        message_bytes_max: 60_000,
        connection_buffer_bytes_max: 120_000,
        streams_per_connection_max: 8,
        ..Limits::DEFAULT
    };
    let mut client = Client::with(limits);
    client.feed();
    client.sent();
    let whole = message(&[7; 60_000]);
    for stream in [1, 3, 5] {
        client.open(stream, GET);
        for part in whole[..50_000].chunks(10_000) {
            client.data(stream, false, part);
        }
    }
    client.fails(5, "8", "limits.connection_buffer_bytes_max");
    assert!(client.connection.held_bytes() <= limits.connection_buffer_bytes_max);
    client.data(1, true, &whole[50_000..]);
    client.data(3, true, &whole[50_000..]);
    assert_eq!(client.feed().len(), 2);
    assert_eq!(client.connection.held_bytes(), 0);
}

#[test]
fn a_waiting_upload_that_is_reset_leaves_the_queue() {
    let limits = Limits { streams_per_connection_max: 300, ..Limits::DEFAULT };
    let limits = Limits { message_bytes_max: 1 << 20, connection_buffer_bytes_max: 4 << 20, ..limits };
    let mut client = Client::ready_with(limits);
    let part = &message(&vec![7; 1 << 20])[..5_000];
    // Four are admitted, or one, as the limits have it; the last ones wait in any case.
    for stream in 0..8 {
        client.open(2 * stream + 1, GET);
        client.data(2 * stream + 1, false, part);
        client.data(2 * stream + 1, false, &vec![7; client.connection.stream_window_bytes as usize - 5_000]);
    }
    client.feed();
    let sent = client.sent();
    assert_eq!(granted(&sent, 15), 0);
    client.raw(kind::RST_STREAM, 0, 15, &[0, 0, 0, 8]);
    client.feed();
    assert_eq!(client.connection.streams.find(15), None);
    for stream in 0..7 {
        client.raw(kind::RST_STREAM, 0, 2 * stream + 1, &[0, 0, 0, 8]);
    }
    client.feed();
    let connection = &mut client.connection;
    assert_eq!(connection.admissions.first(&connection.streams), None);
    assert!(connection.admissions.is_empty());
    assert_eq!((client.connection.held.bytes(), client.connection.held.promised_bytes()), (0, 0));
}
