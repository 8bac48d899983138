//! One shard: its parts, and the turn loop that moves bytes between them.
//!
//! A turn reaps completions, feeds the application, queues what came of it on the ring, and enters the kernel once,
//! which submits all of that and, when nothing is known to wait, sleeps until there is something.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::accept::{Accepted, Acceptor};
use crate::application::{Application, Turn};
use crate::buffers::Buffers;
use crate::clock::now_ns;
use crate::counters::{Counter, Counters};
use crate::limits::{
    ERRANDS_PER_TURN_MAX, PARCELS_PER_TURN_MAX, SETTLE_PASSES_MAX, STOP_NS_MAX, TICK_NS, TIMERS_PER_TURN_MAX,
};
use crate::mesh::Mesh;
use crate::peers::{Peers, Received, Sent};
use crate::ring::{Completion, Ring};
use crate::shared::{Errand, Shared};
use crate::timers::Timers;
use crate::token::{Kind, Token};

/// The parts that a shard is made of; those that need the shard's own thread are made there.
pub(crate) struct Parts<A: Application> {
    pub(crate) index: u32,
    pub(crate) ring: Ring,
    pub(crate) buffers: Buffers,
    pub(crate) peers: Peers<A::Machine>,
    pub(crate) mesh: Mesh<A::Parcel>,
    pub(crate) counters: Counters,
    pub(crate) acceptor: Option<Acceptor>,
    pub(crate) application: A,
    pub(crate) shared: Arc<Shared<A::Control>>,
    pub(crate) spin_ns: u64,
}

/// A running shard. The ring is dropped first, and takes back what the kernel has of the other parts.
pub(crate) struct Shard<A: Application> {
    parts: Parts<A>,
    doorbell_count: Box<u64>,
    doorbell_armed: bool,
    timers: Timers,
    completions: Vec<Completion>,
    now_ns: u64,
    draining: bool,
    /// The application has background work to go on with.
    has_more: bool,
    enters_counted: u64,
}

/// The application's view of the shard, borrowed from its fields one by one so that the application itself stays free.
macro_rules! turn {
    ($shard:ident) => {
        Turn {
            peers: &mut $shard.parts.peers,
            mesh: &mut $shard.parts.mesh,
            timers: &mut $shard.timers,
            counters: &mut $shard.parts.counters,
            now_ns: $shard.now_ns,
            shard: $shard.parts.index,
            shards: $shard.parts.shared.shards(),
        }
    };
}

impl<A: Application> Shard<A> {
    pub(crate) fn new(parts: Parts<A>) -> Self {
        Self {
            parts,
            doorbell_count: Box::new(0),
            doorbell_armed: false,
            timers: Timers::new(),
            completions: Vec::new(),
            now_ns: now_ns(),
            draining: false,
            has_more: false,
            enters_counted: 0,
        }
    }

    /// Runs turns until the tick is over. False when the shard has stopped.
    pub(crate) fn run_tick(&mut self) -> io::Result<bool> {
        let tick_end_ns = now_ns() + TICK_NS;
        loop {
            self.turn();
            if self.is_to_stop() {
                self.stop()?;
                return Ok(false);
            }
            self.enter(tick_end_ns)?;
            if now_ns() >= tick_end_ns {
                return Ok(true);
            }
        }
    }

    /// Everything but the wait.
    fn turn(&mut self) {
        self.now_ns = now_ns();
        self.work_completions();
        self.work_parcels();
        self.work_errands();
        self.work_timers();
        self.work_drain();
        self.has_more = self.parts.application.tend(&mut turn!(self));
        self.parts.peers.end_lingering(self.now_ns);
        self.settle();
        self.count();
    }

    fn work_completions(&mut self) {
        let mut completions = std::mem::take(&mut self.completions);
        self.parts.ring.reap(&mut completions);
        for completion in completions.drain(..) {
            self.work_completion(&completion);
        }
        self.completions = completions;
        self.parts.buffers.publish();
    }

