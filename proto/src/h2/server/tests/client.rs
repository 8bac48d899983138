//! A scripted client in memory: it builds frames, feeds them to a connection in chosen parts, and reads what comes
//! back.

use std::io::Write as _;

use crate::frame::{self, ErrorCode, HEAD_BYTES, Head, PREFACE, flag, kind};
use crate::grpc::Prefix;
use crate::h2::server::{Config, Connection};
use crate::h2::{Event, StreamRef};
use crate::hpack::{Decoder, Encoder, Indexing};
use crate::limits::Limits;
use crate::method::MethodId;

pub(super) const GET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";
pub(super) const SCAN: &str = "/prism.interfaces.keyvalue.KeyValueScanInterface/Scan";
pub(super) const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// An event that owns its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Unary { stream: StreamRef, method: MethodId, message: Vec<u8>, deadline_ns: Option<u64> },
    Opened { stream: StreamRef, method: MethodId, deadline_ns: Option<u64> },
    Message { stream: StreamRef, message: Vec<u8> },
    HalfClosed(StreamRef),
    Reset(StreamRef),
    Writable(StreamRef),
}

impl Seen {
    pub(super) fn new(event: Event<'_>) -> Self {
        match event {
            Event::Unary(call) => Self::Unary {
                stream: call.stream,
                method: call.method,
                message: call.message.into_owned(),
                deadline_ns: call.deadline_ns,
            },
            Event::Opened { stream, method, deadline_ns } => Self::Opened { stream, method, deadline_ns },
            Event::Message { stream, message } => Self::Message { stream, message: message.into_owned() },
            Event::HalfClosed { stream } => Self::HalfClosed(stream),
            Event::Reset { stream } => Self::Reset(stream),
            Event::Writable { stream } => Self::Writable(stream),
        }
    }

    /// For whoever compares events where the table of streams may have come to be in another way.
    pub(super) fn forget_slot(&mut self) {
        match self {
            Self::Unary { stream, .. }
            | Self::Opened { stream, .. }
            | Self::Message { stream, .. }
            | Self::HalfClosed(stream)
            | Self::Reset(stream)
            | Self::Writable(stream) => stream.slot = 0,
        }
    }

    pub(super) fn stream(&self) -> StreamRef {
        match self {
            Self::Unary { stream, .. }
            | Self::Opened { stream, .. }
            | Self::Message { stream, .. }
            | Self::HalfClosed(stream)
            | Self::Reset(stream)
            | Self::Writable(stream) => *stream,
        }
    }
}

/// A frame that the server has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Headers { stream: u32, fields: Vec<(String, String)>, end: bool },
    Data { stream: u32, bytes: Vec<u8>, end: bool },
    Reset { stream: u32, code: ErrorCode },
    Goaway { last: u32, code: ErrorCode, reason: String },
    Settings,
    SettingsAck,
    Ping { ack: bool, opaque: [u8; 8] },
    Window { stream: u32, increment: u32 },
}

impl Sent {
    /// The value of a header, of HEADERS.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let Self::Headers { fields, .. } = self else { panic!("{self:?} is not HEADERS") };
        fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Client {
    pub(super) connection: Connection,
    pub(super) encoder: Encoder,
    decoder: Decoder,
    /// What the next [`Self::feed`] hands over.
    pub(super) bytes: Vec<u8>,
    pub(super) now_ns: u64,
}

impl Client {
    /// A client whose preface and empty SETTINGS are still to be fed.
    pub(super) fn new() -> Self {
        Self::with(Limits::DEFAULT)
    }

    pub(super) fn with(limits: Limits) -> Self {
        let mut client = Self::silent(limits);
        client.bytes.extend_from_slice(PREFACE);
        frame::write_settings(&[], &mut client.bytes);
        client
    }

    /// A client that has said nothing.
    pub(super) fn silent(limits: Limits) -> Self {
        Self {
            connection: Connection::new(&Config { limits }, 0),
            encoder: Encoder::new(),
            decoder: Decoder::new(4_096),
            bytes: Vec::new(),
            now_ns: 0,
        }
    }

    /// A client after the exchange of SETTINGS.
    pub(super) fn ready() -> Self {
        Self::ready_with(Limits::DEFAULT)
    }

    pub(super) fn ready_with(limits: Limits) -> Self {
        let mut client = Self::with(limits);
        frame::write_settings_ack(&mut client.bytes);
        assert_eq!(client.feed(), []);
        client.sent();
        client
    }

    pub(super) fn raw(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        Head { length: payload.len() as u32, kind, flags, stream }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }

    pub(super) fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        block
    }

    pub(super) fn headers(&mut self, stream: u32, end: bool, fields: &[(&str, &str)]) {
        let block = self.block(fields);
        let end = if end { flag::END_STREAM } else { 0 };
        self.raw(kind::HEADERS, flag::END_HEADERS | end, stream, &block);
    }

    /// HEADERS of a call.
    pub(super) fn open(&mut self, stream: u32, path: &str) {
        self.headers(stream, false, &request(path));
    }

    pub(super) fn data(&mut self, stream: u32, end: bool, bytes: &[u8]) {
        self.raw(kind::DATA, if end { flag::END_STREAM } else { 0 }, stream, bytes);
    }

    /// A whole unary request.
    pub(super) fn call(&mut self, stream: u32, path: &str, content: &[u8]) {
        self.open(stream, path);
        self.data(stream, true, &message(content));
    }

