//! The whole client connection, with an application that does anything an application can do, against a server that
//! does anything at all.
//!
//! Each call ends exactly once, nothing is heard of a call before or after, what is held has its bound, and the output
//! is HTTP/2.

use std::collections::BTreeMap;

use prism_proto::frame::{self, HEAD_BYTES, Head, PREFACE, flag, kind};
use prism_proto::h2::StreamRef;
use prism_proto::h2::client::{Config, Connection, Event, Keepalive, Request};
use prism_proto::hpack::Decoder;
use prism_proto::limits::{HEADER_TABLE_BYTES_MAX, Limits, SECOND_NS};
use prism_proto::method::id;

use super::choices::Choices;
use super::server_frames::ServerFrames;

const LIMITS: Limits = Limits {
    message_bytes_max: 20_000,
    connection_buffer_bytes_max: 60_000,
    streams_per_connection_max: 20,
    header_list_bytes_max: 2_000,
    ..Limits::DEFAULT
};
/// Frames of headers, control and grants come on top of what the limits count, and they are not taken at once.
const OVERHEAD_BYTES_MAX: usize = 1 << 20;

/// What is known of an open call.
#[derive(Debug)]
struct Known {
    call: StreamRef,
    wants_headers: bool,
    has_headers: bool,
    has_message: bool,
    is_single: bool,
}

struct Fuzzed {
    connection: Connection,
    server: ServerFrames,
    now_ns: u64,
    open: BTreeMap<u32, Known>,
    decoder: Decoder,
    has_preface: bool,
    last_id: u32,
}

/// Takes any bytes.
///
/// # Panics
/// When something does not hold that has to.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let options = choices.byte();
    let keepalive = (options & 1 != 0).then_some(Keepalive {
        interval_ns: 10 * SECOND_NS,
        timeout_ns: SECOND_NS,
        without_calls: options & 2 != 0,
    });
    let config = Config { limits: LIMITS, keepalive, ..Config::default() };
    let mut fuzzed = Fuzzed {
        connection: Connection::new(&config, 0).expect("the configuration can be sent"),
        server: ServerFrames::new(options & 4 == 0),
        now_ns: 0,
        open: BTreeMap::new(),
        decoder: Decoder::new(HEADER_TABLE_BYTES_MAX),
        has_preface: false,
        last_id: 0,
    };
    while !choices.is_empty() {
        match choices.below(4) {
            0 => fuzzed.act(&mut choices),
            1 | 2 => fuzzed.server.step(&mut choices),
            _ => {
                let bytes = fuzzed.server.take(choices.length().max(1));
                fuzzed.read(&bytes);
            }
        }
    }
    fuzzed.end();
}

impl Fuzzed {
    /// One thing that an application does.
    fn act(&mut self, choices: &mut Choices<'_>) {
        match choices.below(12) {
            0..4 => self.call(choices),
            4 => {
                let (call, length) = (self.pick(choices), choices.length());
                let _refused = self.connection.send(call, length, |out| out.resize(out.len() + length, b'q'));
            }
            5 => {
                let call = self.pick(choices);
                self.connection.close_send(call);
            }
            6 => {
                let call = self.pick(choices);
                let was_open = self.connection.is_open(call);
                assert_eq!(self.connection.cancel(call), was_open);
                if was_open {
                    self.open.remove(&call.id).expect("what is open has not ended");
                }
            }
            7 => {
                let call = self.pick(choices);
                self.connection.hold_back(call, choices.byte() & 1 == 0);
            }
            8 => {
                let call = self.pick(choices);
                let _bytes = self.connection.writable_bytes(call);
            }
            9 => {
                self.now_ns += u64::from(choices.byte()) * SECOND_NS / 16;
                self.connection.tick(self.now_ns);
                self.read(&[]);
            }
            10 => self.take_output(),
            _ => match choices.below(32) {
                0 => self.connection.shut_down(),
                1 => {
                    self.connection.close("as the fuzzer wants it");
                    self.read(&[]);
                }
                _ => self.take_output(),
            },
        }
    }

