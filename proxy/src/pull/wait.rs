//! Pulls that wait no longer than they were told to: a Read at the end of its log.
//!
//! Each has at most one place in the order of times. A record that comes only notes the new time; the place moves when
//! the old time has come.

use std::collections::BTreeSet;

use prism_proto::status::Status;
use prism_shard::{SlabKey, Timers, Turn};

use super::{Pull, State};
use crate::app::{Lane, Proxy, WAIT_TIMER, lane};
use crate::limits::WAITS_PER_TURN_MAX;
use crate::wire::Wire;

/// Who waits until when.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    due: BTreeSet<(u64, u64)>,
    /// The time of the timer that is set; `None` when none is.
    timer_ns: Option<u64>,
}

impl Waits {
    /// A pull begins to wait.
    pub(super) fn arm(&mut self, key: SlabKey, pull: &mut Pull, now_ns: u64) {
        pull.silent_since_ns = now_ns;
        if pull.armed_ns == 0
            && let Some(wait_ns) = pull.source.wait_ns()
        {
            pull.armed_ns = now_ns.saturating_add(wait_ns);
            self.due.insert((pull.armed_ns, key.to_bits()));
        }
    }

    /// A pull is over.
    pub(super) fn disarm(&mut self, key: SlabKey, pull: &Pull) {
        if pull.armed_ns != 0 {
            self.due.remove(&(pull.armed_ns, key.to_bits()));
        }
    }

    /// Makes sure that a timer goes off when the first one is due.
    pub(crate) fn set_timer(&mut self, timers: &mut Timers) {
        let Some(&(first_ns, _)) = self.due.first() else { return };
        // A full table of timers is no loss: the next turn tries again.
        if self.timer_ns.is_none_or(|timer_ns| timer_ns > first_ns) && timers.set(first_ns, WAIT_TIMER).is_ok() {
            self.timer_ns = Some(first_ns);
        }
    }
}

impl Proxy {
    /// Ends those whose wait is over.
    pub(crate) fn end_waits(&mut self, turn: &mut Turn<'_, Self>) {
        self.waits.timer_ns = None;
        for _ in 0..WAITS_PER_TURN_MAX {
            let Some(&(due_ns, bits)) = self.waits.due.first().filter(|(due_ns, _)| *due_ns <= turn.now_ns) else {
                break;
            };
            self.waits.due.remove(&(due_ns, bits));
            let key = SlabKey::from_bits(bits);
            let Some(pull) = self.pulls.get_mut(key) else { continue };
            pull.armed_ns = 0;
            let Some(wait_ns) = pull.source.wait_ns() else { continue };
            if pull.state != State::Waiting {
                continue;
            }
            let until_ns = pull.silent_since_ns.saturating_add(wait_ns);
            if until_ns > turn.now_ns {
                pull.armed_ns = until_ns;
                self.waits.due.insert((until_ns, bits));
                continue;
            }
            let (peer, stream) = (pull.peer, pull.stream);
            let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { continue };
            pull.source.finish(&mut client.connection, stream, &Status::OK);
            self.end_pull(client, key);
            let mut lane = lane!(turn);
            self.settle(&mut lane, peer, client);
        }
    }
}
