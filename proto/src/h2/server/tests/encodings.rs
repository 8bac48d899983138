//! `grpc-encoding`: compressed requests, whole and cut, good and bad, and what the answers say of encodings.

use super::client::{Client, GET, REFLECTION, Seen, Sent, compressed, message, request};
use crate::h2::StreamRef;
use crate::limits::Limits;
use crate::status::{Code, Status};

fn gzip_call(client: &mut Client, stream: u32, path: &str) {
    client.headers(stream, false, &[&request(path)[..], &[("grpc-encoding", "gzip")]].concat());
}

/// What a gzip call of these bytes, in one frame, delivers.
fn delivered(client: &mut Client, stream: u32, bytes: &[u8]) -> Vec<u8> {
    gzip_call(client, stream, GET);
    client.data(stream, true, bytes);
    let seen = client.feed();
    let [Seen::Unary { message, .. }] = &seen[..] else { panic!("{seen:?} {:?}", client.sent()) };
    message.clone()
}

#[test]
fn a_compressed_message_arrives_inflated() {
    let mut client = Client::ready();
    for (number, content) in [&b""[..], b"k", &[7; 100_000], &[b'k'; 1 << 20]].into_iter().enumerate() {
        assert_eq!(delivered(&mut client, 2 * number as u32 + 1, &compressed(content)), content);
        assert_eq!(client.connection.held_bytes() - client.connection.output().len(), 0);
    }
}

#[test]
fn it_may_be_cut_anywhere() {
    let whole = compressed(b"0123456789");
    for first in 0..whole.len() {
        let mut client = Client::ready();
        gzip_call(&mut client, 1, GET);
        client.data(1, false, &whole[..first]);
        assert_eq!(client.feed(), []);
        assert_eq!(client.connection.held_bytes(), first);
        client.data(1, true, &whole[first..]);
        let seen = client.feed();
        assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if message == b"0123456789"), "{seen:?}");
        assert_eq!(client.connection.held_bytes(), 0);
    }
}

#[test]
fn each_message_says_whether_it_is_compressed() {
    let mut client = Client::ready();
    assert_eq!(delivered(&mut client, 1, &message(b"plain")), b"plain");
    gzip_call(&mut client, 3, REFLECTION);
    client.data(3, false, &[message(b"a"), compressed(b"b"), message(b"c"), compressed(b"d")].concat());
    client.data(3, true, &compressed(b"e"));
    let seen = client.feed();
    let messages: Vec<&[u8]> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Message { message, .. } => Some(&message[..]),
            _ => None,
        })
        .collect();
    assert_eq!(messages, [b"a", b"b", b"c", b"d", b"e"]);
    assert!(matches!((&seen[0], &seen[6]), (Seen::Opened { .. }, Seen::HalfClosed(_))), "{seen:?}");
}

#[test]
fn the_memo_of_header_blocks_knows_who_compresses() {
    let mut client = Client::ready();
    for round in 0..4 {
        assert_eq!(delivered(&mut client, 4 * round + 1, &compressed(b"k")), b"k", "round {round}");
        client.open(4 * round + 3, GET);
        client.data(4 * round + 3, true, &compressed(b"k"));
        client.fails(4 * round + 3, "13", "grpc-encoding");
        client.sent();
    }
}

#[test]
fn a_bomb_fails_its_call_and_holds_nothing() {
    let limits = Limits { message_bytes_max: 10_000, ..Limits::DEFAULT };
    let mut client = Client::ready_with(limits);
    assert_eq!(delivered(&mut client, 1, &compressed(&[0; 10_000])), [0; 10_000]);
    gzip_call(&mut client, 3, GET);
    client.data(3, true, &compressed(&[0; 10_001]));
    assert_eq!(client.fails(3, "8", "limits.message_bytes_max (10000 bytes)"), []);
    // The application knows of a client stream, and hears that it is over.
    gzip_call(&mut client, 5, REFLECTION);
    client.data(5, false, &[message(b"a"), compressed(&vec![0; 1 << 20])].concat());
    let seen = client.fails(5, "8", "limits.message_bytes_max (10000 bytes)");
    assert!(matches!(&seen[..], [Seen::Opened { .. }, Seen::Message { .. }, Seen::Reset(_)]), "{seen:?}");
    // The first call is still open, as nobody has answered it.
    assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (1, 0));
    assert_eq!(delivered(&mut client, 7, &compressed(b"the connection lives on")), b"the connection lives on");
}

#[test]
fn what_is_not_gzip_fails_its_call() {
    let whole = compressed(b"0123456789");
    let mut flipped = whole.clone();
    let checksum = whole.len() - 8;
    flipped[checksum] ^= 1;
    let with_length = |content: &[u8]| {
        let mut bytes = message(content);
        bytes[0] = 1;
        bytes
    };
    let behind = [&whole[5..], b"garbage"].concat();
    for (name, bytes) in [
        ("no gzip", with_length(b"no gzip")),
        ("nothing", with_length(b"")),
        ("a wrong checksum", flipped),
        ("a stream cut short", with_length(&whole[5..whole.len() - 1])),
        ("garbage behind", with_length(&behind)),
        ("two members", with_length(&[&whole[5..], &whole[5..]].concat())),
    ] {
        let mut client = Client::ready();
        gzip_call(&mut client, 1, GET);
        client.data(1, true, &bytes);
        assert_eq!(client.fails(1, "13", "not one whole gzip stream"), [], "{name}");
        assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0), "{name}");
    }
}

