//! What a shard of the proxy does: events of its connections become commands, commands become replies.
//!
//! ```text
//! received ─► Connection::poll ─► dispatch ─► mine: execute, answer      (one copy, no allocation)
//!                                         └► other shard's: park, mesh ─► errand there ─► parcel back ─► answer
//! ```

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use prism_backends::KeyHasher;
use prism_proto::h2::server::Footprint;
use prism_proto::h2::{Event, LargeBuffers, server};
use prism_shard::{Application, CounterText, Counters, Mesh, PeerId, Slab, Timers, Turn};

use crate::ahead::Outlook;
use crate::backends::Instances;
use crate::batch::{Gather, Results};
use crate::budget::{Budget, Sums};
use crate::call::{Parcel, Parked};
use crate::client::Client;
use crate::handshakes::Handshakes;
use crate::lifetime::Lifetime;
use crate::limits::DRAIN_PATIENCE_NS;
use crate::pull::{Desk, Pull, Waits};
use crate::registry::Registry;
use crate::services::Connection;
use crate::services::health::Health;
use crate::services::reflection::Reflection;
use crate::share::{Progress, charge_event};
use crate::tails::{Followed, Tails};
use crate::upkeep::Upkeep;
use crate::wire::Wire;
use crate::{statistics, status};

/// The token of the timer that looks after connections.
const UPKEEP_TIMER: u64 = 0;
/// The token of the timer that ends the patience with clients that do not answer a drain.
const DRAIN_TIMER: u64 = 1;
/// The token of the timer that ends handshakes.
const HANDSHAKE_TIMER: u64 = 2;
/// The token of the timer that ends waits.
pub(crate) const WAIT_TIMER: u64 = 3;

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
    /// How many shards there are.
    pub(crate) shards: u32,
    pub(crate) backends: Instances,
    /// Calls that wait for another shard.
    pub(crate) calls: Slab<Parked>,
    /// Calls that are answered page by page.
    pub(crate) pulls: Slab<Pull>,
    /// Batches with parts that are being executed.
    pub(crate) batches: Slab<Box<Gather>>,
    /// Memory for the results of a batch.
    pub(crate) batch_results: Results,
    /// Whose turn it is to have a page made.
    pub(crate) desk: Desk,
    /// Those of them that wait no longer than they were told to.
    pub(crate) waits: Waits,
    /// The ends of logs at which some of them wait.
    pub(crate) tails: Tails,
    /// The logs of this shard that somebody follows.
    pub(crate) followed: Followed,
    /// Replies that found the mesh full, bounded since each answers a parked call of its shard, and notices, bounded by
    /// the pulls that they are about.
    pub(crate) replies_held: VecDeque<(u32, Parcel)>,
    pub(crate) health: Health,
    pub(crate) reflection: Reflection,
    pub(crate) draining: bool,
    /// What the connections of all shards hold.
    pub(crate) budget: Budget,
    pub(crate) upkeep: Upkeep,
    /// Memory for large messages, lent to one connection at a time.
    pub(crate) large: LargeBuffers,
    services: Vec<&'static str>,
    engine: server::Config,
    /// What keeps clients from choosing stream identifiers that are slow to find.
    secret: u64,
    handshakes: Handshakes,
    /// Connections that are not over.
    clients: usize,
}

/// What a call may use of the turn besides its own connection.
pub(crate) struct Lane<'t> {
    pub(crate) mesh: &'t mut Mesh<Parcel>,
    pub(crate) now_ns: u64,
    pub(crate) unix_ms: u64,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    pub(crate) counters: &'t mut Counters,
}

