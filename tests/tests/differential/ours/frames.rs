//! A server that writes its frames one by one, as odd as RFC 9113 allows, and keeps the books of every window.

use std::collections::VecDeque;

use prism_proto::frame::{self, ErrorCode, HEAD_BYTES, Head, PREFACE, STREAM_MAX, Settings, flag, kind, setting};
use prism_proto::hpack::{Decoder, Encoder, Indexing};
use prism_proto::limits::{CONTINUATIONS_PER_HEADERS_MAX, FRAME_BYTES_MAX, HEADER_TABLE_BYTES_MAX};
use prism_tests::Random;

use super::answer::{Call, Part};
use super::call::{TWIST, Twist};
use crate::script::{GET, Metadata, any_magnitude, one_of};

/// The protocol's initial window.
const WINDOW_BYTES: i64 = 65_535;

/// The server's side of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    random: Random,
    /// What has been written, and not been fed.
    pub(super) bytes: Vec<u8>,
    calls: Vec<Call>,
    encoder: Encoder,
    decoder: Decoder,
    has_preface: bool,
    send_window: i64,
    receive_window: i64,
    /// The initial windows of both sides, ours as acknowledged.
    client_initial: i64,
    initial: i64,
    frame_bytes_max: usize,
    client_table_bytes: usize,
    settings: VecDeque<Vec<(u16, u32)>>,
    pings: VecDeque<[u8; 8]>,
    block: Option<(Head, Vec<u8>)>,
    /// The last call that is taken up.
    last_id: u32,
    last_seen_id: u32,
    streams_max: usize,
}

impl Frames {
    pub(super) fn new(random: Random) -> Self {
        let mut frames = Self {
            random,
            bytes: Vec::new(),
            calls: Vec::new(),
            encoder: Encoder::new(),
            decoder: Decoder::new(HEADER_TABLE_BYTES_MAX),
            has_preface: false,
            send_window: WINDOW_BYTES,
            receive_window: WINDOW_BYTES,
            client_initial: WINDOW_BYTES,
            initial: WINDOW_BYTES,
            frame_bytes_max: FRAME_BYTES_MAX,
            client_table_bytes: HEADER_TABLE_BYTES_MAX,
            settings: VecDeque::new(),
            pings: VecDeque::new(),
            block: None,
            last_id: STREAM_MAX,
            last_seen_id: 0,
            streams_max: 1_000,
        };
        frames.change_settings();
        frames
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        Head { length: payload.len() as u32, kind, flags, stream }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }

    /// A payload within padding, if chance and `room` want it so; its flag.
    fn padded(&mut self, payload: &[u8], room: usize) -> (u8, Vec<u8>) {
        let padding = one_of(&mut self.random, &[0, 0, 1, 7, 100, 255]);
        if self.random.below(2) == 0 || payload.len() + 1 + padding > room {
            return (0, payload.to_vec());
        }
        let mut padded = vec![padding as u8];
        padded.extend_from_slice(payload);
        padded.resize(padded.len() + padding, 0);
        (flag::PADDED, padded)
    }

    /// A header block in as many frames as it may have, cut anywhere.
    fn write_block(&mut self, id: u32, ends: bool, fields: &Metadata) {
        if self.random.below(10) == 0 {
            let bytes = self.random.below(self.client_table_bytes as u64 + 1) as usize;
            self.encoder.set_peer_table_bytes_max(bytes);
        }
        let mut block = Vec::new();
        for (name, value) in fields {
            let indexing = one_of(&mut self.random, &[Indexing::Incremental, Indexing::Without, Indexing::Never]);
            self.encoder.encode(name.as_bytes(), value.as_bytes(), indexing, &mut block);
        }
        let parts = if block.len() < FRAME_BYTES_MAX - 300 && self.random.below(2) == 0 {
            0
        } else {
            3 + self.random.below(CONTINUATIONS_PER_HEADERS_MAX as u64 - 3)
        };
        let mut cuts: Vec<usize> = (0..parts).map(|part| block.len() * part as usize / (parts as usize + 1)).collect();
        cuts.push(block.len());
        let end_headers = |at: usize| if at + 1 == cuts.len() { flag::END_HEADERS } else { 0 };
        let mut first = block[..cuts[0]].to_vec();
        let mut flags = end_headers(0) | if ends { flag::END_STREAM } else { 0 };
        if self.random.below(4) == 0 {
            flags |= flag::PRIORITY;
            first.splice(0..0, [0x80, 0, 0, 0, 8]);
        }
        let (padded, payload) = self.padded(&first, FRAME_BYTES_MAX);
        self.write(kind::HEADERS, flags | padded, id, &payload);
        for at in 1..cuts.len() {
            self.write(kind::CONTINUATION, end_headers(at), id, &block[cuts[at - 1]..cuts[at]]);
        }
    }

