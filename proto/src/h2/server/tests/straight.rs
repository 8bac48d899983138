//! The straight way is exact: bytes that come whole, where it is taken, do what the same bytes do that come one by one,
//! where it never is. Only the places of the streams in their table may differ.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::client::{Client, GET, REFLECTION, SCAN, Seen, message, request};
use crate::frame::{ErrorCode, write_window_update};
use crate::frame::{PREFACE, flag, kind, setting, write_rst_stream, write_settings, write_settings_ack};
use crate::h2::StreamRef;
use crate::limits::Limits;
use crate::status::{Code, Status};

/// What a client does next.
#[derive(Debug, Clone)]
enum Step {
    /// As a busy client calls.
    Call { path: &'static str, more: &'static [(&'static str, &'static str)], first: u8, bytes: usize },
    /// The same, with a detail that the straight way must leave alone.
    Odd { odd: Odd, first: u8 },
    /// HEADERS of a call whose DATA comes later.
    Begin { path: &'static str, more: &'static [(&'static str, &'static str)] },
    /// What such a call still lacks.
    Complete(Complete),
    /// Something else on the connection.
    Other(Other),
}

/// How a call that has begun goes on: its message has so many bytes, or it is what the name says.
#[derive(Debug, Clone, Copy)]
enum Complete {
    First(u8, usize),
    Last(u8, usize),
    /// All that have begun, in their order.
    All(u8, usize),
    Halves,
    ResetOfLast,
    WindowOfFirst(u32),
    Trailers,
}

#[derive(Debug, Clone, Copy)]
enum Odd {
    /// The identifier is passed over by so many.
    Skips(u32),
    /// The identifier of the call before.
    Again,
    Even,
    ReservedBit,
    Padded,
    Priority,
    UnknownFlag,
    /// DATA does not end the stream; an empty one does.
    EndsLater,
    /// The message comes in two DATA frames.
    Halves,
    /// HEADERS end the stream.
    NoMessage,
    TwoMessages,
    Compressed,
    PrefixTooLong,
    PrefixTooShort,
    PrefixCut,
    Trailers,
    /// The frame of another stream.
    OtherStream,
    /// Another frame between HEADERS and DATA.
    PingBetween,
    ContinuationFollows,
}

#[derive(Debug, Clone, Copy)]
enum Other {
    Ping,
    Window(u32),
    InitialWindow(u32),
    TableBytes(usize),
    ResetOfLast,
    NewHeader(u8),
    UnknownKind,
    Open,
    Goaway,
}

const MORE: [&[(&str, &str)]; 9] = [
    &[],
    &[("grpc-timeout", "5S")],
    &[("grpc-timeout", "250m"), ("user-agent", "test")],
    &[("grpc-encoding", "unknown")],
    &[("content-length", "21")],
    &[("content-length", "14")],
    &[("grpc-timeout", "251m")],
    &[("grpc-timeout", "252m"), ("x-own", "of the caller")],
    &[("grpc-timeout", "never")],
];

