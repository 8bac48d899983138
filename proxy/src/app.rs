//! What a shard of the proxy does: events of its connections become commands, commands become replies.
//!
//! ```text
//! received ─► Connection::poll ─► dispatch ─► mine: execute, answer      (one copy, no allocation)
//!                                         └► other shard's: park, mesh ─► errand there ─► parcel back ─► answer
//! ```

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use prism_backends::{Failure, KeyHasher, OwnedReply};
use prism_proto::h2::{Event, server};
use prism_shard::{Application, CounterText, Counters, Mesh, PeerId, Slab, SlabKey, Timers, Turn};

use crate::backends::Instances;
use crate::call::{Parcel, Parked};
use crate::client::{Client, Progress, charge_event};
use crate::handshakes::Handshakes;
use crate::registry::Registry;
use crate::services::Connection;
use crate::services::health::Health;
use crate::services::reflection::Reflection;
use crate::wire::Wire;
use crate::{statistics, status};

/// The token of the timer that looks for passed deadlines.
const SWEEP_TIMER: u64 = 0;
/// The token of the timer that ends the patience with clients that do not answer a drain.
const DRAIN_TIMER: u64 = 1;
/// The token of the timer that ends handshakes.
const HANDSHAKE_TIMER: u64 = 2;
/// How long a drain waits for a client to have seen the first GOAWAY, so that calls that cross it on their way are
/// still served. A client that does not answer its PING by then is told the last call that counts.
const DRAIN_PATIENCE_NS: u64 = 300_000_000;
/// How often parked calls are looked at for their deadlines. One timer for all, because most calls are answered long
/// before theirs: a timer for each would outlive its call by far.
const SWEEP_INTERVAL_NS: u64 = 5_000_000;

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
    /// The sweep of parked calls for passed deadlines is due at some time.
    pub(crate) is_sweep_set: bool,
    services: Vec<&'static str>,
    engine: server::Config,
    /// What keeps clients from choosing stream identifiers that are slow to find.
    secret: u64,
    handshakes: Handshakes,
    peers: HashSet<PeerId>,
}

/// What a call may use of the turn besides its own connection.
pub(crate) struct Lane<'t> {
    pub(crate) mesh: &'t mut Mesh<Parcel>,
    pub(crate) timers: &'t mut Timers,
    pub(crate) now_ns: u64,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    /// Calls of this connection that wait for another shard.
    pub(crate) parked: &'t mut usize,
    pub(crate) counters: &'t mut Counters,
}