    /// SETTINGS at random.
    pub(super) fn change_settings(&mut self) {
        let mut settings = Vec::new();
        for _ in 0..self.random.below(5) {
            let random = &mut self.random;
            settings.push(match random.below(5) {
                0 => (setting::INITIAL_WINDOW_SIZE, one_of(random, &[0, 1, 6, 300, 16_384, 65_535, 1 << 20])),
                1 => (setting::HEADER_TABLE_SIZE, one_of(random, &[0, 50, 100, 4_096, 1 << 20])),
                2 => (setting::MAX_FRAME_SIZE, one_of(random, &[16_384, 16_385, 50_000, 0xff_ffff])),
                3 => (setting::MAX_CONCURRENT_STREAMS, one_of(random, &[1, 2, 20, 1_000])),
                _ => (0xabc, 7),
            });
        }
        frame::write_settings(&settings, &mut self.bytes);
        self.settings.push_back(settings);
    }

    /// A frame that changes nothing, wherever it comes.
    pub(super) fn write_noise(&mut self) {
        let stream = self.random.below(60) as u32;
        match self.random.below(3) {
            0 => {
                let mut payload = self.random.bytes(5);
                payload[..4].copy_from_slice(&(stream + 2).to_be_bytes());
                self.write(kind::PRIORITY, self.random.clone().next() as u8, stream.max(1), &payload);
            }
            1 => {
                let kind = 0x0a + self.random.below(0xf6) as u8;
                let length = any_magnitude(&mut self.random, 9);
                let payload = self.random.bytes(length);
                self.write(kind, self.random.clone().next() as u8, stream, &payload);
            }
            _ => {
                let opaque = self.random.next().to_be_bytes();
                self.pings.push_back(opaque);
                self.write(kind::PING, 0, 0, &opaque);
            }
        }
    }

    /// Lets the client send more: one call, or on the whole connection.
    pub(super) fn grant(&mut self, bytes: u32) {
        let open: Vec<usize> = (0..self.calls.len()).filter(|&at| !self.calls[at].is_over).collect();
        let id = if open.is_empty() || self.random.below(3) == 0 {
            self.receive_window += i64::from(bytes);
            0
        } else {
            let at = open[self.random.below(open.len() as u64) as usize];
            self.calls[at].receive_window += i64::from(bytes);
            self.calls[at].id
        };
        self.write(kind::WINDOW_UPDATE, 0, id, &bytes.to_be_bytes());
    }

    /// Lets the client send all that it has.
    pub(super) fn grant_all(&mut self) {
        for at in 0..self.calls.len() {
            if !self.calls[at].is_over && self.calls[at].receive_window < 1 << 20 {
                self.calls[at].receive_window += 1 << 20;
                self.write(kind::WINDOW_UPDATE, 0, self.calls[at].id, &(1_u32 << 20).to_be_bytes());
            }
        }
        if self.receive_window < 1 << 20 {
            self.receive_window += 1 << 20;
            self.write(kind::WINDOW_UPDATE, 0, 0, &(1_u32 << 20).to_be_bytes());
        }
    }

    /// Goes away: first saying so, then meaning it.
    pub(super) fn go_away(&mut self) {
        let last_id =
            if self.last_id == STREAM_MAX && self.random.below(2) == 0 { STREAM_MAX } else { self.last_seen_id };
        self.last_id = self.last_id.min(last_id);
        frame::write_goaway(self.last_id, ErrorCode::NoError, b"winding down", &mut self.bytes);
    }

