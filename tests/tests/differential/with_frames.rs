//! Conversations of frames written one by one.

use prism_proto::frame::{PREFACE, STREAM_MAX};
use prism_proto::h2::server::Config;
use prism_tests::Random;

use crate::application::Application;
use crate::conversations::{hold_all, limits};
use crate::driver::Side as _;
use crate::frames::{Course, Frames};
use crate::model::{self, Outcome};
use crate::script::{Script, Sizes, any_magnitude, one_of};

const CONVERSATIONS: u64 = 2_500;
/// Rounds in which every call that can end does.
const ROUNDS_MAX: usize = 20_000;

#[test]
fn conversations_of_odd_frames_agree_with_the_model() {
    hold_all(CONVERSATIONS, |random| Conversation::new(random).hold());
}

struct Conversation {
    random: Random,
    application: Application,
    frames: Frames,
    scripts: Vec<Script>,
    streams_max: usize,
    fed_bytes: usize,
    /// Steps until the server asks the client to go.
    drain_after: Option<u64>,
}

impl Conversation {
    fn new(mut random: Random) -> Self {
        let limits = limits(&mut random);
        let calls_max = one_of(&mut random, &[3, 12, 40]);
        let bytes_max = one_of(&mut random, &[300, 5_000, 190_000]);
        let mut sizes = Sizes {
            calls: 1 + random.below(calls_max),
            message_bytes_max: bytes_max,
            reply_bytes: bytes_max * 3,
            cancels: random.below(2) == 0,
        };
        Self {
            application: Application::new(&Config { limits }, random.fork(1)),
            frames: Frames::new(random.fork(2)),
            scripts: (0..sizes.calls).map(|_| Script::random(&mut random, &mut sizes)).collect(),
            fed_bytes: 0,
            streams_max: limits.streams_per_connection_max,
            drain_after: (random.below(6) == 0).then(|| 1 + random.below(100)),
            random,
        }
    }

    fn hold(mut self) -> Vec<Outcome> {
        self.scripts.reverse();
        for step in 0..self.random.below(400) {
            // A connection that has not begun has nothing to drain; a second time ends the wait for the client.
            let is_due = self.drain_after.is_some_and(|after| after <= step) && self.fed_bytes >= PREFACE.len();
            if is_due && (!self.application.is_draining() || self.random.below(50) == 0) {
                self.application.drain();
            }
            self.act();
            self.carry();
        }
        let mut rounds = 0;
        while self.frames.open_calls() > 0 || self.may_open() {
            rounds += 1;
            assert!(rounds < ROUNDS_MAX, "stuck: {:?}", self.application);
            self.open();
            self.frames.grant_all();
            (0..self.frames.calls.len()).for_each(|at| self.frames.send(at));
            self.carry();
        }
        if self.random.below(2) == 0 {
            self.frames.go_away();
        }
        self.finish()
    }

    fn may_open(&self) -> bool {
        !self.scripts.is_empty() && self.frames.last_id == STREAM_MAX
    }

    fn open(&mut self) {
        if self.may_open() && self.frames.open_calls() < self.streams_max {
            let script = self.scripts.pop().expect("it was asked for");
            self.frames.open(script);
        }
    }

    /// One thing that the client does.
    fn act(&mut self) {
        let calls = self.frames.calls.len() as u64;
        let at = (calls > 0).then(|| self.random.below(calls) as usize);
        match (self.random.below(20), at) {
            (0..4, _) => self.open(),
            (4..13, Some(at)) => self.frames.send(at),
            (13 | 14, Some(_)) => {
                let bytes = any_magnitude(&mut self.random, 17) as u32;
                self.frames.grant(at, bytes);
            }
            (15, _) => {
                let bytes = any_magnitude(&mut self.random, 17) as u32;
                self.frames.grant(None, bytes);
            }
            (16, _) if self.scripts.is_empty() && self.random.below(4) == 0 => self.frames.go_away(),
            (16, _) => self.frames.change_settings(),
            _ => self.frames.write_noise(),
        }
    }

    /// Carries some bytes there, and perhaps all that is ready back.
    fn carry(&mut self) {
        if self.random.below(3) > 0 && !self.application.connection.wants_pause() {
            let length = any_magnitude(&mut self.random, 16).min(self.frames.bytes.len());
            let rest = self.frames.bytes.split_off(length);
            let bytes = std::mem::replace(&mut self.frames.bytes, rest);
            self.fed_bytes += bytes.len();
            self.application.read(&bytes);
        }
        if self.random.below(3) > 0 {
            self.application.turn();
        }
        if self.random.below(3) > 0 {
            let output = std::mem::take(self.application.connection.output());
            self.frames.read(&output);
            self.application.read(&[]);
        }
    }

    /// Carries what is left, and compares.
    fn finish(mut self) -> Vec<Outcome> {
        while !self.frames.bytes.is_empty() || !self.application.connection.output().is_empty() {
            self.carry();
        }
        self.application.assert_nothing_left();
        let is_finished = self.application.connection.is_finished();
        assert!(is_finished || !self.application.is_draining(), "a drained connection without calls is finished");
        assert!(is_finished || self.frames.is_answered(), "SETTINGS or a PING without an answer");
        let mut outcomes = Vec::new();
        for call in self.frames.calls {
            let outcome = match call.course {
                Course::Open => panic!("a call without an end"),
                Course::Answered => Outcome::Answered(call.received),
                Course::Cancelled => Outcome::Cancelled(call.received),
                Course::GoneAway => Outcome::GoneAway,
            };
            if matches!(outcome, Outcome::GoneAway) {
                assert!(self.application.is_draining() && !self.application.has_seen(&call.script.messages));
            }
            model::check(&call.script, &outcome);
            outcomes.push(outcome);
        }
        outcomes
    }
}