fn step() -> impl Strategy<Value = Step> {
    let path = prop_oneof![8 => Just(GET), 1 => Just(SCAN), 1 => Just("/no/Method"), 1 => Just(REFLECTION)];
    let more = prop_oneof![6 => Just(MORE[0]), 3 => Just(MORE[1]), 4 => prop::sample::select(&MORE[..])];
    let bytes = prop_oneof![8 => 0usize..40, 1 => 90usize..130, 1 => 11_000usize..13_000];
    let call =
        (path, more, any::<u8>(), bytes).prop_map(|(path, more, first, bytes)| Step::Call { path, more, first, bytes });
    let odd = prop_oneof![
        Just(Odd::Skips(2)),
        Just(Odd::Skips(100)),
        Just(Odd::Again),
        Just(Odd::Even),
        Just(Odd::ReservedBit),
        Just(Odd::Padded),
        Just(Odd::Priority),
        Just(Odd::UnknownFlag),
        Just(Odd::EndsLater),
        Just(Odd::Halves),
        Just(Odd::NoMessage),
        Just(Odd::TwoMessages),
        Just(Odd::Compressed),
        Just(Odd::PrefixTooLong),
        Just(Odd::PrefixTooShort),
        Just(Odd::PrefixCut),
        Just(Odd::Trailers),
        Just(Odd::OtherStream),
        Just(Odd::PingBetween),
        Just(Odd::ContinuationFollows),
    ];
    let sizes = || (any::<u8>(), prop_oneof![3 => Just(8usize), 2 => Just(15usize), 2 => 0usize..40]);
    let complete = prop_oneof![
        6 => sizes().prop_map(|(first, bytes)| Complete::First(first, bytes)),
        1 => sizes().prop_map(|(first, bytes)| Complete::Last(first, bytes)),
        3 => sizes().prop_map(|(first, bytes)| Complete::All(first, bytes)),
        1 => Just(Complete::Halves),
        1 => Just(Complete::ResetOfLast),
        1 => (1u32..40).prop_map(Complete::WindowOfFirst),
        1 => Just(Complete::Trailers),
    ];
    let other = prop_oneof![
        Just(Other::Ping),
        (1u32..100_000).prop_map(Other::Window),
        prop_oneof![Just(0u32), 1u32..40, Just(65_535), Just(1 << 20)].prop_map(Other::InitialWindow),
        prop_oneof![Just(0usize), Just(100), Just(4_096)].prop_map(Other::TableBytes),
        Just(Other::ResetOfLast),
        (0u8..4).prop_map(Other::NewHeader),
        Just(Other::UnknownKind),
        Just(Other::Open),
        Just(Other::Goaway),
    ];
    let begin = (
        prop_oneof![9 => Just(GET), 1 => Just(SCAN)],
        prop_oneof![6 => Just(MORE[0]), 4 => prop::sample::select(&MORE[..])],
    );
    prop_oneof![
        12 => call,
        8 => begin.prop_map(|(path, more)| Step::Begin { path, more }),
        5 => complete.prop_map(Step::Complete),
        2 => (odd, any::<u8>()).prop_map(|(odd, first)| Step::Odd { odd, first }),
        2 => other.prop_map(Step::Other),
    ]
}

/// Writes a conversation; its calls count up.
struct Writer {
    client: Client,
    last: u32,
    begun: VecDeque<u32>,
}

impl Writer {
    fn write(limits: Limits, steps: &[Step]) -> Vec<u8> {
        let mut client = Client::silent(limits);
        client.bytes.extend_from_slice(PREFACE);
        write_settings(&[], &mut client.bytes);
        write_settings_ack(&mut client.bytes);
        let mut writer = Self { client, last: 0_u32.wrapping_sub(1), begun: VecDeque::new() };
        // Two of one kind first, so that the memo and the headers of our replies are warm in most conversations.
        for _ in 0..2 {
            writer.step(&Step::Call { path: GET, more: &[], first: 0, bytes: 8 });
        }
        steps.iter().for_each(|step| writer.step(step));
        writer.client.bytes
    }