    /// Whether everything that asked for an answer has got one.
    pub(super) fn is_answered(&self) -> bool {
        self.settings.is_empty() && self.pings.is_empty()
    }

    /// Goes on with some call's answer, as far as the windows allow.
    pub(super) fn send(&mut self) {
        let open: Vec<usize> = (0..self.calls.len()).filter(|&at| !self.calls[at].parts.is_empty()).collect();
        if open.is_empty() {
            return;
        }
        let at = open[self.random.below(open.len() as u64) as usize];
        let id = self.calls[at].id;
        let Some(part) = self.calls[at].parts.pop_front() else { return };
        match part {
            Part::Headers(fields) => self.write_block(id, false, &fields),
            Part::End(fields) => {
                self.calls[at].is_over = true;
                self.write_block(id, true, &fields);
            }
            Part::Reset(code) => {
                self.calls[at].is_over = true;
                self.write(kind::RST_STREAM, 0, id, &code.to_be_bytes());
            }
            Part::EndData(content) => {
                self.calls[at].is_over = true;
                self.calls[at].send_window -= content.len() as i64;
                self.send_window -= content.len() as i64;
                self.write(kind::DATA, flag::END_STREAM, id, &content);
            }
            Part::Data(mut content) => {
                let window = self.calls[at].send_window.min(self.send_window).clamp(0, FRAME_BYTES_MAX as i64) as usize;
                let length = any_magnitude(&mut self.random, 15).min(window).min(content.len());
                if length == 0 && self.random.below(20) > 0 {
                    return self.calls[at].parts.push_front(Part::Data(content));
                }
                let rest = content.split_off(length);
                let (padded, payload) = self.padded(&content, window);
                self.calls[at].send_window -= payload.len() as i64;
                self.send_window -= payload.len() as i64;
                self.write(kind::DATA, padded, id, &payload);
                if !rest.is_empty() {
                    self.calls[at].parts.push_front(Part::Data(rest));
                }
            }
        }
    }