    /// Feeds what was built, in one piece.
    pub(super) fn feed(&mut self) -> Vec<Seen> {
        let bytes = std::mem::take(&mut self.bytes);
        self.feed_bytes(&bytes)
    }

    pub(super) fn feed_bytes(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        let input = self.connection.begin(bytes);
        while let Some(event) = self.connection.poll(&input, self.now_ns) {
            seen.push(Seen::new(event));
        }
        self.connection.end(input);
        seen
    }

    /// Feeds a call of a method and answers its only event.
    pub(super) fn called(&mut self, stream: u32, path: &str, content: &[u8]) -> StreamRef {
        self.call(stream, path, content);
        let seen = self.feed();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].stream()
    }

    pub(super) fn reply(&mut self, call: StreamRef, content: &[u8]) {
        self.connection.reply(call, content.len(), |out| out.extend_from_slice(content));
    }

    pub(super) fn send(&mut self, call: StreamRef, content: &[u8]) {
        self.connection.send(call, content.len(), |out| out.extend_from_slice(content));
    }

    /// Takes and reads what the server has sent.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        let bytes = std::mem::take(self.connection.output());
        let mut rest = &bytes[..];
        let mut sent = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let head = Head::parse(head);
            let (payload, after) = after.split_at(head.length as usize);
            rest = after;
            sent.push(self.read(&head, payload));
        }
        assert_eq!(rest, [], "the output ends with a whole frame");
        sent
    }

    fn read(&mut self, head: &Head, payload: &[u8]) -> Sent {
        let (stream, end) = (head.stream, head.has(flag::END_STREAM));
        match head.kind {
            kind::DATA => Sent::Data { stream, bytes: payload.to_vec(), end },
            kind::HEADERS => {
                let mut fields = Vec::new();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("headers are text");
                self.decoder
                    .decode(payload, 1 << 20, |name, value| fields.push((text(name), text(value))))
                    .expect("our own header blocks are well formed");
                Sent::Headers { stream, fields, end }
            }
            kind::RST_STREAM => {
                Sent::Reset { stream, code: frame::rst_stream(head, payload).expect("our own frames are well formed") }
            }
            kind::GOAWAY => {
                let goaway = frame::goaway(head, payload).expect("our own frames are well formed");
                let reason = String::from_utf8_lossy(goaway.debug_data).into_owned();
                Sent::Goaway { last: goaway.last_stream, code: goaway.code, reason }
            }
            kind::SETTINGS if head.has(flag::ACK) => Sent::SettingsAck,
            kind::SETTINGS => Sent::Settings,
            kind::PING => Sent::Ping { ack: end, opaque: payload.try_into().expect("eight bytes") },
            kind::WINDOW_UPDATE => Sent::Window {
                stream,
                increment: frame::window_update(head, payload).expect("our own frames are well formed"),
            },
            other => panic!("frame of kind {other}"),
        }
    }

    /// The only frame that the server has sent.
    pub(super) fn sent_one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// Feeds what was built; it must end the connection with this code.
    pub(super) fn dies(&mut self, code: ErrorCode) {
        self.dies_of(code, "");
    }

    /// As [`Self::dies`], with the name of what was built.
    pub(super) fn dies_of(&mut self, code: ErrorCode, name: &str) {
        self.feed();
        let sent = self.sent();
        let Some(Sent::Goaway { code: found, reason, .. }) = sent.last() else { panic!("{name}: no GOAWAY: {sent:?}") };
        assert_eq!(*found, code, "{name}: {reason}");
        assert!(!reason.is_empty());
        assert!(self.connection.is_finished());
    }

    /// Feeds what was built; it must reset the stream with this code, and the connection must live.
    pub(super) fn resets(&mut self, stream: u32, code: ErrorCode) -> Vec<Seen> {
        let seen = self.feed();
        let sent = self.sent();
        assert!(sent.contains(&Sent::Reset { stream, code }), "{sent:?}");
        self.raw(kind::PING, 0, 0, b"are you?");
        self.feed();
        assert_eq!(self.sent_one(), Sent::Ping { ack: true, opaque: *b"are you?" });
        seen
    }

    /// Feeds what was built; the stream must end with this status alone, and the message must say `part`.
    pub(super) fn fails(&mut self, stream: u32, status: &str, part: &str) -> Vec<Seen> {
        let seen = self.feed();
        let sent = self.sent();
        let found =
            sent.iter().find(|sent| matches!(sent, Sent::Headers { stream: of, end: true, .. } if *of == stream));
        let headers = found.unwrap_or_else(|| panic!("no trailers: {sent:?}"));
        assert_eq!(headers.field("grpc-status"), Some(status), "{headers:?}");
        let said = headers.field("grpc-message").unwrap_or("");
        let said = crate::grpc::percent::decode(said.as_bytes());
        assert!(said.contains(part), "{said:?} does not say {part:?}");
        seen
    }
}

/// The header list of a call.
pub(super) fn request(path: &str) -> [(&str, &str); 6] {
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
}

/// A message compressed with gzip, with its prefix.
pub(super) fn compressed(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("a Vec grows");
    let content = encoder.finish().expect("a Vec grows");
    let mut bytes = Vec::new();
    Prefix { compressed: true, length: content.len() as u32 }.write(&mut bytes);
    bytes.extend_from_slice(&content);
    bytes
}

/// A message with its prefix.
pub(super) fn message(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Prefix { compressed: false, length: content.len() as u32 }.write(&mut bytes);
    bytes.extend_from_slice(content);
    bytes
}
