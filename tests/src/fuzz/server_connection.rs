//! The whole server connection: a client that sends frames and bytes of any kind, cut anywhere, and an application that
//! answers in any order, or twice, or never.

use std::collections::BTreeMap;

use prism_proto::h2::server::{Config, Connection};
use prism_proto::h2::{Event, StreamRef};
use prism_proto::limits::{Limits, SECOND_NS};
use prism_proto::status::{Code, Status};

use super::answers::Answers;
use super::choices::Choices;
use super::client_frames::ClientFrames;

/// What frames of headers and control may hold beyond the limit.
const HELD_SLACK_BYTES: usize = 256 << 10;

/// A call that the application knows.
#[derive(Debug)]
struct Known {
    stream: StreamRef,
    is_unary: bool,
    takes_messages: bool,
}

/// Both ends and what is known of them.
struct Bench {
    connection: Connection,
    limits: Limits,
    calls: BTreeMap<u32, Known>,
    /// Calls that are over, to be answered once more.
    gone: Vec<StreamRef>,
    /// Every identifier that an event has told of.
    begun: Vec<u32>,
    answers: Answers,
    /// Since it had dealt with all that it was fed.
    fed_bytes: usize,
    now_ns: u64,
    is_closed: bool,
    /// What the next turn may take.
    effort: usize,
}

/// The input is limits, then steps of the client and of the application.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let limits = limits(&mut choices);
    let mut bench = Bench::new(limits);
    let mut frames = ClientFrames::new(choices.byte() & 1 == 0);
    while !choices.is_empty() && !bench.is_closed {
        match choices.below(8) {
            0..4 => frames.step(&mut choices),
            4 => {
                let bytes = frames.take(match choices.byte() {
                    count @ 0..64 => usize::from(count),
                    _ => usize::MAX,
                });
                bench.feed(&bytes);
            }
            5 | 6 => bench.act(&mut choices),
            _ => bench.rare(&mut choices),
        }
    }
    bench.feed(&frames.take(usize::MAX));
    bench.end();
}

