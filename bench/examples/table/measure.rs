//! Rounds of one kind of operation.

use std::hint::black_box;

use clap::ValueEnum;
use rustix::time::{ClockId, clock_gettime};

use crate::subject::{Key, Subject, TURN};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Operation {
    /// Gets that have nothing to do with one another, so that the processor may begin the next early.
    Get,
    /// Gets of which each decides the next one's key.
    DependentGet,
    /// Gets in turns, which the memstore prefetches.
    Turn,
    /// Sets of values as long as those that are there.
    Set,
    /// Sets with a time to live of keys that have none.
    FirstTtlSet,
    /// Sets with a time to live.
    TtlSet,
}

impl Operation {
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Get, "get"),
        (Self::DependentGet, "dependent_get"),
        (Self::Turn, "turn_of_64"),
        (Self::Set, "set"),
        (Self::FirstTtlSet, "first_ttl_set"),
        (Self::TtlSet, "ttl_set"),
    ];
}

/// Keys of a table in one random order.
pub(crate) struct Keys {
    shuffled: Vec<Key>,
}

impl Keys {
    pub(crate) fn new(count: usize, seed: u64) -> Self {
        let mut shuffled: Vec<Key> = (0..count).map(Self::key).collect();
        let mut state = seed;
        for last in (1..count).rev() {
            // Of Knuth's generator the high bits.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let chosen = (u128::from(state) * (last as u128 + 1)) >> 64;
            shuffled.swap(last, chosen as usize);
        }
        Self { shuffled }
    }

    pub(crate) fn count(&self) -> usize {
        self.shuffled.len()
    }

    /// The key with this number, below 10^12.
    pub(crate) fn key(index: usize) -> Key {
        let mut key = *b"key:000000000000";
        let (mut rest, digits) = (index, &mut key[4..]);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        key
    }

    /// The keys of a round: others than those of the round before, as long as there are enough.
    pub(crate) fn slice(&self, round: usize, operations: usize) -> &[Key] {
        let operations = operations.min(self.count());
        let places = self.count() / operations;
        &self.shuffled[round % places * operations..][..operations]
    }
}

/// CPU time of this thread.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Does one round; nanoseconds of CPU time for each operation.
pub(crate) fn round(operation: Operation, subject: &mut impl Subject, keys: &[Key]) -> f64 {
    let begun = cpu_ns();
    let operations = perform(operation, subject, keys);
    (cpu_ns() - begun) as f64 / operations as f64
}

/// The same without a clock; how many operations it was.
#[inline(never)]
pub(crate) fn perform(operation: Operation, subject: &mut impl Subject, keys: &[Key]) -> usize {
    match operation {
        Operation::Get => gets(subject, keys),
        Operation::DependentGet => dependent_gets(subject, keys),
        Operation::Turn => turns(subject, keys),
        Operation::Set => each(keys, |key| subject.set(key, 1)),
        Operation::FirstTtlSet | Operation::TtlSet => each(keys, |key| subject.set_with_ttl(key, 2)),
    }
}

fn each(keys: &[Key], call: impl FnMut(&Key)) -> usize {
    keys.iter().for_each(call);
    keys.len()
}

fn gets(subject: &mut impl Subject, keys: &[Key]) -> usize {
    let mut sum = 0;
    for key in keys {
        sum ^= subject.get(key);
    }
    black_box(sum);
    keys.len()
}

fn dependent_gets(subject: &mut impl Subject, keys: &[Key]) -> usize {
    let (mut at, mut operations) = (0, 0);
    while let Some(key) = keys.get(at) {
        // Which is 0, but the processor has to wait to learn that.
        at += 1 + subject.get(key) as usize;
        operations += 1;
    }
    operations
}

fn turns(subject: &mut impl Subject, keys: &[Key]) -> usize {
    let mut sum = 0;
    let turns = keys.as_chunks::<TURN>().0;
    for keys in turns {
        sum ^= subject.turn(keys);
    }
    black_box(sum);
    turns.len() * TURN
}