    fn work_completion(&mut self, completion: &Completion) {
        let counters = &mut self.parts.counters;
        match completion.token.kind() {
            Some(Kind::Receive) => self.work_receive(completion),
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

    fn work_receive(&mut self, completion: &Completion) {
        match self.parts.peers.on_receive(completion) {
            Received::Bytes(peer, bytes) => {
                self.parts.counters.add(Counter::Receives, 1);
                self.parts.counters.add(Counter::ReceivedBytes, bytes as u64);
                let buffer = completion.buffer().expect("a receive into provided buffers names one");
                let bytes = self.parts.buffers.filled(buffer, bytes);
                self.parts.application.received(&mut turn!(self), peer, bytes);
            }
            Received::NoBuffer => self.parts.counters.add(Counter::ReceiveBufferMisses, 1),
            Received::Nothing => {}
        }
        if let Some(buffer) = completion.buffer() {
            self.parts.buffers.give_back(buffer);
        }
    }

    fn work_accept(&mut self, completion: &Completion) {
        let Some(acceptor) = self.parts.acceptor.as_mut() else { return };
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
    fn place(&mut self, socket: OwnedFd) {
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

    fn work_parcels(&mut self) {
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

    fn work_errands(&mut self) {
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

    fn work_timers(&mut self) {
        for _ in 0..TIMERS_PER_TURN_MAX {
            let Some(token) = self.timers.pop_due(self.now_ns) else { return };
            self.parts.counters.add(Counter::Timers, 1);
            self.parts.application.expired(&mut turn!(self), token);
        }
    }

    /// Begins a drain that was asked for, and says when it is done.
    fn work_drain(&mut self) {
        if self.parts.shared.stop_ns().is_none() {
            return;
        }
        if !self.draining {
            self.draining = true;
            if let Some(acceptor) = self.parts.acceptor.as_mut() {
                acceptor.close();
            }
            self.parts.application.drain(&mut turn!(self));
        }
        let drained = self.parts.application.is_drained(&mut turn!(self))
            && !self.is_listening()
            && !self.parts.peers.is_sending()
            && !self.parts.peers.has_work();
        self.parts.shared.report_drained(self.parts.index, drained);
    }

    fn is_listening(&self) -> bool {
        self.parts.acceptor.as_ref().is_some_and(|acceptor| !acceptor.is_closed())
    }

    fn is_to_stop(&self) -> bool {
        self.draining && self.parts.shared.stop_ns().is_some_and(|stop_ns| stop_ns <= self.now_ns)
    }

    /// Queues on the ring what this turn's changes ask for.
    fn settle(&mut self) {
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
        }
        self.settle_acceptor();
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

    fn count(&mut self) {
        let (sent, full) = self.parts.mesh.tally();
        let counters = &mut self.parts.counters;
        counters.add(Counter::Turns, 1);
        counters.add(Counter::ParcelsSent, sent);
        counters.add(Counter::MeshFull, full);
    }

    /// Enters the kernel, and sleeps there unless there is work.
    fn enter(&mut self, tick_end_ns: u64) -> io::Result<()> {
        let more = self.has_more || self.parts.peers.has_work();
        let until_ns = self.timers.next_ns().map_or(tick_end_ns, |next_ns| next_ns.min(tick_end_ns));
        let result = if more || self.has_inbox() { self.parts.ring.enter(None) } else { self.sleep(until_ns) };
        let enters = self.parts.ring.enters();
        self.parts.counters.add(Counter::Enters, enters - self.enters_counted);
        self.enters_counted = enters;
        result
    }

    fn sleep(&mut self, until_ns: u64) -> io::Result<()> {
        if self.parts.spin_ns > 0 && self.spin(until_ns)? {
            return Ok(());
        }
        let now_ns = now_ns();
        if until_ns <= now_ns {
            return self.parts.ring.enter(None);
        }
        let shared = self.parts.shared.clone();
        let bell = shared.bell(self.parts.index);
        bell.park();
        let result = if self.has_inbox() {
            self.parts.ring.enter(None)
        } else {
            self.parts.counters.add(Counter::Parks, 1);
            self.parts.ring.enter(Some(until_ns - now_ns))
        };
        bell.unpark();
        result
    }

    /// Looks for work without sleeping, for as long as the configuration says. True when there is some.
    fn spin(&mut self, until_ns: u64) -> io::Result<bool> {
        self.parts.ring.enter(None)?;
        let end_ns = until_ns.min(now_ns() + self.parts.spin_ns);
        loop {
            if self.has_inbox() || self.parts.ring.is_due() {
                return Ok(true);
            }
            if now_ns() >= end_ns {
                return Ok(false);
            }
            for _ in 0..16 {
                std::hint::spin_loop();
            }
        }
    }

    fn has_inbox(&self) -> bool {
        !self.parts.mesh.is_empty() || self.parts.shared.has_errands(self.parts.index)
    }

    /// Ends every peer and waits, within a bound, for the kernel to give their operations back.
    fn stop(&mut self) -> io::Result<()> {
        self.parts.shared.report_stopped(self.parts.index);
        let end_ns = self.now_ns + STOP_NS_MAX;
        self.parts.peers.close_all();
        self.settle();
        while (!self.parts.peers.is_empty() || self.is_listening()) && self.now_ns < end_ns {
            self.parts.ring.enter(Some(end_ns - self.now_ns))?;
            self.now_ns = now_ns();
            self.work_completions();
            self.settle();
        }
        self.count();
        Ok(())
    }
}
