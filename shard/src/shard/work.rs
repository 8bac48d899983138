//! The first half of a turn: what has happened is worked off, each kind within its bound.

use std::os::fd::OwnedFd;

use super::Shard;
use crate::accept::Accepted;
use crate::application::{Application, Turn};
use crate::counters::Counter;
use crate::limits::{ERRANDS_PER_TURN_MAX, PARCELS_PER_TURN_MAX, TIMERS_PER_TURN_MAX};
use crate::peers::{Received, Sent};
use crate::ring::Completion;
use crate::shared::Errand;
use crate::token::Kind;

impl<A: Application> Shard<A> {
    pub(super) fn work_completions(&mut self) {
        let mut completions = std::mem::take(&mut self.completions);
        self.parts.ring.reap(&mut completions);
        for completion in completions.drain(..) {
            self.work_completion(&completion);
        }
        self.completions = completions;
        self.parts.buffers.publish();
        self.parts.long_buffers.publish();
    }

    fn work_completion(&mut self, completion: &Completion) {
        let counters = &mut self.parts.counters;
        match completion.token.kind() {
            Some(Kind::Receive) => self.work_receive(completion, false),
            Some(Kind::ReceiveLong) => self.work_receive(completion, true),
            Some(Kind::Send) => match self.parts.peers.on_send(completion) {
                Sent::Wholly(bytes, peer) => {
                    counters.add(Counter::SentBytes, bytes as u64);
                    if let Some(peer) = peer {
                        self.parts.application.flushed(&mut turn!(self), peer);
                    }
                }
                Sent::Partly(bytes) => {
                    counters.add(Counter::SentBytes, bytes as u64);
                    counters.add(Counter::ShortSends, 1);
                }
                Sent::Nothing => {}
            },
            Some(Kind::Wake) => counters.add(Counter::WakesReceived, 1),
            Some(Kind::Doorbell) => {
                counters.add(Counter::WakesReceived, 1);
                self.doorbell_armed = false;
            }
            Some(Kind::WakeFailed) => self.parts.shared.ring_doorbell(completion.token.index()),
            Some(Kind::Accept) => self.work_accept(completion),
            Some(Kind::Cancel) => self.parts.peers.on_cancel(completion),
            Some(Kind::CancelAccept) | None => {}
        }
    }

    fn work_receive(&mut self, completion: &Completion, is_long: bool) {
        let buffers = if is_long { &mut self.parts.long_buffers } else { &mut self.parts.buffers };
        match self.parts.peers.on_receive(completion) {
            Received::Bytes(peer, bytes) => {
                self.parts.counters.add(Counter::Receives, 1);
                self.parts.counters.add(Counter::ReceivedBytes, bytes as u64);
                let buffer = completion.buffer().expect("a receive into provided buffers names one");
                let bytes = buffers.filled(buffer, bytes);
                self.parts.application.received(&mut turn!(self), peer, bytes);
            }
            Received::Ended(peer) => self.parts.application.ended(&mut turn!(self), peer),
            Received::NoBuffer => self.parts.counters.add(Counter::ReceiveBufferMisses, 1),
            Received::Nothing => {}
        }
        if let Some(buffer) = completion.buffer() {
            buffers.give_back(buffer);
        }
    }

    fn work_accept(&mut self, completion: &Completion) {
        let Some(acceptor) = self.parts.acceptor.as_mut() else { return };
        self.look_at_acceptor = true;
        match acceptor.on_accept(completion, self.now_ns) {
            Accepted::Connection(socket) => {
                self.parts.counters.add(Counter::Accepted, 1);
                if self.parts.shared.room() == 0 || acceptor.has_waiting() {
                    acceptor.keep_waiting(socket);
                } else {
                    self.place(socket);
                }
            }
            Accepted::Exhausted => self.parts.counters.add(Counter::AcceptFailures, 1),
            Accepted::Nothing => {}
        }
    }

    /// Puts a connection on the least loaded shard; one that comes while draining is closed, which its client may
    /// retry.
    pub(super) fn place(&mut self, socket: OwnedFd) {
        if self.draining {
            return;
        }
        let shared = self.parts.shared.clone();
        let shard = shared.reserve_connection();
        if shard == self.parts.index {
            self.connect(socket);
        } else if shared.post(shard, Errand::Socket(socket)).is_err() {
            // That shard has stopped or is buried in errands: the socket is closed, and the client sees it at once.
            shared.connection_closed(shard, 1);
        }
    }

    /// Makes a connection that is counted as ours a peer.
    fn connect(&mut self, socket: OwnedFd) {
        let peer = self.parts.peers.place(socket, true);
        self.parts.counters.add(Counter::Opened, 1);
        let machine = self.parts.application.connected(&mut turn!(self), peer);
        self.parts.peers.furnish(peer, machine);
    }

    pub(super) fn work_parcels(&mut self) {
        for from in 0..self.parts.shared.shards() {
            let mut count = 0;
            while count < PARCELS_PER_TURN_MAX
                && let Some(parcel) = self.parts.mesh.take(from)
            {
                count += 1;
                self.parts.application.parcel(&mut turn!(self), from, parcel);
            }
            if count > 0 {
                self.parts.mesh.release(from);
                self.parts.counters.add(Counter::ParcelsReceived, count as u64);
            }
        }
    }

    /// Goes on with so many of the peers that asked for it.
    pub(super) fn work_again(&mut self, count: usize) {
        for _ in 0..count {
            self.parts.counters.add(Counter::CallsAgain, 1);
            if let Some(peer) = self.parts.peers.take_again() {
                self.parts.application.called_again(&mut turn!(self), peer);
            }
        }
    }

    pub(super) fn work_errands(&mut self) {
        for _ in 0..ERRANDS_PER_TURN_MAX {
            let Some(errand) = self.parts.shared.take_errand(self.parts.index) else { return };
            self.parts.counters.add(Counter::Errands, 1);
            match errand {
                Errand::Control(control) => self.parts.application.control(&mut turn!(self), control),
                Errand::Socket(socket) if self.draining => {
                    drop(socket);
                    self.parts.shared.connection_closed(self.parts.index, 1);
                }
                Errand::Socket(socket) => self.connect(socket),
            }
        }
    }

    pub(super) fn work_timers(&mut self) {
        for _ in 0..TIMERS_PER_TURN_MAX {
            let Some(token) = self.timers.pop_due(self.now_ns) else { return };
            self.parts.counters.add(Counter::Timers, 1);
            self.parts.application.expired(&mut turn!(self), token);
        }
    }
}
