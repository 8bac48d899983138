//! Conversations of our client with a server of frames written one by one.

use prism_tests::Random;

use super::asker::Asker;
use super::call::Plan;
use super::frames::Frames;
use super::with_h2::config;
use crate::conversations::hold_all;
use crate::driver::Side as _;
use crate::model::Outcome;
use crate::script::{Sizes, any_magnitude, one_of};

const CONVERSATIONS: u64 = 1_500;
/// Rounds in which every call that can end does.
const ROUNDS_MAX: usize = 40_000;

#[test]
fn our_calls_to_odd_frames_agree_with_the_model() {
    hold_all(CONVERSATIONS, |random| Conversation::new(random).hold());
}

struct Conversation {
    random: Random,
    asker: Asker,
    frames: Frames,
    goes_after: Option<u64>,
}

impl Conversation {
    fn new(mut random: Random) -> Self {
        let config = config(&mut random);
        let calls_max = one_of(&mut random, &[3, 12, 40]);
        let bytes_max = one_of(&mut random, &[300, 5_000, 190_000]);
        let mut sizes = Sizes {
            calls: 1 + random.below(calls_max),
            message_bytes_max: bytes_max,
            reply_bytes: bytes_max * 3,
            cancels: random.below(2) == 0,
        };
        let plans = (0..sizes.calls).map(|_| Plan::random(&mut random, &mut sizes)).collect();
        Self {
            asker: Asker::new(&config, plans, random.fork(1)),
            frames: Frames::new(random.fork(2)),
            goes_after: (random.below(6) == 0).then(|| 1 + random.below(100)),
            random,
        }
    }

    fn hold(mut self) -> Vec<Outcome> {
        for step in 0..self.random.below(400) {
            if self.goes_after.is_some_and(|after| after <= step && (after == step || self.random.below(50) == 0)) {
                self.frames.go_away();
            }
            self.act();
            self.carry();
        }
        for _ in 0..ROUNDS_MAX {
            if self.asker.is_done() && self.frames.bytes.is_empty() && self.asker.output().is_empty() {
                return self.finish();
            }
            self.frames.grant_all();
            self.frames.send();
            self.carry();
        }
        panic!("stuck: {:?} {:?}", self.asker, self.frames);
    }

    /// One thing that the server does.
    fn act(&mut self) {
        match self.random.below(12) {
            0..6 => self.frames.send(),
            6 | 7 => {
                let bytes = any_magnitude(&mut self.random, 17) as u32;
                self.frames.grant(bytes);
            }
            8 => self.frames.change_settings(),
            _ => self.frames.write_noise(),
        }
    }

    /// Carries some bytes there, and perhaps all that is ready back.
    fn carry(&mut self) {
        if self.random.below(3) > 0 && !self.asker.wants_pause() {
            let length = any_magnitude(&mut self.random, 16).min(self.frames.bytes.len());
            let rest = self.frames.bytes.split_off(length);
            let bytes = std::mem::replace(&mut self.frames.bytes, rest);
            self.asker.read(&bytes);
        }
        if self.random.below(3) > 0 && self.asker.has_work() {
            self.asker.turn();
        }
        if self.random.below(3) > 0 {
            let output = std::mem::take(self.asker.output());
            if !output.is_empty() {
                self.frames.read(&output);
            }
            self.asker.read(&[]);
        }
    }

    fn finish(mut self) -> Vec<Outcome> {
        self.asker.read(&[]);
        self.asker.assert_nothing_left();
        assert!(self.goes_after.is_some() || !self.asker.has_gone);
        assert!(self.asker.is_finished() || self.frames.is_answered(), "SETTINGS or a PING without an answer");
        self.asker.outcomes
    }
}
