//! What clients may send around calls that go the straight way, and what they had better not.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::super::client::{Client, GET, REFLECTION, SCAN, message, request};
use crate::frame::{
    ErrorCode, PREFACE, flag, kind, setting, write_rst_stream, write_settings, write_settings_ack, write_window_update,
};
use crate::limits::Limits;

/// What a client does next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// As a busy client calls.
    Call { path: &'static str, more: &'static [(&'static str, &'static str)], shape: Shape, first: u8, bytes: usize },
    /// The same, with a detail that the straight way must leave alone.
    Odd { odd: Odd, first: u8 },
    /// HEADERS of a call whose DATA comes later.
    Begin { path: &'static str, more: &'static [(&'static str, &'static str)] },
    /// What such a call still lacks.
    Complete(Complete),
    /// Something else on the connection.
    Other(Other),
}

/// What follows the HEADERS of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// A WINDOW_UPDATE of the stream comes first: its flags, and the word in it.
    pub(super) lift: Option<(u8, u32)>,
    /// An empty DATA frame ends the stream.
    pub(super) ends_later: bool,
}

const ONE_FRAME: Shape = Shape { lift: None, ends_later: false };

/// How a call that has begun goes on: its message has so many bytes, or it is what the name says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Complete {
    First(Shape, u8, usize),
    Last(Shape, u8, usize),
    /// All that have begun, in their order.
    All(Shape, u8, usize),
    Halves,
    ResetOfLast,
    WindowOfFirst(u32),
    Trailers,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Odd {
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
    /// A WINDOW_UPDATE that is too short, of another stream, or one of two.
    LiftShort,
    LiftOther,
    LiftTwice,
    /// What ends the stream is padded, or of another stream.
    EndPadded,
    EndOther,
    ContinuationFollows,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Other {
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

/// Increments of 0, with the reserved bit, and around what overflows the window that a stream has.
const WORDS: [u32; 6] = [0, 1 << 31, 1 << 31 | 7, (1 << 31) - 1, (1 << 31) - 65_536, (1 << 31) - 65_535];

/// Mostly as a client does it; words that overflow the window, say nothing, or have the reserved bit.
fn shape() -> impl Strategy<Value = Shape> {
    let word = prop_oneof![
        8 => Just(5u32),
        2 => 1u32..100_000,
        1 => prop::sample::select(&WORDS[..]),
    ];
    let flags = prop_oneof![9 => Just(0u8), 1 => any::<u8>()];
    let lift = prop_oneof![3 => Just(None), 1 => (flags, word).prop_map(Some)];
    (lift, prop::bool::weighted(0.4)).prop_map(|(lift, ends_later)| Shape { lift, ends_later })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let path = prop_oneof![8 => Just(GET), 1 => Just(SCAN), 1 => Just("/no/Method"), 1 => Just(REFLECTION)];
    let more = prop_oneof![6 => Just(MORE[0]), 3 => Just(MORE[1]), 4 => prop::sample::select(&MORE[..])];
    let bytes = prop_oneof![8 => 0usize..40, 1 => 90usize..130, 1 => 11_000usize..13_000];
    let call = (path, more, shape(), any::<u8>(), bytes).prop_map(|(path, more, shape, first, bytes)| Step::Call {
        path,
        more,
        shape,
        first,
        bytes,
    });
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
        Just(Odd::LiftShort),
        Just(Odd::LiftOther),
        Just(Odd::LiftTwice),
        Just(Odd::EndPadded),
        Just(Odd::EndOther),
        Just(Odd::ContinuationFollows),
    ];
    let sizes = || (shape(), any::<u8>(), prop_oneof![3 => Just(8usize), 2 => Just(15usize), 2 => 0usize..40]);
    let complete = prop_oneof![
        6 => sizes().prop_map(|(shape, first, bytes)| Complete::First(shape, first, bytes)),
        1 => sizes().prop_map(|(shape, first, bytes)| Complete::Last(shape, first, bytes)),
        3 => sizes().prop_map(|(shape, first, bytes)| Complete::All(shape, first, bytes)),
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
pub(super) struct Writer {
    pub(super) client: Client,
    pub(super) last: u32,
    pub(super) begun: VecDeque<u32>,
}

impl Writer {
    pub(super) fn write(limits: Limits, steps: &[Step]) -> Vec<u8> {
        let mut client = Client::silent(limits);
        client.bytes.extend_from_slice(PREFACE);
        write_settings(&[], &mut client.bytes);
        write_settings_ack(&mut client.bytes);
        let mut writer = Self { client, last: 0_u32.wrapping_sub(1), begun: VecDeque::new() };
        // Two of one kind first, so that the memo and the headers of our replies are warm in most conversations.
        for _ in 0..2 {
            writer.step(&Step::Call { path: GET, more: &[], shape: ONE_FRAME, first: 0, bytes: 8 });
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
            Step::Call { path, more, shape, first, bytes } => {
                let id = self.next();
                self.client.headers(id, false, &[&request(path), more].concat());
                self.rest(id, shape, first, bytes);
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

    /// What follows the HEADERS.
    pub(super) fn rest(&mut self, id: u32, shape: Shape, first: u8, bytes: usize) {
        if let Some((flags, word)) = shape.lift {
            self.client.raw(kind::WINDOW_UPDATE, flags, id, &word.to_be_bytes());
        }
        self.client.data(id, !shape.ends_later, &message(&[&[first][..], &vec![7; bytes]].concat()));
        if shape.ends_later {
            self.client.data(id, true, &[]);
        }
    }

    fn complete(&mut self, complete: Complete) {
        if let Complete::All(shape, first, bytes) = complete {
            for id in std::mem::take(&mut self.begun) {
                self.rest(id, shape, first, bytes);
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
        let whole = message(&[9, 7, 7, 7, 7, 7, 7, 7, 7]);
        match complete {
            Complete::First(shape, first, bytes)
            | Complete::Last(shape, first, bytes)
            | Complete::All(shape, first, bytes) => self.rest(id, shape, first, bytes),
            Complete::Halves => {
                client.data(id, false, &whole[..7]);
                client.data(id, true, &whole[7..]);
            }
            Complete::ResetOfLast => write_rst_stream(id, ErrorCode::Cancel, &mut client.bytes),
            Complete::WindowOfFirst(increment) => write_window_update(id, increment, &mut client.bytes),
            Complete::Trailers => {
                client.data(id, false, &whole);
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
            Odd::LiftShort => {
                client.raw(kind::WINDOW_UPDATE, 0, id, &[0, 0, 5]);
                client.raw(kind::DATA, end, id, &whole);
            }
            Odd::LiftOther => {
                write_window_update(id.wrapping_sub(2) & !(1 << 31), 5, &mut client.bytes);
                client.raw(kind::DATA, end, id, &whole);
            }
            Odd::LiftTwice => {
                (0..2).for_each(|_| client.raw(kind::WINDOW_UPDATE, 0, id, &[0, 0, 0, 5]));
                client.raw(kind::DATA, end, id, &whole);
            }
            Odd::EndPadded => {
                client.raw(kind::DATA, 0, id, &whole);
                client.raw(kind::DATA, end | flag::PADDED, id, &[0]);
            }
            Odd::EndOther => {
                client.raw(kind::DATA, 0, id, &whole);
                client.raw(kind::DATA, end, id.wrapping_sub(2), &[]);
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
