//! What a shard of the proxy does: events of its connections become commands, commands become replies.
//!
//! ```text
//! received ─► Connection::poll ─► dispatch ─► mine: execute, answer      (one copy, no allocation)
//!                                         └► other shard's: park, mesh ─► errand there ─► parcel back ─► answer
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use prism_backends::KeyHasher;
use prism_proto::h2::server::Footprint;
use prism_proto::h2::{Event, server};
use prism_shard::{Application, Mesh, PeerId, Slab, Timers, Turn};

use crate::backends::Instances;
use crate::budget::{Budget, Sums};
use crate::call::{Parcel, Parked};
use crate::client::Client;
use crate::lifetime::Lifetime;
use crate::limits::DRAIN_PATIENCE_NS;
use crate::registry::Registry;
use crate::services::Connection;
use crate::services::health::Health;
use crate::services::reflection::Reflection;
use crate::status;
use crate::upkeep::Upkeep;
use crate::wire::Wire;

/// The token of the timer that looks after connections.
const UPKEEP_TIMER: u64 = 0;
/// The token of the timer that ends the patience with clients that do not answer a drain.
const DRAIN_TIMER: u64 = 1;

/// What the process tells a shard while it runs.
#[derive(Debug)]
pub(crate) enum Control {
    /// A new configuration is in force.
    Reload(Arc<Registry>),
}

/// The proxy's application on one shard.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) registry: Arc<Registry>,
    pub(crate) hasher: KeyHasher,
    pub(crate) backends: Instances,
    /// Calls that wait for another shard.
    pub(crate) calls: Slab<Parked>,
    /// Replies that found the mesh full; bounded, since each answers a parked call of its shard.
    pub(crate) replies_held: VecDeque<(u32, Parcel)>,
    pub(crate) health: Health,
    pub(crate) reflection: Reflection,
    pub(crate) draining: bool,
    /// What the connections of all shards hold.
    pub(crate) budget: Budget,
    pub(crate) upkeep: Upkeep,
    services: Vec<&'static str>,
    engine: server::Config,
    /// Connections that are not over.
    clients: usize,
}

/// What a call may use of the turn besides its own connection.
pub(crate) struct Lane<'t> {
    pub(crate) mesh: &'t mut Mesh<Parcel>,
    pub(crate) now_ns: u64,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
}

/// What a call may use of a turn, borrowed from its fields one by one so that the peers stay free.
macro_rules! lane {
    ($turn:ident) => {
        Lane { mesh: &mut *$turn.mesh, now_ns: $turn.now_ns, shard: $turn.shard, shards: $turn.shards }
    };
}
pub(crate) use lane;

impl Proxy {
    /// The application of one of the shards whose connections are counted in `sums`.
    pub(crate) fn new(registry: Arc<Registry>, hasher: KeyHasher, shard: u32, sums: Sums) -> Self {
        let shards = sums.shards();
        let services = crate::dispatch::served();
        let mut backends = Instances::default();
        backends.follow(&registry, shards);
        let mut health = Health::default();
        health.refresh(&registry, &services, false);
        Self {
            hasher,
            backends,
            calls: Slab::new(registry.limits.calls_per_shard_max),
            replies_held: VecDeque::new(),
            health,
            reflection: Reflection::new(&services),
            draining: false,
            budget: Budget::new(sums, shard, registry.limits.buffer_bytes_max),
            upkeep: Upkeep::default(),
            services,
            engine: server::Config { limits: registry.limits },
            clients: 0,
            registry,
        }
    }

    /// Feeds a connection and does what it asks for. Returns whether it reads no further until its output is sent.
    fn pump(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) -> bool {
        let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { return false };
        let mut lane = lane!(turn);
        client.connection.set_room(self.budget.room(client.counted));
        let input = client.connection.begin(bytes);
        while let Some(event) = client.connection.poll(&input, lane.now_ns) {
            self.event(&mut lane, peer, client, event);
        }
        client.connection.end(input);
        self.settle(&mut lane, peer, client);
        client.connection.wants_pause()
    }

    /// Lets a connection go on with what it kept, and reads it as long as it wants that.
    pub(crate) fn go_on(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        if self.pump(turn, peer, &[]) {
            turn.peers.pause_reading(peer);
        } else {
            turn.peers.resume_reading(peer);
        }
    }

    /// After a connection has changed: goes on with what waited for room, and counts what it holds.
    #[inline]
    pub(crate) fn settle(&mut self, lane: &mut Lane<'_>, peer: PeerId, client: &mut Client) {
        if client.has_deferred() {
            self.resume(lane, peer, client);
        }
        self.budget.count(&mut client.counted, client.connection.footprint());
        self.upkeep.note(peer, client);
    }

    fn event(&mut self, lane: &mut Lane<'_>, peer: PeerId, client: &mut Client, event: Event<'_>) {
        let connection = &mut client.connection;
        match event {
            Event::Unary(call) => {
                self.call(lane, peer, client, &call);
                client.connection.recycle(call.message);
            }
            // Reflection is the only service whose client streams.
            Event::Opened { stream, .. } => connection.open(stream, &[]),
            Event::Message { stream, message } => self.reflection.message(connection, stream, &message),
            Event::HalfClosed { stream } => connection.finish(stream, &prism_proto::status::Status::OK, &[]),
            Event::Reset { stream } => {
                client.forget(stream);
                self.health.forget(|watcher| watcher.peer == peer && watcher.stream == stream);
            }
            // Answers wait in the connection; nobody here produces more than it has room for.
            Event::Writable { .. } => {}
        }
    }