    /// Reads what the client has sent: whole frames.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        if !std::mem::replace(&mut self.has_preface, true) {
            bytes = bytes.strip_prefix(PREFACE).expect("the client begins with its preface");
        }
        while let Some((head, after)) = bytes.split_first_chunk::<HEAD_BYTES>() {
            let head = Head::parse(head);
            let (payload, after) = after.split_at(head.length as usize);
            bytes = after;
            assert!(payload.len() <= self.frame_bytes_max, "a frame of {} bytes", payload.len());
            assert!(self.block.is_none() || head.kind == kind::CONTINUATION, "a frame inside a header block");
            self.read_frame(&head, payload);
        }
        assert!(bytes.is_empty(), "the output ends with a whole frame");
    }

    fn read_frame(&mut self, head: &Head, payload: &[u8]) {
        match head.kind {
            kind::DATA => self.read_data(head, payload),
            kind::HEADERS => self.read_block(*head, payload.to_vec()),
            kind::CONTINUATION => {
                let (mut first, mut block) = self.block.take().expect("CONTINUATION follows HEADERS");
                assert_eq!(first.stream, head.stream);
                block.extend_from_slice(payload);
                first.flags |= head.flags;
                self.read_block(first, block);
            }
            kind::RST_STREAM => {
                let code = frame::rst_stream(head, payload).expect("it is well formed");
                let is_fair = matches!(code, ErrorCode::Cancel | ErrorCode::NoError);
                assert!(is_fair, "the client finds fault with stream {}: {code:?}", head.stream);
                if let Some(call) = self.call(head.stream) {
                    call.is_over = true;
                    call.parts.clear();
                }
            }
            kind::SETTINGS if head.has(flag::ACK) => self.settings_acknowledged(),
            kind::SETTINGS => {
                let settings: Settings = frame::settings(head, payload).expect("it is well formed");
                assert_eq!(settings.enable_push, Some(false));
                let initial = settings.initial_window_bytes.map_or(self.client_initial, i64::from);
                self.calls.iter_mut().for_each(|call| call.send_window += initial - self.client_initial);
                self.client_initial = initial;
                if let Some(bytes) = settings.header_table_bytes_max {
                    self.client_table_bytes = (bytes as usize).min(HEADER_TABLE_BYTES_MAX);
                    self.encoder.set_peer_table_bytes_max(bytes as usize);
                }
                self.write(kind::SETTINGS, flag::ACK, 0, &[]);
            }
            kind::PING => {
                assert!(head.has(flag::ACK), "nobody asked for keepalive");
                assert_eq!(payload, self.pings.pop_front().expect("a PING is answered once"));
            }
            kind::GOAWAY => panic!("the client finds fault: {}", String::from_utf8_lossy(&payload[8..])),
            kind::WINDOW_UPDATE => {
                let bytes = i64::from(frame::window_update(head, payload).expect("it is well formed"));
                if head.stream == 0 {
                    self.send_window += bytes;
                } else if let Some(call) = self.call(head.stream) {
                    call.send_window += bytes;
                }
            }
            other => panic!("frame of kind {other}"),
        }
    }

    fn call(&mut self, id: u32) -> Option<&mut Call> {
        assert!(id <= self.last_seen_id && !id.is_multiple_of(2), "frames are of streams that were opened");
        self.calls.iter_mut().find(|call| call.id == id)
    }

    fn settings_acknowledged(&mut self) {
        for (name, value) in self.settings.pop_front().expect("SETTINGS are acknowledged once") {
            match name {
                setting::INITIAL_WINDOW_SIZE => {
                    let difference = i64::from(value) - self.initial;
                    self.initial = i64::from(value);
                    self.calls.iter_mut().for_each(|call| call.receive_window += difference);
                }
                setting::MAX_FRAME_SIZE => self.frame_bytes_max = value as usize,
                setting::MAX_CONCURRENT_STREAMS => self.streams_max = value as usize,
                _ => {}
            }
        }
    }

    fn read_data(&mut self, head: &Head, payload: &[u8]) {
        let bytes = payload.len() as i64;
        self.receive_window -= bytes;
        assert!(self.receive_window >= 0, "more than the connection's window allows");
        let Some(call) = self.call(head.stream) else { return };
        call.receive_window -= bytes;
        assert!(bytes == 0 || call.receive_window >= 0, "more than the stream's window allows");
        assert!(!call.has_request_ended, "DATA after END_STREAM");
        call.has_request_ended = head.has(flag::END_STREAM);
        call.body.extend_from_slice(payload);
        call.decide();
    }

    fn read_block(&mut self, head: Head, block: Vec<u8>) {
        if !head.has(flag::END_HEADERS) {
            self.block = Some((head, block));
            return;
        }
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the requests' metadata is ASCII");
        let decoded = self.decoder.decode(&block, 1 << 20, |name, value| fields.push((text(name), text(value))));
        decoded.expect("the client's blocks are well formed");
        assert!(head.stream > self.last_seen_id && !head.stream.is_multiple_of(2), "identifiers count up");
        self.last_seen_id = head.stream;
        if head.stream > self.last_id {
            return;
        }
        let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (field(":method"), field("te"), field(":authority")),
            (Some("POST"), Some("trailers"), Some("localhost"))
        );
        let is_full = self.calls.iter().filter(|call| !call.is_over).count() >= self.streams_max;
        let mut call = Call {
            id: head.stream,
            is_unary: field(":path") == Some(GET),
            twist: Twist::parse(field(TWIST).unwrap_or("")),
            body: Vec::new(),
            messages: 0,
            has_request_ended: false,
            is_decided: is_full,
            is_over: is_full,
            has_headers: false,
            parts: VecDeque::new(),
            send_window: self.client_initial,
            receive_window: self.initial,
        };
        if is_full {
            self.write(kind::RST_STREAM, 0, head.stream, &ErrorCode::RefusedStream.to_wire().to_be_bytes());
        } else {
            call.decide();
        }
        self.calls.push(call);
    }
}