fn limits(choices: &mut Choices<'_>) -> Limits {
    let usual = Limits { ping_interval_min_ns: 0, ..Limits::DEFAULT };
    match choices.below(4) {
        0 => usual,
        1 => Limits { streams_per_connection_max: 2, ..usual },
        2 => Limits {
            message_bytes_max: 1_000,
            connection_buffer_bytes_max: 4_000,
            streams_per_connection_max: 4,
            header_list_bytes_max: 300,
            ..usual
        },
        _ => Limits { message_bytes_max: 20_000, connection_buffer_bytes_max: 40_000, ..Limits::DEFAULT },
    }
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self {
            connection: Connection::new(&Config { limits }, 0),
            limits,
            calls: BTreeMap::new(),
            gone: Vec::new(),
            begun: Vec::new(),
            answers: Answers::new(),
            fed_bytes: 0,
            now_ns: 0,
            is_closed: false,
            effort: usize::MAX,
        }
    }

    /// What the socket has read; the output is taken when it is asked for.
    fn feed(&mut self, bytes: &[u8]) {
        if self.is_closed {
            return;
        }
        // A driver reads no more during a pause, but what it has read already it must hand over.
        self.answers.granted.sent(bytes);
        self.connection.set_effort(std::mem::replace(&mut self.effort, usize::MAX));
        let input = self.connection.begin(bytes);
        while let Some(event) = self.connection.poll(&input, self.now_ns) {
            hear(&mut self.calls, &mut self.gone, &mut self.begun, &self.limits, event);
        }
        self.connection.end(input);
        // What it was fed and has not dealt with is for the driver to bound, which reads no more meanwhile.
        self.fed_bytes += bytes.len();
        let bound = self.limits.connection_buffer_bytes_max + HELD_SLACK_BYTES + self.fed_bytes;
        assert!(self.connection.held_bytes() <= bound, "{} bytes are held", self.connection.held_bytes());
        if self.connection.kept_bytes() == 0 {
            self.fed_bytes = 0;
        }
        self.check();
    }

    fn take_output(&mut self) {
        let output = std::mem::take(self.connection.output());
        self.answers.read(&output);
        // The driver closes the socket and forgets the connection.
        self.is_closed |= self.connection.is_finished();
        if !output.is_empty() {
            self.feed(&[]);
        }
    }

    /// The calls that the application knows are those that the connection has open, unless it is over.
    fn check(&mut self) {
        for call in self.calls.values() {
            let is_open = self.connection.is_open(call.stream);
            let is_over = self.connection.open_calls() == 0 && !is_open;
            assert!(is_open || is_over, "{call:?} ended without a word");
        }
        assert!(self.connection.open_calls() <= self.limits.streams_per_connection_max);
    }

    /// One answer, or a part of one.
    fn act(&mut self, choices: &mut Choices<'_>) {
        let what = choices.byte();
        let length = match choices.byte() {
            255 => 70_000,
            200..255 => choices.length(),
            short => usize::from(short),
        };
        let write = |out: &mut Vec<u8>| out.resize(out.len() + length, 7);
        let Some(call) = pick(&self.calls, choices.byte()) else { return self.act_late(choices, what) };
        let (stream, is_unary) = (call.stream, call.is_unary);
        // One that a limit has failed meanwhile: its Reset is still to be heard.
        let was_open = self.connection.is_open(stream);
        match what % 8 {
            0..3 if is_unary => {
                self.connection.reply(stream, length, write);
                self.is_done(stream, was_open);
            }
            3 => self.connection.open(stream, &[("x-opened", "1")]),
            4 | 5 => {
                self.connection.send(stream, length, write);
                assert!(was_open || !self.connection.is_open(stream));
            }
            6 => {
                let writable = self.connection.writable_bytes(stream);
                assert!(writable == 0 || self.connection.is_open(stream));
            }
            _ => {
                let status = Status::new([Code::Ok, Code::NotFound][length % 2], ["", "é %\n"][length / 2 % 2]);
                self.connection.finish(stream, &status, &[("x-trailer", "1")][..length / 4 % 2]);
                self.is_done(stream, was_open);
            }
        }
    }

    fn is_done(&mut self, stream: StreamRef, was_open: bool) {
        assert!(!self.connection.is_open(stream), "an answered call is still open");
        if was_open {
            self.calls.remove(&stream.id);
            self.gone.push(stream);
        }
    }

    /// Whatever is done with a call that is over is dropped silently.
    fn act_late(&mut self, choices: &mut Choices<'_>, what: u8) {
        let Some(stream) = self.gone.get(choices.below(256) % self.gone.len().max(1)).copied() else { return };
        let before = (self.connection.output().len(), self.connection.open_calls());
        match what % 4 {
            0 => self.connection.reply(stream, 1, |_| panic!("nobody waits for this reply")),
            1 => self.connection.send(stream, 1, |_| panic!("nor for this message")),
            2 => self.connection.open(stream, &[]),
            _ => self.connection.finish(stream, &Status::OK, &[]),
        }
        assert_eq!(self.connection.writable_bytes(stream), 0);
        assert_eq!((self.connection.output().len(), self.connection.open_calls()), before);
    }

    fn rare(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() {
            0..200 => self.take_output(),
            200..240 => self.now_ns += u64::from(choices.byte()) * SECOND_NS / 16,
            240..245 => self.effort = usize::from(choices.byte()),
            245..250 => self.connection.drain(self.now_ns),
            _ => self.connection.recycle(vec![1; choices.length()].into()),
        }
    }

    /// Every call is answered and everything sent: nothing is left but what the client has begun and not ended.
    fn end(&mut self) {
        self.take_output();
        while let Some(call) = pick(&self.calls, 0).filter(|_| !self.is_closed) {
            let stream = call.stream;
            let was_open = self.connection.is_open(stream);
            self.connection.finish(stream, &Status::OK, &[]);
            self.is_done(stream, was_open);
            self.feed(&[]);
            self.take_output();
        }
        for id in &self.begun {
            let answer = self.answers.streams.get(id);
            let is_ended = answer.is_some_and(|answer| answer.has_ended);
            // Its last bytes may wait for a window, the client may have reset it, or the connection may be over.
            assert!(!is_ended || answer.is_some_and(|answer| answer.status.is_some()), "{id}: {answer:?}");
        }
    }
}

/// What an event says has to make sense.
fn hear(
    calls: &mut BTreeMap<u32, Known>,
    gone: &mut Vec<StreamRef>,
    begun: &mut Vec<u32>,
    limits: &Limits,
    event: Event<'_>,
) {
    let mut begin = |stream: StreamRef, is_unary: bool| {
        assert!(!begun.contains(&stream.id), "{stream:?} began twice");
        begun.push(stream.id);
        let known = Known { stream, is_unary, takes_messages: !is_unary };
        assert!(calls.insert(stream.id, known).is_none());
    };
    match event {
        Event::Unary(call) => {
            assert!(call.message.len() <= limits.message_bytes_max);
            assert!(!call.method.method().client_streaming);
            begin(call.stream, true);
        }
        Event::Opened { stream, method, .. } => {
            assert!(method.method().client_streaming);
            begin(stream, false);
        }
        Event::Message { stream, message } => {
            assert!(message.len() <= limits.message_bytes_max);
            assert!(known(calls, stream).takes_messages, "a message after the end");
        }
        Event::HalfClosed { stream } => {
            assert!(std::mem::take(&mut known(calls, stream).takes_messages), "a request ended twice");
        }
        Event::Reset { stream } => {
            known(calls, stream);
            calls.remove(&stream.id);
            gone.push(stream);
        }
        Event::Writable { stream } => drop(known(calls, stream)),
    }
}

fn known(calls: &mut BTreeMap<u32, Known>, stream: StreamRef) -> &mut Known {
    let call = calls.get_mut(&stream.id).expect("events are of calls that are open");
    assert_eq!(call.stream, stream);
    call
}

fn pick(calls: &BTreeMap<u32, Known>, choice: u8) -> Option<&Known> {
    calls.values().nth(usize::from(choice) % calls.len().max(1))
}
