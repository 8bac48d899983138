//! The straight way is exact: bytes that come whole, where it is taken, do what the same bytes do that come one by one,
//! where it never is. Only the places of the streams in their table may differ.

mod conversation;

use std::borrow::Cow;
use std::collections::VecDeque;

use proptest::prelude::*;

use self::conversation::{Shape, Writer, step};
use super::client::{Client, GET, Seen, request};
use crate::frame::write_window_update;
use crate::h2::{Event, StreamRef};
use crate::limits::Limits;
use crate::status::{Code, Status};

/// Answers as the message's first byte says; calls that wait are answered when the next event has come.
struct Application {
    client: Client,
    waiting: Vec<StreamRef>,
}

impl Application {
    fn see(&mut self, seen: &Seen) {
        let client = &mut self.client;
        for call in self.waiting.drain(..) {
            client.reply(call, b"late");
        }
        let Seen::Unary { stream, message, .. } = seen else { return };
        assert!(client.connection.is_open(*stream));
        match message.first().map_or(0, |first| first % 32) {
            0 => self.waiting.push(*stream),
            1 => client.connection.finish(*stream, &Status::new(Code::NotFound, "none"), &[("x-why", "test")]),
            2 => client.reply(*stream, &[8; 70_000]),
            3 => {
                client.send(*stream, b"first");
                client.send(*stream, b"second");
                client.connection.finish(*stream, &Status::OK, &[]);
            }
            // Never answered.
            4 => {}
            5 => client.connection.drain(0),
            6 => assert!(client.connection.open_calls() > 0),
            7 => drop(client.connection.writable_bytes(*stream)),
            8 => {
                client.reply(*stream, b"once");
                client.reply(*stream, b"twice");
            }
            _ => client.reply(*stream, &[&b"re: "[..], &message[..message.len().min(60)]].concat()),
        }
    }
}

/// Every event and all output of a conversation in these parts.
fn run<'p>(limits: Limits, parts: impl Iterator<Item = &'p [u8]>) -> (Vec<Seen>, Vec<u8>, usize) {
    let mut application = Application { client: Client::silent(limits), waiting: Vec::new() };
    let (mut all, mut output) = (Vec::new(), Vec::new());
    for part in parts {
        let input = application.client.connection.begin(part);
        while let Some(event) = application.client.connection.poll(&input, 5) {
            let mut seen = Seen::new(event);
            application.see(&seen);
            seen.forget_slot();
            all.push(seen);
        }
        application.client.connection.end(input);
        output.append(application.client.connection.output());
    }
    (all, output, application.client.connection.open_calls())
}

fn limits() -> impl Strategy<Value = Limits> {
    let default = Limits::DEFAULT;
    prop_oneof![
        6 => Just(default),
        1 => Just(Limits { message_bytes_max: 100, ..default }),
        1 => Just(Limits { streams_per_connection_max: 3, ..default }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whole_calls_do_what_their_bytes_do(
        limits in limits(),
        steps in prop::collection::vec(step(), 0..40),
        cut in any::<usize>(),
    ) {
        let bytes = Writer::write(limits, &steps);
        let whole = run(limits, [&bytes[..]].into_iter());
        let by_byte = run(limits, bytes.chunks(1));
        prop_assert_eq!(&whole.0, &by_byte.0);
        prop_assert!(whole == by_byte, "the output differs, or what is left open");
        let (first, second) = bytes.split_at(cut % (bytes.len() + 1));
        prop_assert!(run(limits, [first, second].into_iter()) == by_byte, "cut at {}", first.len());
    }
}

#[test]
fn what_clients_make_of_a_call_goes_the_straight_way() {
    let shapes = [None, Some((0, 5))].map(|lift| [false, true].map(|ends_later| Shape { lift, ends_later }));
    for shape in shapes.into_iter().flatten() {
        let mut client = Client::new();
        // The first one never does.
        let first = client.called(1, GET, b"first");
        client.reply(first, b"re");
        write_window_update(0, 1_000, &mut client.bytes);
        assert_eq!(client.feed(), []);
        let mut writer = Writer { client, last: 1, begun: VecDeque::new() };
        writer.client.headers(3, false, &request(GET));
        writer.rest(3, shape, 9, 20);
        let bytes = std::mem::take(&mut writer.client.bytes);
        let server = &mut writer.client.connection;
        let input = server.begin(&bytes);
        let Some(Event::Unary(call)) = server.poll(&input, 5) else { panic!("{shape:?}: no call") };
        // The general way has to keep a message that something follows.
        assert!(matches!(call.message, Cow::Borrowed(_)), "{shape:?}");
        let stream = call.stream;
        assert_eq!(server.poll(&input, 5).map(Seen::new), None, "{shape:?}");
        server.end(input);
        assert_eq!((server.kept_bytes(), server.open_calls()), (0, 1), "{shape:?}");
        let lifted = shape.lift.map_or(0, |(_, word)| word as usize);
        assert_eq!(server.writable_bytes(stream), 65_535 + lifted - 5, "{shape:?}");
    }
}
