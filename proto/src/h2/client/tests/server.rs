//! A scripted server in memory: it builds frames, feeds them to a client's connection in chosen parts, and reads what
//! the client has sent.

use crate::frame::{self, ErrorCode, HEAD_BYTES, Head, PREFACE, Settings, flag, kind};
use crate::grpc::Prefix;
use crate::h2::StreamRef;
use crate::h2::client::{Config, Connection, Event, Finished, Metadata, Refused, Request};
use crate::hpack::{Decoder, Encoder, Indexing};
use crate::limits::Limits;
use crate::method::MethodId;
use crate::method::id::{HEALTH_WATCH, KEYVALUE_BASIC_GET};
use crate::status::Code;

pub(super) const GET: MethodId = KEYVALUE_BASIC_GET;
pub(super) const WATCH: MethodId = HEALTH_WATCH;

/// An event that owns what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Headers(StreamRef, Metadata),
    Message(StreamRef, Vec<u8>),
    Finished(Finished),
    Writable(StreamRef),
    Ready,
    GoAway(ErrorCode, Vec<u8>),
}

impl Seen {
    pub(super) fn new(event: Event<'_>) -> Self {
        match event {
            Event::Headers { call, metadata } => Self::Headers(call, metadata),
            Event::Message { call, message } => Self::Message(call, message.into_owned()),
            Event::Finished(finished) => Self::Finished(finished),
            Event::Writable { call } => Self::Writable(call),
            Event::Ready => Self::Ready,
            Event::GoAway { code, debug_data } => Self::GoAway(code, debug_data.to_vec()),
        }
    }

    /// The end that it tells of.
    pub(super) fn finished(&self) -> &Finished {
        let Self::Finished(finished) = self else { panic!("{self:?} is no end") };
        finished
    }
}

/// A frame that the client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Preface,
    Headers { id: u32, fields: Vec<(String, String)>, end: bool },
    Data { id: u32, bytes: Vec<u8>, end: bool },
    Reset { id: u32, code: ErrorCode },
    Goaway { last: u32, code: ErrorCode, reason: String },
    Settings(Settings),
    SettingsAck,
    Ping { ack: bool, opaque: [u8; 8] },
    Window { id: u32, increment: u32 },
}

impl Sent {
    /// The value of a header, of HEADERS.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let Self::Headers { fields, .. } = self else { panic!("{self:?} is not HEADERS") };
        fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Server {
    pub(super) connection: Connection,
    encoder: Encoder,
    decoder: Decoder,
    /// What the next [`Self::feed`] hands over.
    pub(super) bytes: Vec<u8>,
    pub(super) now_ns: u64,
    has_preface: bool,
}

impl Server {
    pub(super) fn with(config: &Config) -> Self {
        let mut server = Self::silent(config);
        frame::write_settings(&[], &mut server.bytes);
        server
    }

    /// A server that has said nothing.
    pub(super) fn silent(config: &Config) -> Self {
        Self {
            connection: Connection::new(config, 0).expect("the configuration can be sent"),
            encoder: Encoder::new(),
            decoder: Decoder::new(4_096),
            bytes: Vec::new(),
            now_ns: 0,
            has_preface: false,
        }
    }

    /// A server after the exchange of SETTINGS.
    pub(super) fn ready() -> Self {
        Self::ready_with(&Config::default())
    }

    pub(super) fn ready_with(config: &Config) -> Self {
        let mut server = Self::with(config);
        frame::write_settings_ack(&mut server.bytes);
        assert_eq!(server.feed(), []);
        server.sent();
        server
    }

    pub(super) fn limited(limits: Limits) -> Self {
        Self::ready_with(&Config { limits, ..Config::default() })
    }

    pub(super) fn raw(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        Head { length: payload.len() as u32, kind, flags, stream: id }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }

    pub(super) fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        block
    }

    pub(super) fn headers(&mut self, id: u32, end: bool, fields: &[(&str, &str)]) {
        let block = self.block(fields);
        let end = if end { flag::END_STREAM } else { 0 };
        self.raw(kind::HEADERS, flag::END_HEADERS | end, id, &block);
    }

    /// The response headers of a call.
    pub(super) fn begin(&mut self, id: u32) {
        self.headers(id, false, &[(":status", "200"), ("content-type", "application/grpc")]);
    }

    pub(super) fn data(&mut self, id: u32, end: bool, bytes: &[u8]) {
        self.raw(kind::DATA, if end { flag::END_STREAM } else { 0 }, id, bytes);
    }

    /// Trailers with a status.
    pub(super) fn trailers(&mut self, id: u32, status: &str) {
        self.headers(id, true, &[("grpc-status", status)]);
    }

    /// A whole reply.
    pub(super) fn reply(&mut self, id: u32, content: &[u8]) {
        self.begin(id);
        self.data(id, false, &message(content));
        self.trailers(id, "0");
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

    /// Lets time pass, and polls.
    pub(super) fn tick(&mut self, now_ns: u64) -> Vec<Seen> {
        self.now_ns = now_ns;
        self.connection.tick(now_ns);
        self.feed()
    }

    /// Calls a method with one message.
    pub(super) fn call<'r>(&mut self, request: impl Into<Request<'r>>, content: &[u8]) -> Result<StreamRef, Refused> {
        let request = request.into();
        self.connection.call(&request, content.len(), |out| out.extend_from_slice(content), self.now_ns)
    }