impl Proxy {
    /// The application of one of `shards` shards.
    pub(crate) fn new(registry: Arc<Registry>, hasher: KeyHasher, shards: u32) -> Self {
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
            is_sweep_set: false,
            services,
            engine: server::Config { limits: registry.limits },
            secret: RandomState::new().hash_one(shards),
            handshakes: Handshakes::default(),
            peers: HashSet::new(),
            registry,
        }
    }

    /// Feeds a connection and does what it asks for, as far as its share of the turn goes; what is left over goes on in
    /// the next turn, or when the output has been sent.
    fn serve(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        let Some(client) = turn.peers.get_mut(peer).map(Wire::whole_client) else { return };
        client.begin_turn(turn.now_ns, bytes.len());
        let Client { connection, parked, .. } = client;
        let mut lane = Lane {
            mesh: turn.mesh,
            timers: turn.timers,
            now_ns: turn.now_ns,
            shard: turn.shard,
            shards: turn.shards,
            parked,
            counters: turn.counters,
        };
        let input = connection.begin(bytes);
        while connection.effort_left() > 0
            && let Some(event) = connection.poll(&input, lane.now_ns)
        {
            let before = connection.output().len();
            self.event(&mut lane, peer, connection, event);
            let answer_bytes = connection.output().len() - before;
            charge_event(connection, answer_bytes);
        }
        connection.end(input);
        if let Some(counts) = connection.take_counts() {
            statistics::add(turn.counters, &counts);
        }
        let progress = client.progress();
        let wants_pause = match progress {
            Progress::Done => false,
            Progress::Blocked => true,
            Progress::MoreNextTurn { is_much } => is_much || client.is_paused,
        };
        let is_paused = std::mem::replace(&mut client.is_paused, wants_pause);
        match (is_paused, wants_pause) {
            (false, true) => turn.peers.pause_reading(peer),
            (true, false) => turn.peers.resume_reading(peer),
            _ => {}
        }
        if matches!(progress, Progress::MoreNextTurn { .. }) {
            turn.counters.add_own(statistics::SHARES_USED_UP_AT, 1);
            turn.peers.call_again(peer);
        }
    }

    fn event(&mut self, lane: &mut Lane<'_>, peer: PeerId, connection: &mut Connection, event: Event<'_>) {
        match event {
            Event::Unary(call) => {
                self.call(lane, peer, connection, &call);
                connection.recycle(call.message);
            }
            // Reflection is the only service whose client streams.
            Event::Opened { stream, .. } => connection.open(stream, &[]),
            Event::Message { stream, message } => self.reflection.message(connection, stream, &message),
            Event::HalfClosed { stream } => connection.finish(stream, &prism_proto::status::Status::OK, &[]),
            Event::Reset { stream } => {
                self.health.forget(peer, stream);
            }
            // Answers wait in the connection; nobody here produces more than it has room for.
            Event::Writable { .. } => {}
        }
    }

    /// The answer of another shard: to the connection, if both it and the call are still there.
    fn answered(&mut self, turn: &mut Turn<'_, Self>, call: u64, outcome: Result<OwnedReply, Failure>) {
        let Some(parked) = self.calls.remove(SlabKey::from_bits(call)) else { return };
        let Some(client) = turn.peers.get_mut(parked.peer).map(Wire::whole_client) else { return };
        client.parked = client.parked.saturating_sub(1);
        let connection = &mut client.connection;
        match outcome {
            Ok(reply) => crate::services::keyvalue::answer(connection, parked.stream, reply.view()),
            Err(failure) => connection.finish(parked.stream, &status::from_failure(failure), &[]),
        }
    }

    /// Answers parked calls whose deadline has passed, and looks again later while any has one.
    fn sweep_deadlines(&mut self, turn: &mut Turn<'_, Self>) {
        let due = |parked: &Parked| parked.deadline_ns != 0 && parked.deadline_ns <= turn.now_ns;
        let expired: Vec<SlabKey> = self.calls.iter().filter(|(_, parked)| due(parked)).map(|(key, _)| key).collect();
        for key in expired {
            let Some(parked) = self.calls.remove(key) else { continue };
            if let Some(client) = turn.peers.get_mut(parked.peer).map(Wire::whole_client) {
                client.parked = client.parked.saturating_sub(1);
                client.connection.finish(parked.stream, &status::expired_waiting(), &[]);
            }
        }
        if self.calls.iter().any(|(_, parked)| parked.deadline_ns != 0) {
            self.set_sweep(turn.timers, turn.now_ns);
        }
    }

    /// Makes sure that parked calls are looked at for their deadlines.
    pub(crate) fn set_sweep(&mut self, timers: &mut Timers, now_ns: u64) {
        // A full table of timers is no loss: the next call that parks tries again.
        self.is_sweep_set = self.is_sweep_set || timers.set(now_ns + SWEEP_INTERVAL_NS, SWEEP_TIMER).is_ok();
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
        for peer in &self.peers {
            if let Some(connection) = turn.peers.get_mut(*peer).map(Wire::client) {
                connection.drain(turn.now_ns);
            }
        }
    }

    /// Ends the clients whose time for the handshake is over.
    fn end_handshakes(&mut self, turn: &mut Turn<'_, Self>) {
        self.handshakes.is_timer_set = false;
        while let Some(peer) = self.handshakes.take_due(turn.now_ns) {
            if is_shaking_hands(turn, peer)
                && let Some(connection) = turn.peers.get_mut(peer).map(Wire::client)
            {
                connection.handshake_timed_out();
                if let Some(counts) = connection.take_counts() {
                    statistics::add(turn.counters, &counts);
                }
            }
        }
        self.set_handshake_timer(turn);
    }

    /// Makes sure that the next handshake is ended in time; without room for a timer, the next connection tries again.
    fn set_handshake_timer(&mut self, turn: &mut Turn<'_, Self>) {
        let Some(next_ns) = self.handshakes.next_ns() else { return };
        self.handshakes.is_timer_set =
            self.handshakes.is_timer_set || turn.timers.set(next_ns, HANDSHAKE_TIMER).is_ok();
    }

    fn tell_watchers(&mut self, turn: &mut Turn<'_, Self>) {
        for (peer, stream, response) in self.health.changes() {
            if let Some(connection) = turn.peers.get_mut(peer).map(Wire::client) {
                crate::services::send_message(connection, stream, &response);
            }
        }
    }
}

