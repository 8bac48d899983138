//! A server that knows how to speak HTTP/2 and gRPC, and does whatever it is told: replies that are in order, frames
//! that are not, and bytes.

use prism_proto::frame::{self, ErrorCode, Head, flag, kind, setting};
use prism_proto::grpc::Prefix;
use prism_proto::hpack::{Encoder, Indexing};

use super::choices::Choices;

const HEADERS: [(&str, &str); 6] = [
    (":status", "200"),
    ("content-type", "application/grpc"),
    ("x-data-bin", "AAECAw"),
    ("grpc-encoding", "identity"),
    ("content-length", "5"),
    ("x-long", "0123456789012345678901234567890123456789012345678901234567890123456789"),
];

const ODD_HEADERS: [(&str, &str); 8] = [
    (":status", "100"),
    (":status", "404"),
    (":status", "x"),
    ("content-type", "text/plain"),
    ("grpc-encoding", "gzip"),
    ("grpc-status", "99"),
    ("connection", "close"),
    (":path", "/"),
];

const TRAILERS: [(&str, &str); 6] = [
    ("grpc-status", "0"),
    ("grpc-status", "5"),
    ("grpc-message", "not%20there %zz"),
    ("grpc-status", ""),
    ("x-trailer", "1"),
    ("x-data-bin", "!"),
];

/// A server's bytes, those that wait to be sent first.
#[derive(Debug)]
pub(crate) struct ServerFrames {
    bytes: Vec<u8>,
    encoder: Encoder,
}

impl ServerFrames {
    /// A server that begins as it should, or says nothing by itself.
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

    /// One thing more; `last_id` is the last call's identifier.
    pub(crate) fn step(&mut self, choices: &mut Choices<'_>, last_id: u32) {
        let stream = stream(choices, last_id);
        match choices.below(16) {
            0 => {
                let count = choices.byte();
                self.bytes.extend_from_slice(choices.take(usize::from(count)));
            }
            1..4 => self.reply(choices, stream),
            4 | 5 => self.headers(choices, stream),
            6 => self.trailers(choices, stream),
            7 | 8 => {
                let (flags, length) = (choices.byte(), choices.length());
                self.message(stream, flags & 1 != 0, flags & 2 != 0, length);
            }
            9 => {
                let stream = if choices.byte() & 1 == 0 { 0 } else { stream };
                let increment = match choices.byte() {
                    255 => 0x7fff_ffff,
                    254 => 0,
                    count => u32::from(count) * u32::from(count),
                };
                frame::write_window_update(stream, increment, &mut self.bytes);
            }
            10 => self.settings(choices),
            11 => frame::write_rst_stream(stream, ErrorCode::from_wire(choices.byte().into()), &mut self.bytes),
            12 => {
                let last = if choices.byte() & 1 == 0 { 0x7fff_ffff } else { stream };
                frame::write_goaway(last, ErrorCode::from_wire(choices.byte().into()), b"go", &mut self.bytes);
            }
            13 => {
                let ack = choices.byte() & 1 != 0;
                frame::write_ping(ack, *b"hello?\0\0", &mut self.bytes);
            }
            14 => frame::write_settings_ack(&mut self.bytes),
            _ => {
                let stream = if choices.byte() & 3 == 0 { 0 } else { stream };
                let (kind, flags, count) = (choices.byte() % 11, choices.byte(), choices.byte() % 32);
                let payload = choices.take(usize::from(count));
                self.frame(kind, flags, stream, payload);
            }
        }
    }

    /// A reply as servers send it again and again.
    fn reply(&mut self, choices: &mut Choices<'_>, stream: u32) {
        let length = choices.length();
        self.block(stream, false, &HEADERS[..2], 16_384);
        self.message(stream, false, false, length);
        self.block(stream, true, &TRAILERS[..1], 16_384);
    }

    fn headers(&mut self, choices: &mut Choices<'_>, stream: u32) {
        let options = choices.byte();
        let mut fields = HEADERS[..2].to_vec();
        match options & 3 {
            1 => fields.push(HEADERS[2 + choices.below(HEADERS.len() - 2)]),
            2 => fields[choices.below(2)] = ODD_HEADERS[choices.below(ODD_HEADERS.len())],
            _ => {}
        }
        self.block(stream, options & 4 != 0, &fields, if options & 8 == 0 { 16_384 } else { 20 });
    }

    fn trailers(&mut self, choices: &mut Choices<'_>, stream: u32) {
        let options = choices.byte();
        let mut fields = if options & 1 == 0 { Vec::new() } else { HEADERS[..2].to_vec() };
        for _ in 0..options >> 6 {
            fields.push(TRAILERS[choices.below(TRAILERS.len())]);
        }
        self.block(stream, options & 2 == 0, &fields, if options & 8 == 0 { 16_384 } else { 20 });
    }

    fn settings(&mut self, choices: &mut Choices<'_>) {
        let (identifier, value) = match choices.below(5) {
            0 => (setting::INITIAL_WINDOW_SIZE, [0, 1, 100, 65_535, 1 << 20, 0x7fff_ffff][choices.below(6)]),
            1 => (setting::HEADER_TABLE_SIZE, [0, 40, 100, 4_096, 1 << 20][choices.below(5)]),
            2 => (setting::MAX_FRAME_SIZE, [16_384, 20_000, 0xff_ffff, 0][choices.below(4)]),
            3 => (setting::MAX_CONCURRENT_STREAMS, [0, 1, 2, 100][choices.below(4)]),
            _ => (u16::from(choices.byte()), u32::from(choices.byte())),
        };
        frame::write_settings(&[(identifier, value)], &mut self.bytes);
    }

    fn block(&mut self, stream: u32, end_stream: bool, fields: &[(&str, &str)], frame_bytes_max: usize) {
        let mut block = Vec::new();
        for (name, value) in fields {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        frame::write_header_block(stream, end_stream, &block, frame_bytes_max, &mut self.bytes);
    }

    fn message(&mut self, stream: u32, end: bool, is_compressed: bool, length: usize) {
        let mut content = Prefix { compressed: is_compressed, length: length as u32 }.to_bytes().to_vec();
        content.resize(content.len() + length, 7);
        let parts = content.chunks(16_000);
        let last = parts.len() - 1;
        for (index, part) in parts.enumerate() {
            let flags = if end && index == last { flag::END_STREAM } else { 0 };
            self.frame(kind::DATA, flags, stream, part);
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        Head { length: payload.len() as u32, kind, flags, stream }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }
}

/// A stream that was used lately, or is not used yet.
fn stream(choices: &mut Choices<'_>, last_id: u32) -> u32 {
    match choices.byte() {
        255 => last_id + 2,
        254 => last_id + 1,
        back => last_id.saturating_sub(2 * u32::from(back % 6)).max(1),
    }
}
