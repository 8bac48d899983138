//! The application behind the connection under test: does what the messages order, with random delays, and checks that
//! the events it hears make sense.

use std::collections::{BTreeMap, HashSet, VecDeque};

use prism_proto::h2::server::{Config, Connection};
use prism_proto::h2::{Event, StreamRef};
use prism_proto::method::id::KEYVALUE_BASIC_GET;
use prism_proto::status::Status;
use prism_tests::Random;

use crate::driver::Side;
use crate::script::{Metadata, Step, half_closed, steps};

/// A call that has not been answered.
#[derive(Debug)]
struct Served {
    stream: StreamRef,
    steps: VecDeque<Step>,
    messages: usize,
    /// Sends only what the windows take, and waits for a Writable event otherwise.
    is_careful: bool,
    is_blocked: bool,
    has_ended: bool,
}

/// A connection and what answers it.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) connection: Connection,
    random: Random,
    calls: BTreeMap<u32, Served>,
    /// The messages that have been seen.
    seen: HashSet<Vec<u8>>,
    is_draining: bool,
    held_bytes_max: usize,
}

impl Application {
    pub(crate) fn new(config: &Config, random: Random) -> Self {
        Self {
            connection: Connection::new(config, 0),
            random,
            calls: BTreeMap::new(),
            seen: HashSet::new(),
            is_draining: false,
            held_bytes_max: config.limits.connection_buffer_bytes_max,
        }
    }

    fn read_all(&mut self, bytes: &[u8]) {
        let input = self.connection.begin(bytes);
        while let Some(event) = self.connection.poll(&input, 0) {
            self.hear(event);
        }
        self.connection.end(input);
        let held_bytes = self.connection.held_bytes();
        // Frames of headers and control come on top of what is counted.
        assert!(held_bytes <= self.held_bytes_max + (1 << 20), "{held_bytes} bytes are held");
    }

    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Unary(call) => {
                assert_eq!(call.method, KEYVALUE_BASIC_GET);
                self.begin(call.stream);
                self.order(call.stream, &call.message, true);
                self.connection.recycle(call.message);
            }
            Event::Opened { stream, method, .. } => {
                assert_ne!(method, KEYVALUE_BASIC_GET);
                self.begin(stream);
            }
            Event::Message { stream, message } => {
                self.order(stream, &message, false);
                self.connection.recycle(message);
            }
            Event::HalfClosed { stream } => {
                let call = self.calls.get_mut(&stream.id).expect("only calls that are open end");
                assert!(!std::mem::replace(&mut call.has_ended, true), "a request ended twice");
                call.steps.push_back(Step::Finish(Status::OK, half_closed(call.messages)));
            }
            Event::Reset { stream } => {
                self.calls.remove(&stream.id).expect("only calls that are open are reset");
            }
            Event::Writable { stream } => {
                self.calls.get_mut(&stream.id).expect("only open calls are writable").is_blocked = false;
            }
        }
    }

    fn begin(&mut self, stream: StreamRef) {
        let is_careful = self.random.below(2) == 0;
        let call =
            Served { stream, steps: VecDeque::new(), messages: 0, is_careful, is_blocked: false, has_ended: false };
        assert!(self.calls.insert(stream.id, call).is_none(), "a stream began twice");
    }

    fn order(&mut self, stream: StreamRef, message: &[u8], is_unary: bool) {
        let call = self.calls.get_mut(&stream.id).expect("messages are of open calls");
        assert!(!call.has_ended, "a message after the end");
        call.steps.extend(steps(message, is_unary, call.messages == 0));
        call.messages += 1;
        self.seen.insert(message[..message.len().min(64)].to_vec());
        if self.random.below(3) > 0 {
            self.advance(stream.id);
        }
    }

    /// The next steps of one call, up to a wait.
    fn advance(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        while let Some(step) = call.steps.pop_front() {
            match step {
                Step::Wait(0) => {}
                Step::Wait(turns) => {
                    call.steps.push_front(Step::Wait(turns - 1));
                    return;
                }
                Step::Open(metadata) => self.connection.open(call.stream, &borrowed(&metadata)),
                Step::Send(content) => {
                    if call.is_careful && self.connection.writable_bytes(call.stream) == 0 {
                        call.is_blocked = true;
                        call.steps.push_front(Step::Send(content));
                        return;
                    }
                    self.connection.send(call.stream, content.len(), |out| out.extend_from_slice(&content));
                }
                Step::Reply(content) => {
                    self.connection.reply(call.stream, content.len(), |out| out.extend_from_slice(&content));
                    self.calls.remove(&id);
                    return;
                }
                Step::Finish(status, trailers) => {
                    self.connection.finish(call.stream, &status, &borrowed(&trailers));
                    self.calls.remove(&id);
                    return;
                }
            }
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// Whether any of a call's messages has come.
    pub(crate) fn has_seen(&self, messages: &[Vec<u8>]) -> bool {
        messages.iter().any(|message| message.len() >= 16 && self.seen.contains(&message[..message.len().min(64)]))
    }

    /// Nothing is left once every call is over and all output has been taken.
    pub(crate) fn assert_nothing_left(&mut self) {
        assert!(self.calls.is_empty(), "calls never heard their end: {:?}", self.calls);
        assert_eq!(self.connection.open_calls(), 0);
        assert_eq!(self.connection.output().len(), 0);
        assert_eq!(self.connection.held_bytes(), 0);
    }
}

impl Side for Application {
    fn output(&mut self) -> &mut Vec<u8> {
        self.connection.output()
    }

    fn read(&mut self, bytes: &[u8]) {
        self.read_all(bytes);
    }

    fn wants_pause(&self) -> bool {
        self.connection.wants_pause()
    }

    fn is_finished(&self) -> bool {
        self.connection.is_finished()
    }

    fn has_work(&self) -> bool {
        self.calls.values().any(|call| !call.is_blocked && !call.steps.is_empty())
    }

    fn turn(&mut self) {
        let ids: Vec<u32> = self.calls.keys().copied().collect();
        let share = 1 + self.random.below(3);
        for id in ids {
            if self.random.below(share) == 0 {
                self.advance(id);
            }
        }
    }

    fn drain(&mut self) {
        self.is_draining = true;
        self.connection.drain(0);
    }
}

fn borrowed(metadata: &Metadata) -> Vec<(&str, &str)> {
    metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