#[test]
fn there_must_be_room_for_what_is_inflated() {
    let limits = Limits {
        message_bytes_max: 60_000,
        connection_buffer_bytes_max: 100_000,
        streams_per_connection_max: 8,
        ..Limits::DEFAULT
    };
    let mut client = Client::ready_with(limits);
    let call = client.called(1, GET, b"k");
    client.reply(call, &[7; 24_000]);
    client.connection.charge(21_000);
    gzip_call(&mut client, 3, GET);
    client.data(3, true, &compressed(&[0; 56_000]));
    client.fails(3, "8", "limits.connection_buffer_bytes_max");
    // Once the reply has gone there is enough.
    client.connection.discharge(21_000);
    assert_eq!(delivered(&mut client, 5, &compressed(&[0; 56_000])).len(), 56_000);
}

/// The messages of one turn of so much effort.
fn turn(client: &mut Client, effort: usize) -> Vec<Vec<u8>> {
    client.connection.set_effort(effort);
    let seen = client.feed();
    let message = |seen: Seen| match seen {
        Seen::Unary { message, .. } | Seen::Message { message, .. } => Some(message),
        _ => None,
    };
    seen.into_iter().filter_map(message).collect()
}

#[test]
fn a_large_message_takes_several_turns() {
    let mut client = Client::ready();
    gzip_call(&mut client, 1, GET);
    client.data(1, true, &compressed(&[0; 1 << 20]));
    client.call(3, GET, b"small");
    let mut turns = Vec::new();
    while turns.is_empty() || client.connection.has_more() {
        turns.push(turn(&mut client, 256));
        assert!(client.connection.held_bytes() - client.connection.output().len() <= (1 << 20) + 16_384);
    }
    // Sixteen turns of 64 KiB and the effort of their steps.
    assert!((16..32).contains(&turns.len()), "{} turns", turns.len());
    // In either order: other calls need not wait for it.
    let mut delivered: Vec<usize> = turns.iter().flatten().map(Vec::len).collect();
    delivered.sort_unstable();
    assert_eq!(delivered, [5, 1 << 20]);
    assert_eq!(client.connection.held_bytes() - client.connection.output().len(), 0);
}

#[test]
fn the_messages_of_a_stream_stay_in_their_order() {
    let mut client = Client::ready();
    gzip_call(&mut client, 1, REFLECTION);
    client.data(1, false, &[compressed(&[1; 100_000]), message(b"2"), compressed(&[3; 100_000])].concat());
    client.data(1, true, &message(b"4"));
    let mut first_bytes = Vec::new();
    while first_bytes.is_empty() || client.connection.has_more() {
        first_bytes.extend(turn(&mut client, 100).into_iter().map(|message| message[0]));
    }
    assert_eq!(first_bytes, [1, b'2', 3, b'4']);
}

#[test]
fn a_call_that_ends_while_it_is_inflated_is_forgotten() {
    let mut client = Client::ready();
    gzip_call(&mut client, 1, REFLECTION);
    client.data(1, false, &compressed(&[0; 1 << 20]));
    assert_eq!(turn(&mut client, 64).len(), 0);
    assert!(client.connection.held_bytes() > 10_000);
    let call = StreamRef { id: 1, slot: 0 };
    client.connection.finish(call, &Status::new(Code::Aborted, "enough"), &[]);
    turn(&mut client, 64);
    client.sent();
    assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0));
    client.connection.set_effort(usize::MAX);
    assert_eq!(delivered(&mut client, 3, &compressed(b"next")), b"next");
}

#[test]
fn who_names_encodings_is_told_ours() {
    let mut client = Client::ready();
    let cases: [(&[(&str, &str)], bool); 4] = [
        (&[], false),
        (&[("grpc-encoding", "gzip")], true),
        (&[("grpc-encoding", "identity")], true),
        (&[("grpc-accept-encoding", "identity,deflate,gzip")], true),
    ];
    for (number, (more, is_told)) in cases.iter().chain(&cases).enumerate() {
        let stream = 2 * number as u32 + 1;
        client.headers(stream, false, &[&request(GET)[..], more].concat());
        client.data(stream, true, &message(b"k"));
        let seen = client.feed();
        let call = seen[0].stream();
        if number % 3 == 0 {
            client.connection.finish(call, &Status::new(Code::NotFound, "x"), &[]);
        } else {
            client.reply(call, b"v");
        }
        let sent = client.sent();
        let Sent::Headers { .. } = &sent[0] else { panic!("{sent:?}") };
        assert_eq!(sent[0].field("grpc-accept-encoding"), is_told.then_some("gzip,identity"), "{more:?}");
        assert_eq!(sent[0].field("grpc-encoding"), None, "replies are not compressed");
    }
}
