//! The timers of one shard: deadlines in order, each with the application's token.
//!
//! There is no cancelling: a token carries a generation, and the application ignores one that is stale.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::limits::TIMERS_MAX;

/// No more timers may be set on this shard ([`TIMERS_MAX`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimersFull;

/// The timers set on one shard, at most [`TIMERS_MAX`].
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Has `expired` called with `token` in the first turn at or after `deadline_ns` of [`crate::now_ns`]; a deadline
    /// that has passed means the next turn.
    ///
    /// # Errors
    /// [`TimersFull`] when the bound is reached; nothing is set then.
    pub fn set(&mut self, deadline_ns: u64, token: u64) -> Result<(), TimersFull> {
        if self.heap.len() >= TIMERS_MAX {
            return Err(TimersFull);
        }
        self.heap.push(Reverse((deadline_ns, token)));
        Ok(())
    }

    /// How many are set, those included whose token the application no longer knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The earliest deadline.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((deadline_ns, _))| *deadline_ns)
    }

    /// Takes one timer that is due.
    pub(crate) fn pop_due(&mut self, now_ns: u64) -> Option<u64> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse((_, token))| token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_fire_in_order_and_not_early() {
        let mut timers = Timers::new();
        for (deadline_ns, token) in [(30, 3), (10, 1), (20, 2), (10, 0)] {
            timers.set(deadline_ns, token).unwrap();
        }
        assert_eq!(timers.next_ns(), Some(10));
        assert_eq!(timers.pop_due(9), None);
        assert_eq!((timers.pop_due(20), timers.pop_due(20), timers.pop_due(20)), (Some(0), Some(1), Some(2)));
        assert_eq!(timers.pop_due(20), None);
        assert_eq!((timers.pop_due(u64::MAX), timers.pop_due(u64::MAX)), (Some(3), None));
        assert!(timers.is_empty());
    }

    #[test]
    fn the_bound_holds() {
        let mut timers = Timers::new();
        for token in 0..TIMERS_MAX as u64 {
            timers.set(token, token).unwrap();
        }
        assert_eq!(timers.set(0, 0), Err(TimersFull));
        assert_eq!(timers.pop_due(0), Some(0));
        assert_eq!((timers.set(0, 0), timers.len()), (Ok(()), TIMERS_MAX));
    }
}