    /// The same for a call that must be taken.
    pub(super) fn called<'r>(&mut self, request: impl Into<Request<'r>>, content: &[u8]) -> StreamRef {
        self.call(request, content).expect("the call is taken")
    }

    pub(super) fn opened<'r>(&mut self, request: impl Into<Request<'r>>) -> StreamRef {
        self.connection.open(&request.into(), self.now_ns).expect("the call is taken")
    }

    pub(super) fn send(&mut self, call: StreamRef, content: &[u8]) -> Result<(), Refused> {
        self.connection.send(call, content.len(), |out| out.extend_from_slice(content))
    }

    /// Takes and reads what the client has sent.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        let bytes = std::mem::take(self.connection.output());
        let mut rest = &bytes[..];
        let mut sent = Vec::new();
        if !std::mem::replace(&mut self.has_preface, true) {
            rest = rest.strip_prefix(PREFACE).expect("the client begins with its preface");
            sent.push(Sent::Preface);
        }
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
        const WELL: &str = "our own frames are well formed";
        let (id, end) = (head.stream, head.has(flag::END_STREAM));
        match head.kind {
            kind::DATA => Sent::Data { id, bytes: payload.to_vec(), end },
            kind::HEADERS => {
                let mut fields = Vec::new();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("headers are text");
                self.decoder
                    .decode(payload, 1 << 20, |name, value| fields.push((text(name), text(value))))
                    .expect("our own header blocks are well formed");
                Sent::Headers { id, fields, end }
            }
            kind::RST_STREAM => Sent::Reset { id, code: frame::rst_stream(head, payload).expect(WELL) },
            kind::GOAWAY => {
                let goaway = frame::goaway(head, payload).expect(WELL);
                let reason = String::from_utf8_lossy(goaway.debug_data).into_owned();
                Sent::Goaway { last: goaway.last_stream, code: goaway.code, reason }
            }
            kind::SETTINGS if head.has(flag::ACK) => Sent::SettingsAck,
            kind::SETTINGS => Sent::Settings(frame::settings(head, payload).expect(WELL)),
            kind::PING => Sent::Ping { ack: end, opaque: payload.try_into().expect("eight bytes") },
            kind::WINDOW_UPDATE => Sent::Window { id, increment: frame::window_update(head, payload).expect(WELL) },
            other => panic!("frame of kind {other}"),
        }
    }

    /// The only frame that the client has sent.
    pub(super) fn sent_one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// Feeds what was built; it must end the connection with this code, and every call with UNAVAILABLE.
    pub(super) fn dies(&mut self, code: ErrorCode, name: &str) -> Vec<Seen> {
        let open = self.connection.open_calls();
        let seen = self.feed();
        let sent = self.sent();
        let Some(Sent::Goaway { code: found, reason, last: 0 }) = sent.last() else {
            panic!("{name}: no GOAWAY: {sent:?}")
        };
        assert_eq!(*found, code, "{name}: {reason}");
        assert!(!reason.is_empty());
        assert!(self.connection.is_finished(), "{name}");
        let ends = seen.iter().filter(|seen| matches!(seen, Seen::Finished(_))).count();
        assert!(ends == open, "{name}: {ends} of {open} calls ended");
        assert_eq!((self.connection.open_calls(), self.connection.held_bytes()), (0, 0), "{name}");
        assert_eq!(self.call(GET, b"k"), Err(Refused::Gone), "{name}");
        seen
    }

    /// As [`Self::dies`], where something may be heard before.
    pub(super) fn dies_with_rest(&mut self, code: ErrorCode, name: &str) {
        self.sent();
        self.dies(code, name);
    }

    /// Calls a method, if a call is taken.
    pub(super) fn called_if_free(&mut self) {
        if let Ok(call) = self.call(GET, b"") {
            self.connection.cancel(call);
        }
    }

    /// Feeds what was built; the only event must be the call's end with this code, whose message says `part`.
    pub(super) fn fails(&mut self, code: Code, part: &str) -> Finished {
        let seen = self.feed();
        assert_eq!(seen.len(), 1, "{seen:?}");
        let finished = seen[0].finished();
        assert_eq!(finished.status.code, code, "{finished:?}");
        assert!(finished.status.message.contains(part), "{finished:?} does not say {part:?}");
        finished.clone()
    }

    /// The connection still answers.
    pub(super) fn lives(&mut self) {
        self.sent();
        self.raw(kind::PING, 0, 0, b"are you?");
        assert_eq!(self.feed(), []);
        assert_eq!(self.sent_one(), Sent::Ping { ack: true, opaque: *b"are you?" });
    }
}

/// A message with its prefix.
pub(super) fn message(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Prefix { compressed: false, length: content.len() as u32 }.write(&mut bytes);
    bytes.extend_from_slice(content);
    bytes
}
