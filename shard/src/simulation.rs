//! Shards without threads, sockets or a clock of their own: a test decides whose turn it is, what has arrived and what
//! time it is, so that one seed always gives the same run.
//!
//! The application is the real one, and so are peers, mesh, timers and the order of work within a turn. What the kernel
//! does is left out: bytes that a machine puts out are simply there, and every send ends at once.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use crate::application::{Application, Machine as _, Turn};
use crate::counters::{Cells, Counter, Counters, Snapshot};
use crate::limits::{CALLS_AGAIN_PER_TURN_MAX, PARCELS_PER_TURN_MAX, TIMERS_PER_TURN_MAX};
use crate::mesh::Mesh;
use crate::peers::{PeerId, Peers};
use crate::timers::Timers;

/// Times that a turn goes over its peers because sending made them say more.
const FLUSHES_PER_TURN_MAX: usize = 64;

/// The time of day at instant 0: in 2025, so that it is one that a program may believe.
const EPOCH_MS: u64 = 1_750_000_000_000;

/// One simulated shard.
struct Stand<A: Application> {
    application: A,
    peers: Peers<A::Machine>,
    mesh: Mesh<A::Parcel>,
    timers: Timers,
    counters: Counters,
    arrived: VecDeque<(PeerId, Vec<u8>)>,
    sent: HashMap<PeerId, Vec<u8>>,
    closed: Vec<PeerId>,
}

/// Some shards, and the time.
pub struct Simulation<A: Application> {
    stands: Vec<Stand<A>>,
    now_ns: u64,
    cells: Vec<std::sync::Arc<crossbeam::utils::CachePadded<Cells>>>,
}

macro_rules! turn {
    ($stand:ident, $now_ns:expr, $shard:expr, $shards:expr) => {
        Turn {
            peers: &mut $stand.peers,
            mesh: &mut $stand.mesh,
            timers: &mut $stand.timers,
            counters: &mut $stand.counters,
            now_ns: $now_ns,
            unix_ms: EPOCH_MS + $now_ns / 1_000_000,
            shard: $shard,
            shards: $shards,
        }
    };
}

impl<A: Application> Simulation<A> {
    /// As many shards as there are applications; mesh queues hold `mesh_capacity` parcels. It is `now_ns`.
    pub fn new(applications: Vec<A>, mesh_capacity: usize, now_ns: u64) -> Self {
        let meshes = Mesh::build(applications.len() as u32, mesh_capacity);
        let cells: Vec<_> = applications.iter().map(|_| Cells::shared(A::COUNTERS)).collect();
        let stands = applications.into_iter().zip(meshes).zip(&cells).map(|((application, mesh), cells)| Stand {
            application,
            peers: Peers::new(usize::MAX),
            mesh,
            timers: Timers::new(),
            counters: Counters::new(cells.clone()),
            arrived: VecDeque::new(),
            sent: HashMap::new(),
            closed: Vec::new(),
        });
        Self { stands: stands.collect(), now_ns, cells }
    }

    /// The time, on the applications' clock.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Lets time pass for all shards.
    pub fn advance(&mut self, nanoseconds: u64) {
        self.now_ns += nanoseconds;
    }

    /// The application of a shard.
    pub fn application(&mut self, shard: u32) -> &mut A {
        &mut self.stands[shard as usize].application
    }

    /// What a shard has counted.
    #[must_use]
    pub fn counted(&self, shard: u32) -> Snapshot {
        self.cells[shard as usize].snapshot()
    }

    /// A client connects, and is placed on this shard.
    ///
    /// # Errors
    /// When there is no descriptor to stand for its socket.
    pub fn connect(&mut self, shard: u32) -> io::Result<PeerId> {
        let shards = self.stands.len() as u32;
        let stand = &mut self.stands[shard as usize];
        // Nothing reads or writes it.
        let socket: OwnedFd = File::open("/dev/null")?.into();
        let peer = stand.peers.place(socket, true);
        let machine = stand.application.connected(&mut turn!(stand, self.now_ns, shard, shards), peer);
        stand.peers.furnish(peer, machine);
        Ok(peer)
    }

