//! What is done for connections besides their calls, a few at a time: passed deadlines, age and idle time, memory that
//! is not needed, what waited for the process to have room, and large messages that keep others from theirs.

use std::collections::VecDeque;

use prism_shard::{PeerId, Turn};

use crate::app::Proxy;
use crate::client::Client;
use crate::lifetime::Due;
use crate::limits::{
    DEADLINE_INTERVAL_NS, FEEDS_PER_TURN_MAX, LOOKS_PER_TURN_MAX, TRIM_AFTER_NS, UPKEEP_INTERVAL_NS,
    WATCHES_PER_TURN_MAX,
};
use crate::wire::Wire;

/// Whose turn it is. Peers that are gone leave the lists when theirs comes, and a line that does not move before they
/// are the larger part of it.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// The timer is set.
    pub(crate) is_set: bool,
    /// When the buffers of large messages were last trimmed.
    trimmed_ns: u64,
    /// Where the round of all connections goes on.
    next: u32,
    /// Those with calls that have a deadline, each once.
    watched: VecDeque<PeerId>,
    /// Those with answers that wait for the process to have room, each once.
    hungry: VecDeque<PeerId>,
    /// Those with large messages that do, each once, and since when.
    line: VecDeque<(PeerId, u64)>,
}

impl Upkeep {
    pub(crate) fn interval_ns(&self) -> u64 {
        if self.watched.is_empty() { UPKEEP_INTERVAL_NS } else { DEADLINE_INTERVAL_NS }
    }

    /// Notes what a connection is waiting for.
    #[inline]
    pub(crate) fn note(&mut self, peer: PeerId, client: &mut Client, now_ns: u64) {
        if client.connection.next_deadline_ns() != u64::MAX && !client.is_watched {
            client.is_watched = true;
            self.watched.push_back(peer);
        }
        if !client.is_hungry && client.waits_for_process() {
            client.is_hungry = true;
            self.hungry.push_back(peer);
        }
        if !client.is_in_line && client.connection.wants_room_of_process() {
            client.is_in_line = true;
            self.line.push_back((peer, now_ns));
        }
    }

    /// Since when the first in the line waits.
    #[inline]
    pub(crate) fn waiting_ns(&self) -> Option<u64> {
        self.line.front().map(|&(_, since_ns)| since_ns)
    }

    /// Takes those that are gone out of the line once it is twice as long as there are connections, each of which has
    /// one place: a line that waits for its first does not grow with those who come, wait and go.
    fn shorten_line(&mut self, connections: usize, is_there: impl Fn(PeerId) -> bool) {
        if self.line.len() > 2 * connections + FEEDS_PER_TURN_MAX {
            self.line.retain(|&(peer, _)| is_there(peer));
        }
    }
}

impl Proxy {
    /// A bounded part of all that.
    pub(crate) fn look_after(&mut self, turn: &mut Turn<'_, Self>) {
        self.watch_deadlines(turn);
        self.feed_hungry(turn);
        self.feed_line(turn);
        self.look_around(turn);
        if turn.now_ns >= self.upkeep.trimmed_ns.saturating_add(TRIM_AFTER_NS) {
            self.upkeep.trimmed_ns = turn.now_ns;
            self.large.trim();
        }
    }

    /// Expires calls whose deadline has passed.
    fn watch_deadlines(&mut self, turn: &mut Turn<'_, Self>) {
        for _ in 0..self.upkeep.watched.len().min(WATCHES_PER_TURN_MAX) {
            let Some(peer) = self.upkeep.watched.pop_front() else { return };
            let Some(client) = turn.peers.peek_mut(peer).map(Wire::client) else { continue };
            client.is_watched = false;
            if client.connection.open_calls() == 0 {
                continue;
            }
            if client.connection.next_deadline_ns() > turn.now_ns {
                self.upkeep.note(peer, client, turn.now_ns);
                continue;
            }
            client.connection.set_room(self.budget.room(client.counted));
            client.expire(turn.now_ns);
            // The application hears of those it knew, and whoever waited for their room goes on.
            self.serve(turn, peer, &[]);
        }
    }