fn is_shaking_hands(turn: &Turn<'_, Proxy>, peer: PeerId) -> bool {
    turn.peers.get(peer).is_some_and(Wire::is_shaking_hands)
}

impl Application for Proxy {
    type Machine = Wire;
    type Parcel = Parcel;
    type Control = Control;

    const COUNTERS: &'static [CounterText] = statistics::COUNTERS;

    fn connected(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) -> Wire {
        self.peers.insert(peer);
        let timeout_ns = self.engine.limits.handshake_timeout_ns;
        if timeout_ns > 0 {
            self.handshakes.begin(peer, turn.now_ns.saturating_add(timeout_ns), |peer| is_shaking_hands(turn, peer));
            self.set_handshake_timer(turn);
        }
        Wire::Client(Client::new(Connection::new(&self.engine, turn.now_ns).with_secret(self.secret)))
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        self.serve(turn, peer, bytes);
    }

    fn called_again(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.serve(turn, peer, &[]);
    }

    /// A connection that held back because much waited to be sent goes on with what it kept.
    fn flushed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.serve(turn, peer, &[]);
    }

    fn closed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, mut machine: Wire) {
        if let Some(counts) = machine.client().take_counts() {
            statistics::add(turn.counters, &counts);
        }
        self.peers.remove(&peer);
        self.health.forget_all(peer);
    }

    fn parcel(&mut self, turn: &mut Turn<'_, Self>, from: u32, parcel: Parcel) {
        match parcel {
            Parcel::Command(errand) => self.errand(turn, from, errand),
            Parcel::Reply { call, outcome } => self.answered(turn, call, outcome),
        }
    }

    fn expired(&mut self, turn: &mut Turn<'_, Self>, token: u64) {
        match token {
            SWEEP_TIMER => {
                self.is_sweep_set = false;
                self.sweep_deadlines(turn);
            }
            DRAIN_TIMER => self.drain_peers(turn),
            HANDSHAKE_TIMER => self.end_handshakes(turn),
            _ => debug_assert!(false, "the proxy sets no other timer"),
        }
    }

    fn control(&mut self, turn: &mut Turn<'_, Self>, control: Control) {
        match control {
            Control::Reload(registry) => {
                self.backends.follow(&registry, turn.shards);
                self.engine = server::Config { limits: registry.limits };
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
            if let Some(connection) = turn.peers.get_mut(watcher.peer).map(Wire::client) {
                connection.finish(watcher.stream, &status::draining(), &[]);
            }
        }
        self.drain_peers(turn);
        if turn.timers.set(turn.now_ns + DRAIN_PATIENCE_NS, DRAIN_TIMER).is_err() {
            // No room for a timer: do without the patience.
            self.drain_peers(turn);
        }
    }

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        self.peers.is_empty() && self.replies_held.is_empty() && self.calls.is_empty()
    }

    fn tend(&mut self, turn: &mut Turn<'_, Self>) -> bool {
        self.flush_replies(turn);
        let more = !self.replies_held.is_empty();
        more | self.backends.tend(turn.now_ns)
    }
}
