//! A client that knows how to speak HTTP/2 and gRPC, and does whatever it is told: calls that are in order, frames that
//! are not, and bytes.

use prism_proto::frame::{self, Head, PREFACE, flag, kind, setting};
use prism_proto::hpack::{Encoder, Indexing};

use super::choices::Choices;

const PATHS: [&str; 5] = [
    "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get",
    "/prism.interfaces.keyvalue.KeyValueScanInterface/Scan",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/prism.Nothing/Here",
];

const FIELDS: [(&str, &str); 12] = [
    ("grpc-timeout", "1S"),
    ("grpc-timeout", "0n"),
    ("grpc-timeout", "x"),
    ("grpc-encoding", "gzip"),
    ("grpc-encoding", "br"),
    ("grpc-accept-encoding", "gzip"),
    ("content-length", "5"),
    ("content-length", "7"),
    ("x-data-bin", "AAA"),
    ("x-data-bin", "A"),
    ("connection", "close"),
    ("x-long", "0123456789012345678901234567890123456789012345678901234567890123456789"),
];

/// A client's bytes, those that wait to be sent first.
#[derive(Debug)]
pub(crate) struct ClientFrames {
    bytes: Vec<u8>,
    encoder: Encoder,
    next_id: u32,
}

impl ClientFrames {
    /// A client that greets, or says nothing by itself.
    pub(crate) fn new(greets: bool) -> Self {
        let mut bytes = Vec::new();
        if greets {
            bytes.extend_from_slice(PREFACE);
            frame::write_settings(&[], &mut bytes);
        }
        Self { bytes, encoder: Encoder::new(), next_id: 1 }
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
            1..4 => self.call(choices),
            4 | 5 => self.headers(choices),
            6 | 7 => {
                let stream = self.stream(choices);
                let end = choices.byte();
                let length = choices.length();
                self.data(stream, end & 1 != 0, end & 2 != 0, &message(length));
            }
            8 => {
                let stream = self.stream(choices);
                let (end, length) = (choices.byte() & 1 != 0, choices.length());
                self.data(stream, end, false, choices.take(length));
            }
            9 => {
                let stream = if choices.byte() & 1 == 0 { 0 } else { self.stream(choices) };
                let increment = match choices.byte() {
                    255 => 0x7fff_ffff,
                    254 => 0,
                    count => u32::from(count) * u32::from(count),
                };
                frame::write_window_update(stream, increment, &mut self.bytes);
            }
            10 => self.settings(choices),
            11 => {
                let stream = self.stream(choices);
                frame::write_rst_stream(stream, frame::ErrorCode::Cancel, &mut self.bytes);
            }
            12 => frame::write_settings_ack(&mut self.bytes),
            13 => {
                let ack = choices.byte() & 1 != 0;
                frame::write_ping(ack, *b"draining", &mut self.bytes);
            }
            14 => frame::write_goaway(0, frame::ErrorCode::NoError, b"", &mut self.bytes),
            _ => {
                let stream = if choices.byte() & 3 == 0 { 0 } else { self.stream(choices) };
                let (kind, flags, count) = (choices.byte() % 11, choices.byte(), choices.byte() % 32);
                let payload = choices.take(usize::from(count));
                self.frame(kind, flags, stream, payload);
            }
        }
    }

    /// A unary call as clients send it again and again.
    fn call(&mut self, choices: &mut Choices<'_>) {
        let options = choices.byte();
        let more: &[(&str, &str)] = if options & 1 == 0 { &[] } else { &FIELDS[5..6] };
        let block = self.block(PATHS[usize::from(options >> 1) % 3], more);
        let id = self.new_id();
        frame::write_header_block(id, false, &block, 16_384, &mut self.bytes);
        self.data(id, true, false, &message(choices.length()));
    }

    fn headers(&mut self, choices: &mut Choices<'_>) {
        let options = choices.byte();
        let path = PATHS[choices.below(PATHS.len())];
        let mut more = Vec::new();
        for _ in 0..options >> 6 {
            more.push(FIELDS[choices.below(FIELDS.len())]);
        }
        let block = if options & 1 == 0 { self.block(path, &more) } else { self.encoded(&more) };
        let id = if options & 2 == 0 { self.new_id() } else { self.stream(choices) };
        let frame_bytes_max = if options & 4 == 0 { 16_384 } else { 20 };
        frame::write_header_block(id, options & 8 != 0, &block, frame_bytes_max, &mut self.bytes);
    }

    fn settings(&mut self, choices: &mut Choices<'_>) {
        let (identifier, value) = match choices.below(4) {
            0 => (setting::INITIAL_WINDOW_SIZE, [0, 1, 100, 65_535, 1 << 20, 0x7fff_ffff][choices.below(6)]),
            1 => (setting::HEADER_TABLE_SIZE, [0, 40, 100, 4_096, 1 << 20][choices.below(5)]),
            2 => (setting::MAX_FRAME_SIZE, [16_384, 20_000, 0xff_ffff, 0][choices.below(4)]),
            _ => (u16::from(choices.byte()), u32::from(choices.byte())),
        };
        frame::write_settings(&[(identifier, value)], &mut self.bytes);
    }

    fn block(&mut self, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let head = [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")];
        let fields: Vec<_> = head.into_iter().chain(more.iter().copied()).collect();
        self.encoded(&fields)
    }

    fn encoded(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        block
    }

    fn data(&mut self, stream: u32, end: bool, is_padded: bool, content: &[u8]) {
        let end = if end { flag::END_STREAM } else { 0 };
        for (index, part) in content.chunks(16_000).enumerate() {
            let is_last = (index + 1) * 16_000 >= content.len();
            let flags = if is_last { end } else { 0 };
            if is_padded {
                self.frame(kind::DATA, flags | flag::PADDED, stream, &[&[3], part, &[0; 3]].concat());
            } else {
                self.frame(kind::DATA, flags, stream, part);
            }
        }
        if content.is_empty() {
            self.frame(kind::DATA, end, stream, &[]);
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        Head { length: payload.len() as u32, kind, flags, stream }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }

    fn new_id(&mut self) -> u32 {
        self.next_id += 2;
        self.next_id - 2
    }

    /// A stream that was used lately, or is used next.
    fn stream(&self, choices: &mut Choices<'_>) -> u32 {
        match choices.byte() {
            255 => self.next_id + 1,
            back => self.next_id.saturating_sub(2 * u32::from(back % 8)).max(1),
        }
    }
}

/// A message with its prefix.
fn message(length: usize) -> Vec<u8> {
    let mut bytes = vec![7; 5 + length];
    bytes[..5].copy_from_slice(&prism_proto::grpc::Prefix { compressed: false, length: length as u32 }.to_bytes());
    bytes
}