    /// Bytes of a client arrive; its shard sees them in its next turn.
    pub fn receive(&mut self, shard: u32, peer: PeerId, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.stands[shard as usize].arrived.push_back((peer, bytes.to_vec()));
        }
    }

    /// A client goes away without a word.
    pub fn disconnect(&mut self, shard: u32, peer: PeerId) {
        self.stands[shard as usize].peers.close(peer);
        self.settle(shard);
    }

    /// What was sent to a client since the last call.
    pub fn take_sent(&mut self, shard: u32, peer: PeerId) -> Vec<u8> {
        self.stands[shard as usize].sent.remove(&peer).unwrap_or_default()
    }

    /// Whether the application has ended this client's connection.
    #[must_use]
    pub fn is_closed(&self, shard: u32, peer: PeerId) -> bool {
        self.stands[shard as usize].closed.contains(&peer)
    }

    /// Whether something waits for a shard's next turn: bytes, parcels, a peer to be called again, a timer that is due.
    #[must_use]
    pub fn has_work(&self, shard: u32) -> bool {
        let stand = &self.stands[shard as usize];
        !stand.arrived.is_empty()
            || !stand.mesh.is_empty()
            || stand.peers.again() > 0
            || stand.timers.next_ns().is_some_and(|next_ns| next_ns <= self.now_ns)
    }

    /// One turn of a shard, in the order of the real one.
    pub fn turn(&mut self, shard: u32) {
        let shards = self.stands.len() as u32;
        let now_ns = self.now_ns;
        let stand = &mut self.stands[shard as usize];
        let again = stand.peers.again().min(CALLS_AGAIN_PER_TURN_MAX);
        while let Some((peer, bytes)) = stand.arrived.pop_front() {
            if stand.peers.get(peer).is_some() {
                stand.application.received(&mut turn!(stand, now_ns, shard, shards), peer, &bytes);
            }
        }
        for _ in 0..again {
            if let Some(peer) = stand.peers.take_again() {
                stand.application.called_again(&mut turn!(stand, now_ns, shard, shards), peer);
            }
        }
        for from in 0..shards {
            let mut count = 0;
            while count < PARCELS_PER_TURN_MAX
                && let Some(parcel) = stand.mesh.take(from)
            {
                count += 1;
                stand.application.parcel(&mut turn!(stand, now_ns, shard, shards), from, parcel);
            }
            stand.mesh.release(from);
            stand.counters.add(Counter::ParcelsReceived, count as u64);
        }
        for _ in 0..TIMERS_PER_TURN_MAX {
            let Some(token) = stand.timers.pop_due(now_ns) else { break };
            stand.application.expired(&mut turn!(stand, now_ns, shard, shards), token);
        }
        stand.application.tend(&mut turn!(stand, now_ns, shard, shards));
        self.settle(shard);
        self.stands[shard as usize].mesh.publish(|_| ());
    }

    /// Takes what the peers of a shard have put out, and tells the application that it is sent and who is gone.
    fn settle(&mut self, shard: u32) {
        let (shards, now_ns) = (self.stands.len() as u32, self.now_ns);
        let stand = &mut self.stands[shard as usize];
        for _ in 0..FLUSHES_PER_TURN_MAX {
            let mut is_quiet = true;
            for peer in stand.peers.ids().collect::<Vec<_>>() {
                let Some(machine) = stand.peers.peek_mut(peer) else { continue };
                let output = std::mem::take(machine.output());
                if !output.is_empty() {
                    is_quiet = false;
                    stand.sent.entry(peer).or_default().extend_from_slice(&output);
                    stand.application.flushed(&mut turn!(stand, now_ns, shard, shards), peer);
                } else if machine.is_finished() {
                    stand.peers.close(peer);
                }
            }
            while let Some((peer, machine)) = stand.peers.take_departed() {
                stand.closed.push(peer);
                stand.application.closed(&mut turn!(stand, now_ns, shard, shards), peer, machine);
            }
            if is_quiet {
                return;
            }
        }
    }
}
