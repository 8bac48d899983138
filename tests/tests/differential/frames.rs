//! A client that writes its frames one by one, as odd as RFC 9113 allows, and keeps the books of every window.

use std::collections::VecDeque;

use bytes::Bytes;
use prism_proto::frame::{self, ErrorCode, HEAD_BYTES, Head, PREFACE, Settings, flag, kind, setting};
use prism_proto::hpack::{Decoder, Encoder, Indexing};
use prism_proto::limits::{CONTINUATIONS_PER_HEADERS_MAX, FRAME_BYTES_MAX, HEADER_TABLE_BYTES_MAX};
use prism_tests::Random;

use crate::model::Received;
use crate::script::{End, Metadata, Script, any_magnitude, one_of};

/// The protocol's initial window.
const WINDOW_BYTES: i64 = 65_535;

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    Open,
    Answered,
    Cancelled,
    GoneAway,
}

/// One call, as its client sees it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) script: Script,
    id: u32,
    /// What of the request's content is still to be sent.
    body: Bytes,
    has_sent_end: bool,
    /// Every DATA frame gets all the padding that there is.
    pads_all: bool,
    /// The server has reset what is left of the request.
    is_stopped: bool,
    /// Frames of the request that have been written.
    frames: u64,
    pub(crate) course: Course,
    pub(crate) received: Received,
    /// What we may send, and what the server may.
    send_window: i64,
    receive_window: i64,
}

/// As much padding as a frame can have, beside the byte that says so.
const FULL_PADDING: usize = 255;

fn pad(payload: &[u8], padding: usize) -> (u8, Vec<u8>) {
    let mut padded = vec![padding as u8];
    padded.extend_from_slice(payload);
    padded.resize(padded.len() + padding, 0);
    (flag::PADDED, padded)
}

/// The client's side of a connection.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) random: Random,
    /// What has been written, and not been fed.
    pub(crate) bytes: Vec<u8>,
    pub(crate) calls: Vec<Call>,
    encoder: Encoder,
    decoder: Decoder,
    send_window: i64,
    receive_window: i64,
    /// The initial windows of both sides, as acknowledged.
    server_initial: i64,
    initial: i64,
    frame_bytes_max: usize,
    table_bytes_max: usize,
    /// SETTINGS and PINGs that await their answer.
    settings: VecDeque<Vec<(u16, u32)>>,
    pings: VecDeque<[u8; 8]>,
    /// The header block that is being received.
    block: Option<(Head, Vec<u8>)>,
    /// The last call that the server takes up.
    pub(crate) last_id: u32,
}

impl Frames {
    pub(crate) fn new(random: Random) -> Self {
        let mut frames = Self {
            random,
            bytes: PREFACE.to_vec(),
            calls: Vec::new(),
            encoder: Encoder::new(),
            decoder: Decoder::new(HEADER_TABLE_BYTES_MAX),
            send_window: WINDOW_BYTES,
            receive_window: WINDOW_BYTES,
            server_initial: WINDOW_BYTES,
            initial: WINDOW_BYTES,
            frame_bytes_max: FRAME_BYTES_MAX,
            table_bytes_max: HEADER_TABLE_BYTES_MAX,
            settings: VecDeque::new(),
            pings: VecDeque::new(),
            block: None,
            last_id: frame::STREAM_MAX,
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
        pad(payload, padding)
    }

    /// Opens the script's call.
    pub(crate) fn open(&mut self, script: Script) {
        let id = self.calls.last().map_or(1, |call| call.id + 2 * (1 + self.random.below(3) as u32));
        let mut fields: Metadata = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", script.path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", one_of(&mut self.random, &["application/grpc", "application/grpc+proto"])),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        fields.extend(script.metadata.iter().cloned());
        if self.random.below(5) == 0 {
            let length = self.random.below(2_500) as usize;
            fields.push(("x-long".to_owned(), "%".repeat(length)));
        }
        let body = script.body();
        if body.len() < 200_000 && self.random.below(4) == 0 {
            fields.push(("content-length".to_owned(), body.len().to_string()));
        }
        let has_sent_end = body.is_empty() && script.end == End::WithData;
        self.write_block(id, has_sent_end, &fields);
        let pads_all = body.len() < 40_000 && self.random.below(6) == 0;
        self.calls.push(Call {
            script,
            id,
            body: body.into(),
            has_sent_end,
            pads_all,
            is_stopped: false,
            frames: 0,
            course: Course::Open,
            received: Received::default(),
            send_window: self.server_initial,
            receive_window: self.initial,
        });
    }

