//! A server that knows how to speak HTTP/2 and gRPC, and does whatever it is told: replies that are in order, frames
//! that are not, and bytes.

use prism_proto::frame::{self, ErrorCode, Head, flag, kind, setting};
use prism_proto::hpack::{Encoder, Indexing};

use super::choices::Choices;

const FIELDS: [(&str, &str); 16] = [
    (":status", "200"),
    ("content-type", "application/grpc"),
    ("grpc-status", "0"),
    ("grpc-status", "14"),
    ("grpc-status", "x"),
    ("grpc-message", "%C3%A4 %"),
    ("prism-may-have-applied", "true"),
    ("data-bin", "AP8"),
    ("content-length", "5"),
    (":status", "503"),
    (":status", "103"),
    ("content-type", "text/html"),
    ("connection", "close"),
    ("Upper", "case"),
    (":path", "/"),
    ("long", "0123456789012345678901234567890123456789012345678901234567890123456789"),
];

/// A server's bytes, those that wait to be sent first.
#[derive(Debug)]
pub(crate) struct ServerFrames {
    bytes: Vec<u8>,
    encoder: Encoder,
}

impl ServerFrames {
    /// A server that greets, or says nothing by itself.
    pub(crate) fn new(greets: bool) -> Self {
        let mut bytes = Vec::new();
        if greets {
            frame::write_settings(&[], &mut bytes);
            frame::write_settings_ack(&mut bytes);
        }
        Self { bytes, encoder: Encoder::new() }
    }

    /// The next bytes to be sent.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(count.min(self.bytes.len()));
        std::mem::replace(&mut self.bytes, rest)
    }

    /// One thing more.
    pub(crate) fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0 => {
                let count = choices.byte();
                self.bytes.extend_from_slice(choices.take(usize::from(count)));
            }
            1..4 => self.reply(choices),
            4 => self.headers(stream(choices), false, &FIELDS[..2]),
            5 => self.headers(stream(choices), true, &FIELDS[2..3]),
            6 => {
                let (id, options) = (stream(choices), choices.byte());
                let fields: Vec<_> = (0..options >> 5).map(|_| FIELDS[choices.below(FIELDS.len())]).collect();
                self.headers(id, options & 1 != 0, &fields);
            }
            7 | 8 => {
                let (id, end, length) = (stream(choices), choices.byte(), choices.length());
                self.data(id, end == 1, &message(length));
            }
            9 => {
                let (id, end, length) = (stream(choices), choices.byte(), choices.length());
                self.data(id, end == 1, choices.take(length));
            }
            10 => {
                let id = if choices.byte() & 1 == 0 { 0 } else { stream(choices) };
                let increment = match choices.byte() {
                    255 => 0x7fff_ffff,
                    254 => 0,
                    count => u32::from(count) * u32::from(count),
                };
                frame::write_window_update(id, increment, &mut self.bytes);
            }
            11 => self.settings(choices),
            12 => frame::write_rst_stream(
                stream(choices),
                ErrorCode::from_wire(u32::from(choices.byte())),
                &mut self.bytes,
            ),
            13 => frame::write_ping(choices.byte() & 1 != 0, *b"measured", &mut self.bytes),
            14 => {
                let last = if choices.byte() & 1 == 0 { frame::STREAM_MAX } else { stream(choices) };
                frame::write_goaway(last, ErrorCode::NoError, b"soon", &mut self.bytes);
            }
            _ => {
                let id = if choices.byte() & 3 == 0 { 0 } else { stream(choices) };
                let (kind, flags, count) = (choices.byte() % 11, choices.byte(), choices.byte() % 32);
                let payload = choices.take(usize::from(count));
                self.frame(kind, flags, id, payload);
            }
        }
    }

    /// A unary reply as servers send it again and again.
    fn reply(&mut self, choices: &mut Choices<'_>) {
        let id = stream(choices);
        self.headers(id, false, &FIELDS[..2]);
        self.data(id, false, &message(choices.length()));
        self.headers(id, true, &FIELDS[2..3]);
    }

    fn settings(&mut self, choices: &mut Choices<'_>) {
        let (identifier, value) = match choices.below(5) {
            0 => (setting::INITIAL_WINDOW_SIZE, [0, 1, 100, 65_535, 1 << 20, 0x7fff_ffff][choices.below(6)]),
            1 => (setting::HEADER_TABLE_SIZE, [0, 40, 100, 4_096, 1 << 20][choices.below(5)]),
            2 => (setting::MAX_FRAME_SIZE, [16_384, 20_000, 0xff_ffff, 0][choices.below(4)]),
            3 => (setting::MAX_CONCURRENT_STREAMS, u32::from(choices.byte())),
            _ => (u16::from(choices.byte()), u32::from(choices.byte())),
        };
        frame::write_settings(&[(identifier, value)], &mut self.bytes);
    }

    fn headers(&mut self, id: u32, end: bool, fields: &[(&str, &str)]) {
        let mut block = Vec::new();
        for (name, value) in fields {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        frame::write_header_block(id, end, &block, if fields.len() > 4 { 20 } else { 16_384 }, &mut self.bytes);
    }

    fn data(&mut self, id: u32, end: bool, content: &[u8]) {
        for part in content.chunks(16_384) {
            self.frame(kind::DATA, 0, id, part);
        }
        if end || content.is_empty() {
            self.frame(kind::DATA, if end { flag::END_STREAM } else { 0 }, id, &[]);
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        Head { length: payload.len() as u32, kind, flags, stream: id }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }
}

/// One of the first streams, mostly a client's.
fn stream(choices: &mut Choices<'_>) -> u32 {
    match u32::from(choices.byte()) {
        even @ 240.. => even,
        number => 2 * (number % 24) + 1,
    }
}

fn message(length: usize) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    bytes.resize(5 + length, b'm');
    bytes
}
