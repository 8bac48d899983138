//! The whole client connection: a server that sends frames and bytes of any kind, cut anywhere, and callers that begin,
//! feed and cancel calls in any order.

use std::collections::BTreeMap;

use prism_proto::h2::StreamRef;
use prism_proto::h2::client::{Config, Connection, Event, Keepalive, Refused, Request};
use prism_proto::limits::{Limits, SECOND_NS};
use prism_proto::method::id;

use super::choices::Choices;
use super::requests::Requests;
use super::server_frames::ServerFrames;

/// What frames of headers and control may hold beyond the limits, and the memory of a server's bytes during a pause.
const HELD_SLACK_BYTES: usize = 256 << 10;

/// A call whose end is to come.
#[derive(Debug)]
struct Known {
    call: StreamRef,
    is_single: bool,
    messages: usize,
    wants_headers: bool,
}

struct Bench {
    connection: Connection,
    limits: Limits,
    calls: BTreeMap<u32, Known>,
    gone: Vec<StreamRef>,
    requests: Requests,
    fed_bytes: usize,
    now_ns: u64,
    is_closed: bool,
}

/// The input is limits, then steps of the server and of the callers.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut bench = Bench::new(&mut choices);
    let mut frames = ServerFrames::new(choices.byte() & 1 == 0);
    while !choices.is_empty() && !bench.is_closed {
        match choices.below(8) {
            0..3 => frames.step(&mut choices, bench.last_id()),
            3 => {
                let bytes = frames.take(match choices.byte() {
                    count @ 0..64 => usize::from(count),
                    _ => usize::MAX,
                });
                bench.feed(&bytes);
            }
            4 | 5 => bench.begin(&mut choices),
            6 => bench.act(&mut choices),
            _ => bench.rare(&mut choices),
        }
    }
    bench.feed(&frames.take(usize::MAX));
    bench.end();
}

impl Bench {
    fn new(choices: &mut Choices<'_>) -> Self {
        let options = choices.byte();
        let limits = match options & 3 {
            0 => Limits::DEFAULT,
            1 => Limits { streams_per_connection_max: 2, ..Limits::DEFAULT },
            2 => Limits {
                message_bytes_max: 1_000,
                connection_buffer_bytes_max: 4_000,
                streams_per_connection_max: 4,
                header_list_bytes_max: 600,
                ..Limits::DEFAULT
            },
            _ => Limits { message_bytes_max: 20_000, connection_buffer_bytes_max: 40_000, ..Limits::DEFAULT },
        };
        let pings = Keepalive { interval_ns: SECOND_NS, timeout_ns: SECOND_NS, without_calls: options & 8 != 0 };
        let keepalive = (options & 4 != 0).then_some(pings);
        let header_table_bytes_max = if options & 16 == 0 { 4_096 } else { 0 };
        let config = Config { limits, keepalive, header_table_bytes_max, ..Config::default() };
        Self {
            connection: Connection::new(&config, 0).expect("the configuration can be sent"),
            limits,
            calls: BTreeMap::new(),
            gone: Vec::new(),
            requests: Requests::new(),
            fed_bytes: 0,
            now_ns: 0,
            is_closed: false,
        }
    }

    fn last_id(&self) -> u32 {
        let known = self.calls.last_key_value().map_or(1, |(last, _)| *last);
        self.gone.iter().map(|call| call.id).fold(known, u32::max)
    }

    fn feed(&mut self, bytes: &[u8]) {
        if self.is_closed {
            return;
        }
        self.requests.granted.sent(bytes);
        self.fed_bytes += bytes.len();
        let input = self.connection.begin(bytes);
        while let Some(event) = self.connection.poll(&input, self.now_ns) {
            hear(&mut self.calls, &mut self.gone, &self.limits, event);
        }
        self.connection.end(input);
        let bound = 2 * self.limits.connection_buffer_bytes_max + HELD_SLACK_BYTES + self.fed_bytes;
        assert!(self.connection.held_bytes() <= bound, "{} bytes are held", self.connection.held_bytes());
        if !self.connection.wants_pause() {
            assert_eq!(self.connection.open_calls(), self.calls.len());
            for known in self.calls.values() {
                assert!(self.connection.is_open(known.call), "{known:?} ended without a word");
            }
        }
    }

    fn take_output(&mut self) {
        let output = std::mem::take(self.connection.output());
        self.requests.read(&output);
        if !output.is_empty() {
            self.fed_bytes = 0;
            self.feed(&[]);
        }
        self.is_closed |= self.connection.is_finished();
    }