    /// Lets go on what waited for the process to have room.
    fn feed_hungry(&mut self, turn: &mut Turn<'_, Self>) {
        for _ in 0..self.upkeep.hungry.len().min(FEEDS_PER_TURN_MAX) {
            let Some(peer) = self.upkeep.hungry.pop_front() else { return };
            let Some(client) = turn.peers.peek_mut(peer).map(Wire::client) else { continue };
            client.is_hungry = false;
            self.serve(turn, peer, &[]);
        }
    }

    /// Gives room to the large messages that have waited longest, here and on all shards. Who has been given some and
    /// wants more goes to the end of the line.
    fn feed_line(&mut self, turn: &mut Turn<'_, Self>) {
        self.upkeep.shorten_line(turn.peers.len(), |peer| turn.peers.get(peer).is_some());
        for _ in 0..FEEDS_PER_TURN_MAX {
            let Some(&(peer, since_ns)) = self.upkeep.line.front() else { break };
            let Some(client) = turn.peers.peek_mut(peer).map(Wire::client) else {
                self.upkeep.line.pop_front();
                continue;
            };
            if !self.budget.is_next(since_ns) {
                break;
            }
            self.upkeep.line.pop_front();
            client.is_in_line = false;
            let before = client.counted.declared_bytes;
            self.budget.set_feeding(true);
            self.serve(turn, peer, &[]);
            self.budget.set_feeding(false);
            let Some(client) = turn.peers.peek_mut(peer).map(Wire::client) else { continue };
            if client.is_in_line && client.counted.declared_bytes <= before {
                // It was given nothing, and keeps its place.
                let again = self.upkeep.line.iter().rposition(|&(waiting, _)| waiting == peer);
                again.map(|at| self.upkeep.line.remove(at));
                self.upkeep.line.push_front((peer, since_ns));
                break;
            }
        }
        self.budget.set_waiting(self.upkeep.waiting_ns());
    }

    /// Looks at the next connections in the round.
    fn look_around(&mut self, turn: &mut Turn<'_, Self>) {
        let places = turn.peers.places();
        let is_wanted = self.budget.is_wanted(turn.now_ns);
        for _ in 0..places.min(LOOKS_PER_TURN_MAX) {
            let place = if self.upkeep.next < places { self.upkeep.next } else { 0 };
            self.upkeep.next = place + 1;
            let Some((peer, wire)) = turn.peers.at(place) else { continue };
            let client = wire.client();
            client.connection.set_room(self.budget.room(client.counted));
            let is_stalled = client.connection.end_stalled(turn.now_ns, is_wanted);
            let due = client.look(turn.now_ns);
            if is_stalled {
                self.serve(turn, peer, &[]);
            }
            if let Some(due) = due {
                self.leave(turn, peer, due);
            }
        }
    }

    fn leave(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, due: Due) {
        if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
            client.leave(due, turn.now_ns);
            self.serve(turn, peer, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_gone_does_not_lengthen_a_line_that_stands() {
        let mut upkeep = Upkeep::default();
        let is_there = |peer: PeerId| peer.to_bits().is_multiple_of(100);
        for number in 0..10_000 {
            upkeep.line.push_back((PeerId::from_bits(number), number));
            // A hundred are there at most.
            upkeep.shorten_line(100, is_there);
            assert!(upkeep.line.len() <= 200 + FEEDS_PER_TURN_MAX);
        }
        let kept: Vec<u64> = upkeep.line.iter().filter(|(peer, _)| is_there(*peer)).map(|&(_, since)| since).collect();
        assert_eq!(kept, (0..100).map(|place| place * 100).collect::<Vec<_>>(), "in their order");
    }
}