    /// Makes sure that connections are looked after as long as there are any.
    fn set_upkeep(&mut self, timers: &mut Timers, now_ns: u64) {
        if self.clients > 0 && !self.upkeep.is_set {
            // A full table of timers is no loss: the next connection tries again.
            self.upkeep.is_set = timers.set(now_ns + self.upkeep.interval_ns(), UPKEEP_TIMER).is_ok();
        }
    }

    /// Sends what found the mesh full before; stops at the first that still does not fit.
    fn flush_replies(&mut self, turn: &mut Turn<'_, Self>) {
        while let Some((to, parcel)) = self.replies_held.pop_front() {
            if let Err(parcel) = turn.mesh.send(to, parcel) {
                self.replies_held.push_front((to, parcel));
                break;
            }
        }
    }

    /// Asks every client to go; for the second time, without waiting for its answer.
    fn drain_peers(&mut self, turn: &mut Turn<'_, Self>) {
        let peers: Vec<PeerId> = turn.peers.ids().collect();
        for peer in peers {
            if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
                client.connection.drain(turn.now_ns);
            }
        }
    }

    fn tell_watchers(&mut self, turn: &mut Turn<'_, Self>) {
        for (peer, stream, response) in self.health.changes() {
            if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
                crate::services::send_message(&mut client.connection, stream, &response);
            }
        }
    }
}

impl Application for Proxy {
    type Machine = Wire;
    type Parcel = Parcel;
    type Control = Control;

    fn connected(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) -> Wire {
        self.clients += 1;
        self.set_upkeep(turn.timers, turn.now_ns);
        let chance = self.hasher.hash(0, &[peer.to_bits().to_le_bytes(), turn.now_ns.to_le_bytes()].concat());
        let lifetime = Lifetime::new(&self.engine.limits, turn.now_ns, chance);
        Wire::Client(Client::new(Connection::new(&self.engine, turn.now_ns), lifetime))
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        if self.pump(turn, peer, bytes) {
            turn.peers.pause_reading(peer);
        }
    }

    /// What its client still waits for is answered.
    fn ended(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
            client.connection.end_of_input();
            self.go_on(turn, peer);
        }
    }

    /// A connection that held back because much waited to be sent goes on with what it kept.
    fn flushed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.go_on(turn, peer);
    }

    fn closed(&mut self, _turn: &mut Turn<'_, Self>, peer: PeerId, mut machine: Wire) {
        self.clients -= 1;
        self.budget.count(&mut machine.client().counted, Footprint::default());
        self.health.forget(|watcher| watcher.peer == peer);
    }

    fn parcel(&mut self, turn: &mut Turn<'_, Self>, from: u32, parcel: Parcel) {
        match parcel {
            Parcel::Command(errand) => self.errand(turn, from, errand),
            Parcel::Reply { call, outcome } => self.answered(turn, call, outcome),
        }
    }

    fn expired(&mut self, turn: &mut Turn<'_, Self>, token: u64) {
        match token {
            UPKEEP_TIMER => {
                self.upkeep.is_set = false;
                self.look_after(turn);
                self.set_upkeep(turn.timers, turn.now_ns);
            }
            DRAIN_TIMER => self.drain_peers(turn),
            _ => debug_assert!(false, "the proxy sets no other timer"),
        }
    }

    fn control(&mut self, turn: &mut Turn<'_, Self>, control: Control) {
        match control {
            Control::Reload(registry) => {
                self.backends.follow(&registry, turn.shards);
                self.engine = server::Config { limits: registry.limits };
                self.budget.set_bytes_max(registry.limits.buffer_bytes_max);
                self.registry = registry;
                self.health.refresh(&self.registry, &self.services, self.draining);
                self.tell_watchers(turn);
            }
        }
    }

    fn drain(&mut self, turn: &mut Turn<'_, Self>) {
        self.draining = true;
        self.health.refresh(&self.registry, &self.services, true);
        self.tell_watchers(turn);
        for watcher in self.health.take_watchers() {
            if let Some(client) = turn.peers.get_mut(watcher.peer).map(Wire::client) {
                client.connection.finish(watcher.stream, &status::draining(), &[]);
            }
        }
        self.drain_peers(turn);
        if turn.timers.set(turn.now_ns + DRAIN_PATIENCE_NS, DRAIN_TIMER).is_err() {
            // No room for a timer: do without the patience.
            self.drain_peers(turn);
        }
    }

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        self.clients == 0 && self.replies_held.is_empty() && self.calls.is_empty()
    }

    fn tend(&mut self, turn: &mut Turn<'_, Self>) -> bool {
        self.budget.exchange();
        self.flush_replies(turn);
        let more = !self.replies_held.is_empty();
        more | self.backends.tend(turn.now_ns)
    }
}
