//! Many conversations, one after the other, each repeatable alone; and what they have in common.

use prism_proto::limits::Limits;
use prism_tests::Random;

use crate::model::Outcome;
use crate::script::one_of;

/// Holds `count` conversations; every kind of outcome has to come.
pub(crate) fn hold_all(count: u64, hold: impl Fn(Random) -> Vec<Outcome>) {
    let random = Random::seeded();
    let mut calls = [0_u64; 3];
    for number in only().map_or(0..count, |only| only..only + 1) {
        let shown = Shown(number);
        for outcome in hold(random.fork(number)) {
            calls[match outcome {
                Outcome::Answered(_) => 0,
                Outcome::Cancelled(_) => 1,
                Outcome::GoneAway => 2,
            }] += 1;
        }
        std::mem::forget(shown);
    }
    show(&format!("answered, cancelled, gone away: {calls:?}"));
    assert!(only().is_some() || calls.iter().all(|&calls| calls > 0), "every outcome has come: {calls:?}");
}

/// One conversation alone, to look into it.
fn only() -> Option<u64> {
    std::env::var("PRISM_TEST_ONLY").ok().map(|number| number.parse().expect("PRISM_TEST_ONLY is a number"))
}

/// Tells which conversation was under way when its thread panics.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        show(&format!("PRISM_TEST_ONLY={}", self.0));
    }
}

#[expect(clippy::print_stdout, reason = "it belongs in the output of a failed test")]
fn show(text: &str) {
    println!("{text}");
}

/// The limits of a conversation: the usual ones, or such that large messages wait for each other.
pub(crate) fn limits(random: &mut Random) -> Limits {
    let usual = Limits { ping_interval_min_ns: 0, ..Limits::DEFAULT };
    let tight = Limits {
        message_bytes_max: 200 << 10,
        connection_buffer_bytes_max: 1 << 20,
        streams_per_connection_max: 64,
        header_list_bytes_max: 4 << 10,
        ..usual
    };
    let few = Limits { streams_per_connection_max: 1 + random.below(6) as usize, ..usual };
    one_of(random, &[usual, usual, tight, few])
}
