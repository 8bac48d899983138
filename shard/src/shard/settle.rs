//! The second half of a turn: what the changes ask for is queued on the ring, and other shards are told.

use super::Shard;
use crate::accept::Acceptor;
use crate::application::{Application, Turn};
use crate::counters::Counter;
use crate::limits::SETTLE_PASSES_MAX;
use crate::token::{Kind, Token};

impl<A: Application> Shard<A> {
    /// Queues on the ring what this turn's changes ask for.
    pub(super) fn settle(&mut self) {
        for _ in 0..SETTLE_PASSES_MAX {
            self.parts.peers.settle(&mut self.parts.ring, self.now_ns);
            while let Some((peer, machine)) = self.parts.peers.take_departed() {
                self.parts.application.closed(&mut turn!(self), peer, machine);
            }
            if !self.parts.peers.has_work() {
                break;
            }
        }
        let tally = self.parts.peers.tally();
        self.parts.counters.add(Counter::Sends, tally.sends);
        self.parts.counters.add(Counter::Paused, tally.paused);
        if tally.closed > 0 {
            self.parts.counters.add(Counter::Closed, u64::from(tally.closed));
            self.parts.shared.connection_closed(self.parts.index, tally.closed as usize);
            self.look_at_acceptor = true;
        }
        if std::mem::take(&mut self.look_at_acceptor) {
            self.settle_acceptor();
        }
        if !self.doorbell_armed {
            let doorbell = self.parts.shared.doorbell(self.parts.index);
            let token = Token::new(Kind::Doorbell, 0, self.parts.index);
            // SAFETY: the count is boxed, is never looked at, and is dropped after the ring has taken its operations
            // back.
            unsafe { self.parts.ring.read_doorbell(doorbell, &raw mut *self.doorbell_count, token) };
            self.doorbell_armed = true;
        }
        let (ring, shared, counters) = (&mut self.parts.ring, &self.parts.shared, &mut self.parts.counters);
        let own = self.parts.index;
        self.parts.mesh.publish(|shard| {
            if shard != own && shared.bell(shard).must_ring() {
                counters.add(Counter::WakesSent, 1);
                shared.wake(shard, ring);
            }
        });
    }

    /// Serves connections that waited for room, and accepts as many more as there is room for.
    fn settle_acceptor(&mut self) {
        while self.parts.shared.room() > 0
            && let Some(socket) = self.parts.acceptor.as_mut().and_then(Acceptor::take_waiting)
        {
            self.place(socket);
        }
        if let Some(acceptor) = self.parts.acceptor.as_mut() {
            acceptor.settle(&mut self.parts.ring, self.parts.shared.room(), self.now_ns);
        }
    }
}