/// What a call may use of a turn, borrowed from its fields one by one so that the peers stay free.
macro_rules! lane {
    ($turn:ident) => {
        Lane {
            mesh: &mut *$turn.mesh,
            now_ns: $turn.now_ns,
            unix_ms: $turn.unix_ms,
            shard: $turn.shard,
            shards: $turn.shards,
            counters: &mut *$turn.counters,
        }
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
            shards,
            backends,
            calls: Slab::new(registry.limits.calls_per_shard_max),
            pulls: Slab::new(registry.limits.calls_per_shard_max),
            batches: Slab::new(registry.limits.calls_per_shard_max),
            batch_results: Results::default(),
            desk: Desk::default(),
            waits: Waits::default(),
            tails: Tails::new(registry.limits.calls_per_shard_max),
            followed: Followed::default(),
            replies_held: VecDeque::new(),
            health,
            reflection: Reflection::new(&services),
            draining: false,
            budget: Budget::new(sums, shard, registry.limits.buffer_bytes_max),
            upkeep: Upkeep::default(),
            large: LargeBuffers::default(),
            services,
            engine: server::Config { limits: registry.limits },
            secret: RandomState::new().hash_one(shards),
            handshakes: Handshakes::default(),
            clients: 0,
            registry,
        }
    }

    /// Feeds a connection and does what it asks for, as far as its share of the turn goes; what is left over goes on in
    /// the next turn, or when the output has been sent.
    pub(crate) fn serve(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { return };
        let mut lane = lane!(turn);
        client.begin_turn(lane.now_ns, bytes.len());
        client.connection.set_room(self.budget.room(client.counted));
        client.connection.lend(std::mem::take(&mut self.large));
        let input = client.connection.begin(bytes);
        let mut outlook = self.backends.are_large().then(|| Outlook::new(input.ahead()));
        while client.connection.effort_left() > 0 {
            if let Some(outlook) = &mut outlook {
                self.look_ahead(&lane, outlook);
            }
            let Some(event) = client.connection.poll(&input, lane.now_ns) else { break };
            let before = client.connection.output().len();
            self.event(&mut lane, peer, client, event);
            let answer_bytes = client.connection.output().len() - before;
            charge_event(&mut client.connection, answer_bytes);
        }
        client.connection.end(input);
        self.large = client.connection.take_back();
        self.settle(&mut lane, peer, client);
        if let Some(counts) = client.connection.take_counts() {
            statistics::add(turn.counters, &counts);
        }
        let progress = client.progress();
        let wants_pause = match progress {
            Progress::Done => false,
            Progress::Blocked => true,
            Progress::MoreNextTurn { is_much } => is_much || client.is_paused,
        };
        let is_paused = std::mem::replace(&mut client.is_paused, wants_pause);
        let expects_much = client.expects_much(turn.now_ns);
        if std::mem::replace(&mut client.is_read_long, expects_much) != expects_much {
            turn.peers.read_long(peer, expects_much);
        }
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

    /// After a connection has changed: goes on with what waited for room, and counts what it holds.
    #[inline]
    pub(crate) fn settle(&mut self, lane: &mut Lane<'_>, peer: PeerId, client: &mut Client) {
        if client.has_deferred() {
            self.resume(lane, peer, client);
        }
        if client.has_waiting_batches() {
            self.feed_batches(lane, client);
        }
        if let Some(wanted_bytes) = client.pulls.wanted_bytes() {
            self.feed_pulls(client, wanted_bytes);
        }
        let mut footprint = client.connection.footprint();
        footprint.other_bytes += client.pulls.bytes();
        self.budget.count(&mut client.counted, footprint);
        self.upkeep.note(peer, client, lane.now_ns);
        self.budget.set_waiting(self.upkeep.waiting_ns());
    }

    fn event(&mut self, lane: &mut Lane<'_>, peer: PeerId, client: &mut Client, event: Event<'_>) {
        let connection = &mut client.connection;
        match event {
            Event::Unary(mut call) => {
                if !self.adopt(lane, client, &mut call) {
                    self.call(lane, peer, client, &call);
                }
                client.connection.recycle(call.message);
            }
            // Reflection is the only service whose client streams.
            Event::Opened { stream, .. } => connection.open(stream, &[]),
            Event::Message { stream, message } => self.reflection.message(connection, stream, &message),
            Event::HalfClosed { stream } => connection.finish(stream, &prism_proto::status::Status::OK, &[]),
            Event::Reset { stream } => {
                client.forget(stream);
                self.forget_pull(client, stream);
                self.health.forget(peer, stream);
            }
            Event::Writable { stream } => self.unblock_pull(client, stream),
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

    /// Ends the clients whose time for the handshake is over.
    fn end_handshakes(&mut self, turn: &mut Turn<'_, Self>) {
        self.handshakes.is_timer_set = false;
        while let Some(peer) = self.handshakes.take_due(turn.now_ns) {
            if is_shaking_hands(turn, peer)
                && let Some(client) = turn.peers.get_mut(peer).map(Wire::client)
            {
                client.connection.handshake_timed_out();
                if let Some(counts) = client.connection.take_counts() {
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
            if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
                crate::services::send_message(&mut client.connection, stream, &response);
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
        self.clients += 1;
        self.set_upkeep(turn.timers, turn.now_ns);
        let chance = self.hasher.hash(0, &[peer.to_bits().to_le_bytes(), turn.now_ns.to_le_bytes()].concat());
        let lifetime = Lifetime::new(&self.engine.limits, turn.now_ns, chance);
        let timeout_ns = self.engine.limits.handshake_timeout_ns;
        if timeout_ns > 0 {
            self.handshakes.begin(peer, turn.now_ns.saturating_add(timeout_ns), |peer| is_shaking_hands(turn, peer));
            self.set_handshake_timer(turn);
        }
        Wire::Client(Client::new(Connection::new(&self.engine, turn.now_ns).with_secret(self.secret), lifetime))
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        self.serve(turn, peer, bytes);
    }

    fn called_again(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.serve(turn, peer, &[]);
    }

    /// What its client still waits for is answered.
    fn ended(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
            client.connection.end_of_input();
            self.serve(turn, peer, &[]);
        }
    }

    /// A connection that held back because much waited to be sent goes on with what it kept.
    fn flushed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.serve(turn, peer, &[]);
    }

    fn closed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, mut machine: Wire) {
        let client = machine.client();
        if let Some(counts) = client.connection.take_counts() {
            statistics::add(turn.counters, &counts);
        }
        self.clients -= 1;
        if self.clients == 0 {
            // Nobody looks after them any more.
            self.large = LargeBuffers::default();
        }
        self.budget.count(&mut client.counted, Footprint::default());
        self.forget_pulls(client);
        self.health.forget_all(peer);
    }

    fn parcel(&mut self, turn: &mut Turn<'_, Self>, from: u32, parcel: Parcel) {
        match parcel {
            Parcel::Command(errand) => self.errand(turn, from, errand),
            Parcel::Part { call, part } => self.desk.ask_part(from, call, part),
            Parcel::Reply { call, outcome } => self.answered(turn, call, outcome),
            Parcel::Notice(notice) => self.heed(turn, from, notice),
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
            HANDSHAKE_TIMER => self.end_handshakes(turn),
            WAIT_TIMER => self.end_waits(turn),
            _ => debug_assert!(false, "the proxy sets no other timer"),
        }
    }

    fn control(&mut self, turn: &mut Turn<'_, Self>, control: Control) {
        match control {
            Control::Reload(registry) => {
                self.backends.follow(&registry, turn.shards);
                self.engine = server::Config { limits: registry.limits };
                self.budget.set_bytes_max(registry.limits.buffer_bytes_max);
                let before = std::mem::replace(&mut self.registry, registry);
                self.end_pulls_without_place(turn, &before);
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
        self.drain_pulls(turn);
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
        let more = self.tails_turn(turn) | self.pull_turn(turn);
        self.waits.set_timer(turn.timers);
        self.flush_replies(turn);
        let more = more | !self.replies_held.is_empty();
        let more = more | self.backends.tend(turn.now_ns);
        statistics::set_memory(turn.counters, &self.backends.memory());
        more
    }
}