    /// A header block in as many frames as it may have, cut anywhere.
    fn write_block(&mut self, id: u32, ends: bool, fields: &Metadata) {
        if self.random.below(10) == 0 {
            let bytes = self.random.below(HEADER_TABLE_BYTES_MAX as u64 + 1) as usize;
            self.encoder.set_peer_table_bytes_max(bytes);
        }
        let mut block = Vec::new();
        for (name, value) in fields {
            let indexing = one_of(&mut self.random, &[Indexing::Incremental, Indexing::Without, Indexing::Never]);
            self.encoder.encode(name.as_bytes(), value.as_bytes(), indexing, &mut block);
        }
        let parts = if self.random.below(2) == 0 { 0 } else { self.random.below(CONTINUATIONS_PER_HEADERS_MAX as u64) };
        let mut cuts: Vec<usize> = (0..parts).map(|_| self.random.below(block.len() as u64 + 1) as usize).collect();
        cuts.sort_unstable();
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

    /// Goes on with a call's request, as far as the windows allow.
    pub(crate) fn send(&mut self, at: usize) {
        let call = &mut self.calls[at];
        if call.course != Course::Open || call.is_stopped || call.has_sent_end {
            return;
        }
        call.frames += 1;
        if call.script.cancel_after.is_some_and(|after| call.frames > after) {
            return self.cancel(at);
        }
        let (id, end, pads_all) = (call.id, call.script.end, call.pads_all);
        if call.body.is_empty() && end == End::Trailers {
            self.calls[at].has_sent_end = true;
            return self.write_block(id, true, &vec![("x-trailer".to_owned(), "of the request".to_owned())]);
        }
        let window = call.send_window.min(self.send_window).clamp(0, FRAME_BYTES_MAX as i64) as usize;
        // Who pads every frame waits until a frame with padding fits.
        let overhead = if pads_all { FULL_PADDING + 1 } else { 0 };
        let Some(window_left) = window.checked_sub(overhead) else { return };
        let length = any_magnitude(&mut self.random, 14).min(window_left).min(call.body.len());
        if length == 0 && !call.body.is_empty() && self.random.below(20) > 0 {
            return;
        }
        let content = call.body.split_to(length).to_vec();
        let is_last = call.body.is_empty() && (end == End::WithData || (end == End::EmptyData && length == 0));
        let (padded, payload) = if pads_all { pad(&content, FULL_PADDING) } else { self.padded(&content, window) };
        let call = &mut self.calls[at];
        call.has_sent_end = is_last;
        call.send_window -= payload.len() as i64;
        self.send_window -= payload.len() as i64;
        self.write(kind::DATA, padded | if is_last { flag::END_STREAM } else { 0 }, id, &payload);
    }

    fn cancel(&mut self, at: usize) {
        let call = &mut self.calls[at];
        call.course = Course::Cancelled;
        let id = call.id;
        self.write(kind::RST_STREAM, 0, id, &ErrorCode::Cancel.to_wire().to_be_bytes());
    }

    /// SETTINGS at random.
    pub(crate) fn change_settings(&mut self) {
        let mut settings = Vec::new();
        for _ in 0..self.random.below(5) {
            let random = &mut self.random;
            settings.push(match random.below(4) {
                0 => (setting::INITIAL_WINDOW_SIZE, one_of(random, &[0, 1, 6, 300, 16_384, 65_535, 1 << 20])),
                1 => (setting::HEADER_TABLE_SIZE, one_of(random, &[0, 50, 100, 4_096, 1 << 20])),
                2 => (setting::MAX_FRAME_SIZE, one_of(random, &[16_384, 16_385, 50_000, 0xff_ffff])),
                _ => (0xabc, 7),
            });
        }
        frame::write_settings(&settings, &mut self.bytes);
        self.settings.push_back(settings);
    }

    /// A frame that changes nothing, wherever it comes.
    pub(crate) fn write_noise(&mut self) {
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

    /// Lets the server send `bytes` more, on a call or on the whole connection.
    pub(crate) fn grant(&mut self, at: Option<usize>, bytes: u32) {
        let id = at.map_or(0, |at| self.calls[at].id);
        match at {
            Some(at) => self.calls[at].receive_window += i64::from(bytes),
            None => self.receive_window += i64::from(bytes),
        }
        self.write(kind::WINDOW_UPDATE, 0, id, &bytes.to_be_bytes());
    }

    /// Lets the server send all that it has.
    pub(crate) fn grant_all(&mut self) {
        for at in 0..self.calls.len() {
            if self.calls[at].course == Course::Open && self.calls[at].receive_window < 1 << 20 {
                self.grant(Some(at), 1 << 20);
            }
        }
        if self.receive_window < 1 << 20 {
            self.grant(None, 1 << 20);
        }
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.calls.iter().filter(|call| call.course == Course::Open).count()
    }

    /// Whether everything that asked for an answer has got one.
    pub(crate) fn is_answered(&self) -> bool {
        self.settings.is_empty() && self.pings.is_empty()
    }

    /// Says that no more calls come.
    pub(crate) fn go_away(&mut self) {
        self.write(kind::GOAWAY, 0, 0, &[0; 8]);
    }

    /// Reads what the server has sent: whole frames.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
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
                let code = frame::rst_stream(head, payload).unwrap();
                let call = self.call(head.stream);
                assert_eq!(code, ErrorCode::NoError, "stream {}, {:?}", head.stream, call.course);
                assert_ne!(call.course, Course::Open, "a reset before the answer");
                call.is_stopped = true;
            }
            kind::SETTINGS if head.has(flag::ACK) => self.settings_acknowledged(),
            kind::SETTINGS => {
                let settings: Settings = frame::settings(head, payload).unwrap();
                let initial = settings.initial_window_bytes.map_or(self.server_initial, i64::from);
                for call in &mut self.calls {
                    call.send_window += initial - self.server_initial;
                }
                self.server_initial = initial;
                self.write(kind::SETTINGS, flag::ACK, 0, &[]);
            }
            kind::PING if head.has(flag::ACK) => {
                let due = self.pings.pop_front().expect("a PING is answered once");
                assert_eq!(payload, due);
            }
            kind::PING => self.write(kind::PING, flag::ACK, 0, payload),
            kind::GOAWAY => {
                let goaway = frame::goaway(head, payload).unwrap();
                assert_eq!(goaway.code, ErrorCode::NoError, "{}", String::from_utf8_lossy(goaway.debug_data));
                assert!(goaway.last_stream <= self.last_id);
                self.last_id = goaway.last_stream;
                for call in self.calls.iter_mut().filter(|call| call.id > goaway.last_stream) {
                    assert_ne!(call.course, Course::Answered, "an answer to a call that was not taken up");
                    call.course = Course::GoneAway;
                }
            }
            kind::WINDOW_UPDATE => {
                let bytes = i64::from(frame::window_update(head, payload).unwrap());
                let window =
                    if head.stream == 0 { &mut self.send_window } else { &mut self.call(head.stream).send_window };
                *window += bytes;
            }
            other => panic!("frame of kind {other}"),
        }
    }

    fn call(&mut self, id: u32) -> &mut Call {
        self.calls.iter_mut().find(|call| call.id == id).expect("frames are of streams that were opened")
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
                setting::HEADER_TABLE_SIZE => self.table_bytes_max = value as usize,
                _ => {}
            }
        }
    }

    fn read_data(&mut self, head: &Head, payload: &[u8]) {
        let bytes = payload.len() as i64;
        self.receive_window -= bytes;
        assert!(self.receive_window >= 0, "more than the connection's window allows");
        let call = self.call(head.stream);
        call.receive_window -= bytes;
        assert!(call.receive_window >= 0, "more than the stream's window allows");
        assert!(!call.received.headers.is_empty(), "DATA before HEADERS");
        assert!(!call.received.has_ended && call.course != Course::GoneAway);
        if call.course == Course::Open {
            call.received.body.extend_from_slice(payload);
        }
    }

    fn read_block(&mut self, head: Head, block: Vec<u8>) {
        if !head.has(flag::END_HEADERS) {
            self.block = Some((head, block));
            return;
        }
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the answers' metadata is ASCII");
        self.decoder.decode(&block, 1 << 20, |name, value| fields.push((text(name), text(value)))).unwrap();
        assert!(self.decoder.table_bytes() <= self.table_bytes_max, "the table is larger than we allow");
        let call = self.call(head.stream);
        assert!(!call.received.has_ended && call.course != Course::GoneAway);
        call.received.has_ended = head.has(flag::END_STREAM);
        if call.received.headers.is_empty() {
            assert!(fields.contains(&(":status".to_owned(), "200".to_owned())), "{fields:?}");
            call.received.headers = fields;
        } else {
            assert!(call.received.has_ended, "headers twice");
            call.received.trailers = fields;
        }
        if call.received.has_ended && call.course == Course::Open {
            call.course = Course::Answered;
        }
    }
}