    /// A call, of one message or of several.
    fn begin(&mut self, choices: &mut Choices<'_>) {
        let (options, length) = (choices.byte(), choices.length());
        let method = [id::KEYVALUE_BASIC_GET, id::HEALTH_WATCH, id::REFLECTION_V1_SERVER_REFLECTION_INFO]
            [usize::from(options % 3)];
        let mut request = Request::from(method);
        request.wants_headers = options & 64 != 0;
        if options & 32 != 0 {
            request = request.within([0, 1, SECOND_NS, u64::MAX][choices.below(4)]);
        }
        let metadata: [(&str, &[u8]); 2] = [("x-data-bin", &[1, 2, 3]), ("x-id", b"1")];
        request.metadata = &metadata[..usize::from(options >> 4 & 1) * 2];
        let write = |out: &mut Vec<u8>| out.resize(out.len() + length, 7);
        let begun = if method.method().client_streaming {
            self.connection.open(&request, self.now_ns)
        } else {
            self.connection.call(&request, length, write, self.now_ns)
        };
        match begun {
            Ok(call) => {
                let is_single = !method.method().server_streaming;
                let known = Known { call, is_single, messages: 0, wants_headers: request.wants_headers };
                assert!(self.calls.insert(call.id, known).is_none(), "an identifier was used again");
            }
            Err(Refused::Busy) => assert_eq!(self.connection.free_calls(), 0),
            Err(Refused::TooLong) => assert!(length > self.limits.message_bytes_max),
            // The server may have said that it takes only short header lists.
            Err(Refused::Invalid(_) | Refused::Expired | Refused::Gone | Refused::Full | Refused::Over) => {}
        }
    }

    fn act(&mut self, choices: &mut Choices<'_>) {
        let (what, which, length) = (choices.byte(), choices.byte(), choices.length());
        let late = || self.gone.get(usize::from(which) % self.gone.len().max(1)).copied();
        let known = self.calls.values().nth(usize::from(which) % self.calls.len().max(1)).map(|known| known.call);
        let Some(call) = known.or_else(late) else { return };
        let write = |out: &mut Vec<u8>| out.resize(out.len() + length, 7);
        match what % 8 {
            0..3 => {
                let taken = self.connection.send(call, length, write);
                assert!(taken.is_err() || self.connection.is_open(call));
            }
            3 | 4 => self.connection.close_send(call),
            5 => self.connection.hold_back(call, length % 2 == 0),
            6 => {
                let writable = self.connection.writable_bytes(call);
                assert!(writable == 0 || self.connection.is_open(call));
            }
            _ => {
                // Whoever gives up a call that is over has heard of its end, or does next.
                if self.connection.cancel(call) {
                    self.calls.remove(&call.id).expect("only calls that are open are cancelled");
                    self.gone.push(call);
                }
                assert!(!self.connection.is_open(call));
            }
        }
    }

    fn rare(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() {
            0..180 => self.take_output(),
            180..230 => {
                self.now_ns += u64::from(choices.byte()) * SECOND_NS / 16;
                self.connection.tick(self.now_ns);
                self.feed(&[]);
                assert!(self.connection.next_tick_ns().is_none_or(|due_ns| due_ns > self.now_ns));
            }
            230..244 => self.connection.shut_down(),
            244..248 => {
                self.connection.close("the end");
                self.feed(&[]);
            }
            _ => self.connection.recycle(vec![1; choices.length()].into()),
        }
    }

    /// The connection ends, and every call that is left with it.
    fn end(&mut self) {
        self.take_output();
        self.take_output();
        let was_closed = self.is_closed;
        self.connection.close("the end");
        self.feed(&[]);
        assert!(self.calls.is_empty(), "calls never heard their end: {:?}", self.calls);
        self.take_output();
        assert!(self.connection.is_finished());
        assert_eq!(self.connection.open_calls(), 0);
        // A connection that had finished by itself may keep a part of a frame until it is dropped.
        assert!(was_closed || self.connection.held_bytes() == 0, "{} bytes are held", self.connection.held_bytes());
    }
}

/// What an event says has to make sense.
fn hear(calls: &mut BTreeMap<u32, Known>, gone: &mut Vec<StreamRef>, limits: &Limits, event: Event<'_>) {
    match event {
        Event::Headers { call, .. } => {
            let known = known(calls, call);
            assert!(std::mem::take(&mut known.wants_headers), "headers that nobody waits for");
        }
        Event::Message { call, message } => {
            assert!(message.len() <= limits.message_bytes_max);
            let known = known(calls, call);
            known.messages += 1;
            assert!(!known.is_single || known.messages == 1, "more than one reply");
        }
        Event::Finished(finished) => {
            let known = known(calls, finished.call);
            assert!(!finished.is_unprocessed || known.messages == 0, "a reply of nobody");
            calls.remove(&finished.call.id);
            gone.push(finished.call);
        }
        Event::Writable { call } => drop(known(calls, call)),
        Event::Ready | Event::GoAway { .. } => {}
    }
}

fn known(calls: &mut BTreeMap<u32, Known>, call: StreamRef) -> &mut Known {
    let known = calls.get_mut(&call.id).expect("events are of calls that are open");
    assert_eq!(known.call, call);
    known
}
