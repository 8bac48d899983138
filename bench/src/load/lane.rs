//! One connection: a socket, the client machine that speaks over it, and the calls that are open on it.

use prism_proto::h2::client::{Config, Connection, Event, Refused};
use prism_proto::limits::Limits;
use prism_proto::messages::prism::interfaces::keyvalue::GetResponse;
use prism_proto::view::write_get_response;
use prost::Message as _;

use super::ledger::{Call, Ledger};
use super::mix::Operation;
use super::plan::Plan;
use super::random::Random;
use super::request::Requests;
use super::run::Clock;
use super::socket::{Moved, Poller, Socket};

/// The shortest and the longest pause before another try to connect; the first one is at once.
const PAUSE_MIN_NS: u64 = 1_000_000;
const PAUSE_MAX_NS: u64 = 250_000_000;

/// How far a connection has come.
///
/// ```text
///   Down --time--> Connecting --event--> Up
///     ^------------------+-- lost --------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No socket, until this time.
    Down(u64),
    Connecting,
    Up,
}

/// One connection and its calls.
#[derive(Debug)]
pub(super) struct Lane {
    number: usize,
    state: State,
    socket: Option<Socket>,
    machine: Connection,
    config: Config,
    /// By the machine's slot.
    calls: Vec<Call>,
    /// Slots of calls that are in the output and not yet given to the socket.
    unsent: Vec<u32>,
    sending: Vec<u8>,
    sent_bytes: usize,
    /// Tries since a call was last ok.
    tries: u32,
    pub(super) connects: u64,
    pub(super) connects_failed: u64,
    pub(super) last_loss: Option<String>,
    random: Random,
    expected: Vec<u8>,
}

/// What a lane works with, the same for all of a core.
pub(super) struct Tools<'w> {
    pub(super) plan: &'w Plan,
    pub(super) requests: &'w Requests,
    pub(super) clock: Clock,
    pub(super) poller: &'w mut Poller,
    pub(super) ledger: &'w mut Ledger,
    pub(super) buffer: &'w mut [u8],
}

/// The machine's configuration for a plan; `calls` may be open on each connection.
pub(super) fn config(plan: &Plan, calls: usize) -> Config {
    Config {
        limits: Limits {
            message_bytes_max: 8 << 20,
            connection_buffer_bytes_max: 64 << 20,
            streams_per_connection_max: calls.max(1),
            ..Limits::DEFAULT
        },
        authority: plan.proxy.authority(),
        user_agent: concat!("prism-load/", env!("CARGO_PKG_VERSION")).to_owned(),
        metadata: plan.headers.clone(),
        ..Config::default()
    }
}

