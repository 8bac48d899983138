//! One shard: its parts, and the turn loop that moves bytes between them.
//!
//! A turn reaps completions, feeds the application, queues what came of it on the ring, and enters the kernel once,
//! which submits all of that and, when nothing is known to wait, sleeps until there is something.

use std::io;
use std::sync::Arc;

use crate::accept::Acceptor;
use crate::application::{Application, Turn};
use crate::buffers::Buffers;
use crate::clock::{epoch_ns, now_ns};
use crate::counters::{Counter, Counters};
use crate::limits::{CALLS_AGAIN_PER_TURN_MAX, STOP_NS_MAX, TICK_NS};
use crate::mesh::Mesh;
use crate::peers::Peers;
use crate::ring::{Completion, Ring};
use crate::shared::Shared;
use crate::timers::Timers;

/// The application's view of the shard, borrowed from its fields one by one so that the application itself stays free.
macro_rules! turn {
    ($shard:ident) => {
        Turn {
            peers: &mut $shard.parts.peers,
            mesh: &mut $shard.parts.mesh,
            timers: &mut $shard.timers,
            counters: &mut $shard.parts.counters,
            now_ns: $shard.now_ns,
            unix_ms: $shard.unix_ms,
            shard: $shard.parts.index,
            shards: $shard.parts.shared.shards(),
        }
    };
}

mod settle;
mod sleep;
mod work;

/// The parts that a shard is made of; those that need the shard's own thread are made there.
pub(crate) struct Parts<A: Application> {
    pub(crate) index: u32,
    pub(crate) ring: Ring,
    pub(crate) buffers: Buffers,
    pub(crate) long_buffers: Buffers,
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
    unix_ms: u64,
    /// See [`epoch_ns`]; as of the start of the tick.
    epoch_ns: u64,
    draining: bool,
    /// Whether something has happened to the listeners or to the room for connections; set at every tick as well,
    /// because other shards' connections close unheard.
    look_at_acceptor: bool,
    /// The application has background work to go on with.
    has_more: bool,
    enters_counted: u64,
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
            unix_ms: 0,
            epoch_ns: 0,
            draining: false,
            look_at_acceptor: true,
            has_more: false,
            enters_counted: 0,
        }
    }

    /// Runs turns until the tick is over. False when the shard has stopped.
    pub(crate) fn run_tick(&mut self) -> io::Result<bool> {
        let tick_end_ns = now_ns() + TICK_NS;
        self.look_at_acceptor = true;
        self.epoch_ns = epoch_ns();
        loop {
            self.turn();
            if self.is_to_stop() {
                self.stop()?;
                return Ok(false);
            }
            self.enter(tick_end_ns)?;
            if self.now_ns >= tick_end_ns {
                return Ok(true);
            }
        }
    }

    /// Everything but the wait.
    fn turn(&mut self) {
        self.now_ns = now_ns();
        self.unix_ms = (self.epoch_ns + self.now_ns) / 1_000_000;
        // Those that had more to do than their share come after what is new, and before what they ask for now.
        let again = self.parts.peers.again().min(CALLS_AGAIN_PER_TURN_MAX);
        self.work_completions();
        self.work_again(again);
        self.work_parcels();
        self.work_errands();
        self.work_timers();
        self.work_drain();
        self.has_more = self.parts.application.tend(&mut turn!(self));
        self.parts.peers.end_lingering(self.now_ns);
        self.settle();
        self.count();
    }

    /// Begins a drain that was asked for, and says when it is done.
    fn work_drain(&mut self) {
        if self.parts.shared.stop_ns().is_none() {
            return;
        }
        if !self.draining {
            self.draining = true;
            self.look_at_acceptor = true;
            if let Some(acceptor) = self.parts.acceptor.as_mut() {
                acceptor.close();
            }
            self.parts.application.drain(&mut turn!(self));
        }
        let drained = self.parts.application.is_drained(&mut turn!(self))
            && !self.is_listening()
            && !self.parts.peers.is_sending()
            && self.parts.peers.again() == 0
            && !self.parts.peers.has_work();
        self.parts.shared.report_drained(self.parts.index, drained);
    }

    fn is_listening(&self) -> bool {
        self.parts.acceptor.as_ref().is_some_and(|acceptor| !acceptor.is_closed())
    }

    fn is_to_stop(&self) -> bool {
        self.draining && self.parts.shared.stop_ns().is_some_and(|stop_ns| stop_ns <= self.now_ns)
    }

    fn count(&mut self) {
        let (sent, full) = self.parts.mesh.tally();
        let counters = &mut self.parts.counters;
        counters.add(Counter::Turns, 1);
        counters.add(Counter::ParcelsSent, sent);
        counters.add(Counter::MeshFull, full);
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