    fn call(&mut self, choices: &mut Choices<'_>) {
        let (options, length) = (choices.byte(), choices.length());
        let target = match options & 3 {
            0 | 1 => id::KEYVALUE_BASIC_GET.into(),
            2 => id::HEALTH_WATCH.into(),
            _ => Request::path("/any.Plugin/Method", options & 4 != 0),
        };
        let timeout_ns = [None, Some(SECOND_NS), Some(u64::from(options) * 10_000_000)][usize::from(options >> 3) % 3];
        let wants_headers = options & 0x40 != 0;
        let metadata: &[(&str, &[u8])] =
            if options & 0x80 != 0 { &[("x-data-bin", b"\x00\xff"), ("x", "y".as_bytes())] } else { &[] };
        let request = Request { timeout_ns, wants_headers, metadata, ..target };
        let called = if options & 0x20 == 0 {
            self.connection.call(&request, length, |out| out.resize(out.len() + length, b'q'), self.now_ns)
        } else {
            self.connection.open(&request, self.now_ns)
        };
        let Ok(call) = called else { return };
        assert!(call.id > self.last_id, "identifiers count up");
        self.last_id = call.id;
        assert!(self.open.values().all(|known| known.call.slot != call.slot), "a slot is taken twice");
        let is_single = options & 3 < 2 || (options & 3 == 3 && options & 4 == 0);
        let known = Known { call, wants_headers, has_headers: false, has_message: false, is_single };
        self.open.insert(call.id, known);
    }

    /// A call that may be open, or of old.
    fn pick(&self, choices: &mut Choices<'_>) -> StreamRef {
        let number = choices.byte();
        match self.open.values().nth(usize::from(number) % self.open.len().max(1)) {
            Some(known) if number < 250 => known.call,
            _ => StreamRef { id: u32::from(number) % 40, slot: u32::from(number) % 20 },
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        let input = self.connection.begin(bytes);
        while let Some(event) = self.connection.poll(&input, self.now_ns) {
            match event {
                Event::Headers { call, .. } => {
                    let known = self.open.get_mut(&call.id).expect("headers are of open calls");
                    assert!(known.wants_headers && !known.has_headers && !known.has_message);
                    known.has_headers = true;
                }
                Event::Message { call, message } => {
                    let known = self.open.get_mut(&call.id).expect("messages are of open calls");
                    assert_eq!(known.has_headers, known.wants_headers, "headers come first");
                    assert!(!(known.is_single && known.has_message), "a second message");
                    assert!(message.len() <= LIMITS.message_bytes_max);
                    known.has_message = true;
                    self.connection.recycle(message);
                }
                Event::Finished(finished) => {
                    let known = self.open.remove(&finished.call.id).expect("a call ends once");
                    assert_eq!(known.call, finished.call);
                    assert!(!finished.is_unprocessed || !known.has_message, "a reply without a call");
                    assert!(!self.connection.is_open(finished.call));
                }
                Event::Writable { call } => assert!(self.open.contains_key(&call.id), "only open calls are writable"),
                Event::Ready => assert!(self.connection.free_calls() > 0),
                Event::GoAway { .. } => assert_eq!(self.connection.free_calls(), 0),
            }
        }
        self.connection.end(input);
        assert!(self.connection.open_calls() >= self.open.len());
        let held = self.connection.held_bytes();
        assert!(held <= 2 * LIMITS.connection_buffer_bytes_max + OVERHEAD_BYTES_MAX, "{held} bytes are held");
    }

    /// Takes the output, and reads it as a server would.
    fn take_output(&mut self) {
        let output = std::mem::take(self.connection.output());
        let mut rest = &output[..];
        if !rest.is_empty() && !std::mem::replace(&mut self.has_preface, true) {
            // A connection that was closed before it began has nothing to say.
            rest = rest.strip_prefix(PREFACE).expect("the client begins with its preface");
        }
        let mut block = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let head = Head::parse(head);
            let (payload, after) = after.split_at(head.length as usize);
            rest = after;
            assert!(head.stream == 0 || (head.stream <= self.last_id && !head.stream.is_multiple_of(2)));
            match head.kind {
                kind::HEADERS | kind::CONTINUATION => {
                    block.extend_from_slice(payload);
                    if head.has(flag::END_HEADERS) {
                        self.decoder.decode(&block, usize::MAX, |_, _| {}).expect("blocks are well formed");
                        block.clear();
                    }
                }
                kind::WINDOW_UPDATE => assert!(frame::window_update(&head, payload).is_ok()),
                kind::DATA | kind::RST_STREAM => assert_ne!(head.stream, 0),
                kind::SETTINGS | kind::PING | kind::GOAWAY => assert_eq!(head.stream, 0),
                other => panic!("frame of kind {other}"),
            }
        }
        assert!(rest.is_empty() && block.is_empty(), "the output ends with a whole frame");
    }

    fn end(mut self) {
        self.take_output();
        self.read(&[]);
        self.connection.close("the end");
        self.read(&[]);
        assert!(self.open.is_empty(), "calls never ended: {:?}", self.open);
        assert_eq!((self.connection.open_calls(), self.connection.held_bytes()), (0, 0));
        assert!(self.connection.is_finished());
    }
}