impl Lane {
    /// A lane without a connection yet.
    pub(super) fn new(number: usize, config: Config, random: Random) -> Result<Self, &'static str> {
        Ok(Self {
            number,
            state: State::Down(0),
            socket: None,
            machine: Connection::new(&config, 0)?,
            config,
            calls: Vec::new(),
            unsent: Vec::new(),
            sending: Vec::new(),
            sent_bytes: 0,
            tries: 0,
            connects: 0,
            connects_failed: 0,
            last_loss: None,
            random,
            expected: Vec::new(),
        })
    }

    /// When [`Self::tend`] has something to do.
    pub(super) fn next_ns(&self) -> u64 {
        match self.state {
            State::Down(until_ns) => until_ns,
            State::Connecting => u64::MAX,
            State::Up => self.machine.next_tick_ns().unwrap_or(u64::MAX),
        }
    }

    /// What time brings: calls whose time is up, another try to connect.
    pub(super) fn tend(&mut self, tools: &mut Tools<'_>, now_ns: u64) {
        match self.state {
            State::Down(until_ns) if until_ns <= now_ns => self.connect(tools, now_ns),
            State::Up if self.machine.next_tick_ns().is_some_and(|at_ns| at_ns <= now_ns) => {
                self.machine.tick(now_ns);
                self.take(tools, 0, now_ns);
                self.flush(tools);
            }
            _ => {}
        }
    }

    fn connect(&mut self, tools: &mut Tools<'_>, now_ns: u64) {
        self.tries += 1;
        let connected = Connection::new(&self.config, now_ns).map_err(str::to_owned).and_then(|machine| {
            self.machine = machine;
            let socket = Socket::connect(&tools.plan.address).map_err(|error| error.to_string())?;
            tools.poller.watch(&socket, self.number).map_err(|error| error.to_string())?;
            Ok(socket)
        });
        match connected {
            Ok(socket) => {
                self.socket = Some(socket);
                self.state = State::Connecting;
            }
            Err(reason) => self.lose(tools, &reason, now_ns),
        }
    }

    /// Something has happened to the socket; it is read to its end when the server has closed it.
    pub(super) fn react(&mut self, tools: &mut Tools<'_>, is_readable: bool, is_closing: bool) {
        if self.state == State::Connecting {
            let Some(socket) = &self.socket else { return };
            match socket.is_connected() {
                Ok(false) => return,
                Ok(true) => {
                    self.state = State::Up;
                    self.connects += 1;
                }
                Err(error) => return self.lose(tools, &error.to_string(), tools.clock.now_ns()),
            }
        }
        if is_readable {
            self.read(tools, is_closing);
        }
        self.flush(tools);
    }

    fn read(&mut self, tools: &mut Tools<'_>, is_closing: bool) {
        while let Some(socket) = &mut self.socket {
            let moved = socket.read(tools.buffer);
            let now_ns = tools.clock.now_ns();
            match moved {
                Moved::Bytes(bytes) => {
                    self.take(tools, bytes, now_ns);
                    // No more is there, or an event follows; but the end of the stream has been announced already.
                    if bytes < tools.buffer.len() && !is_closing {
                        return;
                    }
                }
                Moved::Blocked => return,
                Moved::Lost(reason) => return self.lose(tools, &reason, now_ns),
            }
        }
    }

    /// Hears what the machine makes of the first bytes of the buffer.
    fn take(&mut self, tools: &mut Tools<'_>, bytes: usize, now_ns: u64) {
        let input = self.machine.begin(&tools.buffer[..bytes]);
        while let Some(event) = self.machine.poll(&input, now_ns) {
            match event {
                Event::Message { call, message } => {
                    let known = &mut self.calls[call.slot as usize];
                    if known.operation == Operation::Get {
                        known.is_missing = message.is_empty();
                        let is_checked = tools.plan.verify && !known.is_missing;
                        known.is_wrong =
                            is_checked && is_wrong(&mut self.expected, tools.requests.values.of(known.key), &message);
                    }
                    self.machine.recycle(message);
                }
                Event::Finished(finished) => {
                    let call = &self.calls[finished.call.slot as usize];
                    tools.ledger.finish(call, &finished.status, now_ns);
                    if finished.status.code == prism_proto::status::Code::Ok {
                        self.tries = 0;
                    }
                }
                _ => {}
            }
        }
        self.machine.end(input);
        if self.machine.is_finished() {
            self.lose(tools, "the server has ended it", now_ns);
        }
    }

    /// Makes a call, if the connection takes one.
    #[inline]
    pub(super) fn call(&mut self, requests: &Requests, ledger: &mut Ledger, call: &Call, now_ns: u64) -> bool {
        if self.state != State::Up {
            return false;
        }
        let made = requests.call(&mut self.machine, call, now_ns);
        let reference = match made {
            Ok(reference) => reference,
            Err(refused) => {
                // Its identifiers may be used up: it ends with its last call, and another takes its place.
                if refused == Refused::Gone {
                    self.machine.shut_down();
                }
                return false;
            }
        };
        let slot = reference.slot as usize;
        if slot >= self.calls.len() {
            self.calls.resize(slot + 1, *call);
        }
        self.calls[slot] = *call;
        self.unsent.push(reference.slot);
        ledger.in_flight += 1;
        true
    }

    /// Gives the output to the socket. From then on a call is sent, also when the socket is full because the server
    /// does not read: that is the server's time and not the generator's.
    pub(super) fn flush(&mut self, tools: &mut Tools<'_>) {
        if !self.unsent.is_empty() {
            let now_ns = tools.clock.now_ns();
            for slot in self.unsent.drain(..) {
                tools.ledger.send(&mut self.calls[slot as usize], now_ns);
            }
        }
        loop {
            if self.state != State::Up {
                return;
            }
            if self.sent_bytes == self.sending.len() {
                self.sending.clear();
                self.sent_bytes = 0;
                let was_paused = self.machine.wants_pause();
                std::mem::swap(&mut self.sending, self.machine.output());
                if was_paused {
                    self.take(tools, 0, tools.clock.now_ns());
                }
                if self.sending.is_empty() {
                    // Its last words have gone: the server may leave it to us to close the socket.
                    if self.machine.is_finished() {
                        self.lose(tools, "it has ended", tools.clock.now_ns());
                    }
                    return;
                }
            }
            let Some(socket) = &mut self.socket else { return };
            match socket.write(&self.sending[self.sent_bytes..]) {
                Moved::Bytes(bytes) => self.sent_bytes += bytes,
                Moved::Blocked => return,
                Moved::Lost(reason) => return self.lose(tools, &reason, tools.clock.now_ns()),
            }
        }
    }

    /// The connection is over: its calls end, and it is tried again.
    fn lose(&mut self, tools: &mut Tools<'_>, reason: &str, now_ns: u64) {
        let was_up = self.state == State::Up;
        self.connects_failed += u64::from(!was_up);
        self.last_loss = Some(reason.to_owned());
        let shift = self.tries.saturating_sub(1).min(8);
        let pause_ns = if self.tries == 0 { 0 } else { (PAUSE_MIN_NS << shift).min(PAUSE_MAX_NS) };
        self.state = State::Down(now_ns + pause_ns / 2 + self.random.below(pause_ns / 2 + 1));
        self.socket = None;
        self.sending.clear();
        self.sent_bytes = 0;
        // What was not sent keeps no time of sending.
        self.unsent.clear();
        self.machine.close(reason);
        let input = self.machine.begin(&[]);
        while let Some(event) = self.machine.poll(&input, now_ns) {
            if let Event::Finished(finished) = event {
                tools.ledger.finish(&self.calls[finished.call.slot as usize], &finished.status, now_ns);
            }
        }
        self.machine.end(input);
    }
}

/// Whether a reply to Get holds another value than it should.
fn is_wrong(expected: &mut Vec<u8>, value: &[u8], message: &[u8]) -> bool {
    expected.clear();
    write_get_response(Some(value), expected);
    // Another server may put the same into other bytes.
    expected != message && !GetResponse::decode(message).is_ok_and(|reply| reply.found && reply.value == value)
}
