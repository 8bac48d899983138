//! Connections that have yet to begin HTTP/2, in the order in which their time ends.

use std::collections::VecDeque;

use prism_shard::PeerId;

use crate::limits::HANDSHAKES_MIN;

/// The handshakes under way on one shard. Those that are over stay until their time ends, or until they are many.
#[derive(Debug)]
pub(crate) struct Handshakes {
    due: VecDeque<(u64, PeerId)>,
    /// How many there may be before those that are over are looked for.
    many: usize,
    pub(crate) is_timer_set: bool,
}

impl Default for Handshakes {
    fn default() -> Self {
        Self { due: VecDeque::new(), many: HANDSHAKES_MIN, is_timer_set: false }
    }
}

impl Handshakes {
    /// A connection that is to have begun by `end_ns`; `is_pending` says of an earlier one whether it has not.
    pub(crate) fn begin(&mut self, peer: PeerId, end_ns: u64, is_pending: impl Fn(PeerId) -> bool) {
        if self.due.len() >= self.many {
            self.due.retain(|(_, peer)| is_pending(*peer));
            self.many = (2 * self.due.len()).max(HANDSHAKES_MIN);
        }
        self.due.push_back((end_ns, peer));
    }

    /// When the first one's time ends.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.due.front().map(|(end_ns, _)| *end_ns)
    }

    /// Takes one whose time is over.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<PeerId> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.due.pop_front().map(|(_, peer)| peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_end_in_order_and_not_early() {
        let mut handshakes = Handshakes::default();
        for peer in 0..3 {
            handshakes.begin(PeerId::from_bits(peer), 10 + peer, |_| true);
        }
        assert_eq!(handshakes.take_due(9), None);
        assert_eq!(handshakes.take_due(11), Some(PeerId::from_bits(0)));
        assert_eq!((handshakes.take_due(11), handshakes.take_due(11)), (Some(PeerId::from_bits(1)), None));
        assert_eq!(handshakes.next_ns(), Some(12));
    }

    #[test]
    fn those_that_are_over_take_no_memory_for_long() {
        let mut handshakes = Handshakes::default();
        for peer in 0..100_000 {
            handshakes.begin(PeerId::from_bits(peer), peer, |peer| peer.to_bits() % 1_000 == 0);
            assert!(handshakes.due.len() <= HANDSHAKES_MIN);
        }
    }
}