    fn next(&mut self) -> u32 {
        self.last = self.last.wrapping_add(2);
        self.last
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Call { path, more, first, bytes } => {
                let id = self.next();
                self.client.headers(id, false, &[&request(path), more].concat());
                self.client.data(id, true, &message(&[&[first][..], &vec![7; bytes]].concat()));
            }
            Step::Odd { odd, first } => self.odd(odd, first),
            Step::Begin { path, more } => {
                let id = self.next();
                self.client.headers(id, false, &[&request(path), more].concat());
                self.begun.push_back(id);
            }
            Step::Complete(complete) => self.complete(complete),
            Step::Other(other) => self.other(other),
        }
    }

    fn complete(&mut self, complete: Complete) {
        let of = |first: u8, bytes: usize| message(&[&[first][..], &vec![7; bytes]].concat());
        if let Complete::All(first, bytes) = complete {
            for id in self.begun.drain(..) {
                self.client.data(id, true, &of(first, bytes));
            }
            return;
        }
        let is_of_last = matches!(complete, Complete::Last(..) | Complete::ResetOfLast);
        let stays = matches!(complete, Complete::WindowOfFirst(_));
        let id = if is_of_last { self.begun.pop_back() } else { self.begun.pop_front() };
        let Some(id) = id else { return };
        if stays {
            self.begun.push_front(id);
        }
        let client = &mut self.client;
        match complete {
            Complete::First(first, bytes) | Complete::Last(first, bytes) | Complete::All(first, bytes) => {
                client.data(id, true, &of(first, bytes));
            }
            Complete::Halves => {
                client.data(id, false, &of(9, 8)[..7]);
                client.data(id, true, &of(9, 8)[7..]);
            }
            Complete::ResetOfLast => write_rst_stream(id, ErrorCode::Cancel, &mut client.bytes),
            Complete::WindowOfFirst(increment) => write_window_update(id, increment, &mut client.bytes),
            Complete::Trailers => {
                client.data(id, false, &of(9, 8));
                client.headers(id, true, &[("x-trailer", "of the client")]);
            }
        }
    }

    fn odd(&mut self, odd: Odd, first: u8) {
        let id = match odd {
            Odd::Skips(by) => {
                self.last = self.last.wrapping_add(by);
                self.next()
            }
            Odd::Again => self.last,
            Odd::Even => self.last.wrapping_add(1),
            Odd::ReservedBit => self.next() | 1 << 31,
            _ => self.next(),
        };
        let block = self.client.block(&request(GET));
        let whole = message(&[first, 7, 7]);
        let client = &mut self.client;
        let end = flag::END_STREAM;
        match odd {
            Odd::Priority => {
                client.raw(
                    kind::HEADERS,
                    flag::END_HEADERS | flag::PRIORITY,
                    id,
                    &[&[0, 0, 0, 0, 9][..], &block].concat(),
                );
            }
            Odd::UnknownFlag => client.raw(kind::HEADERS, flag::END_HEADERS | 0x40, id, &block),
            Odd::NoMessage => return client.raw(kind::HEADERS, flag::END_HEADERS | end, id, &block),
            Odd::ContinuationFollows => client.raw(kind::HEADERS, 0, id, &block),
            _ => client.raw(kind::HEADERS, flag::END_HEADERS, id, &block),
        }
        match odd {
            Odd::Padded => client.raw(kind::DATA, end | flag::PADDED, id, &[&[3][..], &whole, &[0; 3]].concat()),
            Odd::EndsLater => {
                client.raw(kind::DATA, 0, id, &whole);
                client.raw(kind::DATA, end, id, &[]);
            }
            Odd::Halves => {
                client.raw(kind::DATA, 0, id, &whole[..4]);
                client.raw(kind::DATA, end, id, &whole[4..]);
            }
            Odd::TwoMessages => client.raw(kind::DATA, end, id, &[&whole[..], &whole].concat()),
            Odd::Compressed => client.raw(kind::DATA, end, id, &[&[1], &whole[1..]].concat()),
            Odd::PrefixTooLong => client.raw(kind::DATA, end, id, &[0, 0, 0, 0, 4, first, 7, 7]),
            Odd::PrefixTooShort => client.raw(kind::DATA, end, id, &[0, 0, 0, 0, 2, first, 7, 7]),
            Odd::PrefixCut => client.raw(kind::DATA, end, id, &whole[..3]),
            Odd::Trailers => {
                client.raw(kind::DATA, 0, id, &whole);
                client.headers(id, true, &[("x-trailer", "of the client")]);
            }
            Odd::OtherStream => client.raw(kind::DATA, end, id.wrapping_sub(2), &whole),
            Odd::PingBetween => {
                client.raw(kind::PING, 0, 0, b"between!");
                client.raw(kind::DATA, end, id, &whole);
            }
            _ => client.raw(kind::DATA, end, id, &whole),
        }
    }

    fn other(&mut self, other: Other) {
        let bytes = &mut self.client.bytes;
        match other {
            Other::Ping => self.client.raw(kind::PING, flag::ACK, 0, b"draining"),
            Other::Window(increment) => write_window_update(0, increment, bytes),
            Other::InitialWindow(window) => write_settings(&[(setting::INITIAL_WINDOW_SIZE, window)], bytes),
            // What the client's own encoder does, and what it lets ours do.
            Other::TableBytes(table_bytes) => {
                write_settings(&[(setting::HEADER_TABLE_SIZE, table_bytes as u32)], bytes);
                self.client.encoder.set_peer_table_bytes_max(table_bytes);
            }
            Other::ResetOfLast => write_rst_stream(self.last, ErrorCode::Cancel, bytes),
            Other::NewHeader(number) => {
                let id = self.next();
                let value = format!("value {number}");
                self.client.headers(id, false, &[&request(GET)[..], &[("x-new", value.as_str())]].concat());
                self.client.data(id, true, &message(&[number]));
            }
            Other::UnknownKind => self.client.raw(0x20, 0xff, 3, b"whatever"),
            Other::Open => {
                let id = self.next();
                self.client.open(id, GET);
            }
            Other::Goaway => self.client.raw(kind::GOAWAY, 0, 0, &[0; 8]),
        }
    }
}

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
