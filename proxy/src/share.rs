//! A connection's share of a turn, and how a look at it ends.

use crate::client::Client;
use crate::limits::{INPUT_BYTES_PER_UNIT, LEFT_OVER_BYTES_MAX, OUTPUT_BYTES_PER_UNIT, SHARE_UNITS};

/// How a look at a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Everything that has come is dealt with.
    Done,
    /// It goes on when its output has been sent.
    Blocked,
    /// It goes on in the next turn.
    MoreNextTurn {
        /// So much is left over that no more is to be read.
        is_much: bool,
    },
}

impl Client {
    pub(crate) fn progress(&self) -> Progress {
        if self.connection.wants_pause() {
            return Progress::Blocked;
        }
        if self.share.left == 0 && self.connection.has_more() {
            return Progress::MoreNextTurn { is_much: self.connection.kept_bytes() > LEFT_OVER_BYTES_MAX };
        }
        Progress::Done
    }
}

/// What a connection may still do in this turn.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Share {
    /// The turn, by its time.
    turn_ns: u64,
    left: usize,
}

impl Share {
    /// Begins a new share when this is a new turn, and charges what was received.
    #[inline]
    pub(crate) fn charge_input(&mut self, turn_ns: u64, bytes: usize) {
        if self.turn_ns != turn_ns {
            *self = Self { turn_ns, left: SHARE_UNITS };
        }
        self.left = self.left.saturating_sub(bytes / INPUT_BYTES_PER_UNIT);
    }

    /// Charges an event and what was answered to it.
    #[inline]
    pub(crate) fn charge_event(&mut self, answer_bytes: usize) {
        self.left = self.left.saturating_sub(1 + answer_bytes / OUTPUT_BYTES_PER_UNIT);
    }

    #[inline]
    pub(crate) fn is_used_up(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_one_turn() {
        let mut share = Share::default();
        share.charge_input(7, 100);
        for event in 0..SHARE_UNITS {
            assert!(!share.is_used_up(), "{event}");
            share.charge_event(0);
        }
        assert!(share.is_used_up());
        share.charge_input(7, 0);
        assert!(share.is_used_up(), "the turn is the same");
        share.charge_input(8, 0);
        assert!(!share.is_used_up());
        share.charge_event(OUTPUT_BYTES_PER_UNIT * SHARE_UNITS);
        assert!(share.is_used_up(), "a large answer is a share of its own");
        share.charge_input(9, INPUT_BYTES_PER_UNIT * SHARE_UNITS);
        assert!(share.is_used_up());
    }
}
