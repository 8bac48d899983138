//! The embedded store: the keys of one shard in memory.
//!
//! Each namespace has a table (extendible hashing, see `table.rs`) that maps a key's place to a record in one common
//! arena (see `arena.rs`). No operation does work that grows with the number of keys, but for the doubling of three
//! lists: directory and segments copy about 30 bytes for each thousand keys, pages 40 bytes for each 64 KiB of records.
//!
//! A key holds a value or a list (see `list/`), whose elements lie in the same arena.
//!
//! Beside the keys it holds logs (see `log/`), which take at most half of its memory: topics and streams.
//!
//! Everything held is counted before it is allocated, so the memory bound holds at all times; at the bound a write
//! first collects what has expired and compacts a sparse page, and then is refused.
//!
//! An expired key is invisible from its moment on, whatever has been collected. A timer for each key that expires (see
//! `wheel.rs`) has it collected in time, with work that depends on what expires and not on what is there.

mod adopt;
mod arena;
mod bucket;
mod budget;
mod cache;
mod class;
mod evict;
mod expiry;
mod list;
mod log;
mod logs;
mod place;
mod record;
mod scan;
mod segment;
mod share;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
mod ttl;
mod wheel;
mod word;
mod write;

use std::ops::Range;

use crate::limits::{LARGE_STORE_BYTES, LIST_NODES_PER_TEND, LOG_PAGE_BYTES_KEPT, TIMERS_PER_TEND};
use crate::{Backend, Command, Context, Execution, Failure, FailureKind, Interfaces, PlacedSet, Reply, ScanPage};
use arena::{Arena, Mark};
use budget::Budget;
use cache::Cache;
pub use evict::Eviction;
use log::Logs;
pub use log::{Appended, Bounds, Page, Records, Retention};
use place::Place;
pub use share::Bound;
pub use table::Growth;
use table::{Found, Table};
use wheel::Wheel;
use word::Reference;

/// What one shard's store is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The backend's name in the configuration, for the messages of failures.
    pub name: String,
    /// The most bytes that the store of this shard may hold: keys, values and all that is needed to find them.
    pub memory_bytes_max: usize,
    /// How many namespaces it serves; [`Context::namespace`] is below.
    pub namespaces: u16,
}

/// What a store holds and has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Keys held, those included that have expired and are not collected yet.
    pub keys: u64,
    /// Of these, the keys with a time to live.
    pub expiring: u64,
    /// Bytes held, everything included.
    pub memory_bytes: usize,
    /// The bound on them.
    pub memory_bytes_max: usize,
    /// Expired keys collected since the start.
    pub expired: u64,
    /// Timers that were due and are not taken in hand yet; some among them are only due soon.
    pub backlog: u64,
    /// Writes refused since the start.
    pub rejected: u64,
    /// Keys evicted since the start, by the policy of their namespace.
    pub evictions: u64,
    /// Logs held.
    pub logs: u64,
    /// Bytes held by logs, which are part of `memory_bytes`.
    pub log_bytes: usize,
    /// The bound on them.
    pub log_bytes_max: usize,
}

impl Counters {
    /// Those of two stores together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            expiring: self.expiring + other.expiring,
            memory_bytes: self.memory_bytes + other.memory_bytes,
            memory_bytes_max: self.memory_bytes_max.saturating_add(other.memory_bytes_max),
            expired: self.expired + other.expired,
            backlog: self.backlog + other.backlog,
            rejected: self.rejected + other.rejected,
            evictions: self.evictions + other.evictions,
            logs: self.logs + other.logs,
            log_bytes: self.log_bytes + other.log_bytes,
            log_bytes_max: self.log_bytes_max.saturating_add(other.log_bytes_max),
        }
    }
}

/// The store of one shard.
#[derive(Debug)]
pub struct MemStore {
    name: String,
    tables: Vec<Table>,
    arena: Arena,
    logs: Logs,
    /// What was read of a log last; its memory serves the next read.
    log_page: Page,
    budget: Budget,
    wheel: Wheel,
    counters: Counters,
    /// A list that is being written, or a value that was taken from one.
    scratch: Vec<u8>,
    /// By namespace what happens when memory is short, and what is known for that.
    evictions: Vec<Eviction>,
    /// The names of those that have bounds of their own, for the messages of failures.
    names: Vec<String>,
    caches: Vec<Option<Box<Cache>>>,
    /// Whether any namespace wants to know which keys are asked for.
    tracks_visits: bool,
    /// Whether any namespace has keys dropped.
    evicts: bool,
    /// The other namespace that dropped a key last for one that could not.
    evicting: usize,
    /// The page of the last scan, whose memory serves the next.
    page: ScanPage,
}

impl MemStore {
    /// An empty store.
    pub fn new(config: Config) -> Self {
        let tables: Vec<Table> = (0..config.namespaces).map(|_| Table::new()).collect();
        let mut budget = Budget::new(config.memory_bytes_max);
        // A bound too small for this leaves room for nothing, and every write will say so.
        let _ = budget.take(tables.len() * size_of::<Table>());
        tables.iter().for_each(|_| budget.add_share());
        let counters = Counters { memory_bytes_max: config.memory_bytes_max, ..Counters::default() };
        let mut logs = Logs::new(config.memory_bytes_max / 2);
        logs.set_retention(&mut budget, &vec![Retention::DEFAULT; usize::from(config.namespaces)]);
        let (arena, wheel) = (Arena::new(), Wheel::new());
        let (log_page, page, scratch) = (Page::default(), ScanPage::default(), Vec::new());
        let (evictions, caches) = (vec![Eviction::None; tables.len()], tables.iter().map(|_| None).collect());
        Self {
            name: config.name,
            tables,
            arena,
            logs,
            log_page,
            budget,
            wheel,
            counters,
            scratch,
            evictions,
            names: Vec::new(),
            caches,
            tracks_visits: false,
            evicts: false,
            evicting: 0,
            page,
        }
    }

    /// Serves at least this many namespaces from now on; those that are there keep their keys and logs. A new one keeps
    /// of each log what [`Retention::DEFAULT`] says.
    pub fn extend_namespaces(&mut self, namespaces: u16) {
        self.logs.extend_namespaces(&mut self.budget, namespaces);
        while self.tables.len() < usize::from(namespaces) {
            let _ = self.budget.take(size_of::<Table>());
            self.tables.push(Table::new());
            self.budget.add_share();
            self.evictions.push(Eviction::None);
            self.caches.push(None);
        }
    }

    /// What it holds and has done.
    pub fn counters(&self) -> Counters {
        Counters {
            memory_bytes: self.budget.used_bytes(),
            expiring: self.wheel.timers() as u64,
            logs: self.logs.count() as u64,
            log_bytes: self.logs.held_bytes(),
            log_bytes_max: self.logs.bytes_max(),
            ..self.counters
        }
    }

    /// What growing its tables has cost.
    pub fn growth(&self) -> Growth {
        self.tables.iter().fold(Growth::default(), |sum, table| sum.plus(table.growth()))
    }

    /// The key's entry and record, expired or not.
    fn lookup(&self, context: &Context, key: &[u8]) -> Option<(Found, Reference)> {
        let table = &self.tables[usize::from(context.namespace)];
        let found = table.find(Place::of(context.hash), |reference| self.arena.record_of(reference, key));
        found.map(|(found, word, _)| (found, word.reference()))
    }

    /// Removes an entry and its record.
    #[inline(never)]
    fn remove(&mut self, namespace: u16, found: Found) {
        let table = &mut self.tables[usize::from(namespace)];
        let reference = table.word(found).reference();
        table.remove(found);
        if let Some(nodes) = self.arena.nodes(reference) {
            self.arena.doom(nodes);
        }
        if let Some(expiry) = self.arena.record(reference).expiry() {
            self.cancel(namespace, expiry.timer);
        }
        self.arena.free(&mut self.budget, reference);
        self.counters.keys -= 1;
    }

    /// Removes an entry that has expired.
    fn collect(&mut self, namespace: u16, found: Found) {
        self.remove(namespace, found);
        self.counters.expired += 1;
    }

    /// Where the value is likely to be: page and bytes of a plain record that the home bucket names. None says nothing.
    #[inline(always)]
    fn likely(&self, context: &Context, key: &[u8]) -> Option<(Reference, Range<usize>)> {
        let reference = self.tables.get(usize::from(context.namespace))?.likely(Place::of(context.hash))?;
        Some((reference, self.arena.plain_value(reference, context.namespace, key)?))
    }

    /// The value that lies there in the page of its record, which is noted to be asked for.
    #[inline(never)]
    fn visit(&mut self, reference: Reference, value: Range<usize>) -> Option<&[u8]> {
        self.arena.mark(reference, Mark::Visited);
        self.arena.bytes(reference.page(), value)
    }

    /// The value, unless it has expired; then it is collected.
    fn get(&mut self, context: &Context, key: &[u8]) -> Result<Option<&[u8]>, Failure> {
        let Some((_, reference)) = self.live(context, key) else { return Ok(None) };
        if self.tracks_visits {
            self.arena.mark(reference, Mark::Visited);
        }
        let record = self.arena.record(reference);
        if record.is_list() { Err(list::not_a_value(key)) } else { Ok(Some(record.value())) }
    }

    fn exists(&mut self, context: &Context, key: &[u8]) -> bool {
        self.likely(context, key).is_some() || self.live(context, key).is_some()
    }

    /// The key's entry and record, unless it has expired; then it is collected.
    fn live(&mut self, context: &Context, key: &[u8]) -> Option<(Found, Reference)> {
        let (found, reference) = self.lookup(context, key)?;
        if self.arena.record(reference).is_expired(context.now_ns) {
            self.collect(context.namespace, found);
            return None;
        }
        Some((found, reference))
    }

    fn delete(&mut self, context: &Context, key: &[u8]) -> bool {
        let Some((found, _)) = self.live(context, key) else { return false };
        self.remove(context.namespace, found);
        true
    }

    #[cold]
    fn unknown_namespace(&self, namespace: u16) -> Failure {
        let (name, count) = (&self.name, self.tables.len());
        Failure::new(FailureKind::Internal, format!("backend {name} has {count} namespaces, not number {namespace}"))
    }
}

impl Backend for MemStore {
    fn interfaces(&self) -> Interfaces {
        Interfaces {
            keyvalue_basic: true,
            keyvalue_scan: true,
            keyvalue_ttl: true,
            list_basic: true,
            pubsub_basic: true,
            stream_basic: true,
        }
    }

    /// A Get that finds what is likely is done where it is called, so that it costs little more than its look-up; all
    /// else goes by the rules.
    #[inline(always)]
    fn execute<'s>(&'s mut self, context: &Context, command: &Command<'_>) -> Execution<'s> {
        let Command::Get { key } = *command else { return self.execute_any(context, command) };
        let Some((reference, value)) = self.likely(context, key) else {
            // Of copies, so that whoever calls this may keep both in registers.
            return self.execute_any(&{ *context }, &{ *command });
        };
        if self.tracks_visits {
            return Execution::Done(Reply::Get(self.visit(reference, value)));
        }
        Execution::Done(Reply::Get(self.arena.bytes(reference.page(), value)))
    }

    fn adopt(&mut self, context: &Context, set: &PlacedSet, message: &mut Vec<u8>) -> Option<Result<(), Failure>> {
        self.adopt(context, set, message)
    }

    fn tend(&mut self, now_ns: u64) -> bool {
        self.forget_long_page();
        self.log_page.shrink(LOG_PAGE_BYTES_KEPT);
        self.collect_expired(now_ns, TIMERS_PER_TEND);
        self.arena.free_doomed(&mut self.budget, LIST_NODES_PER_TEND);
        let more = self.arena.doomed.is_some() || self.counters.backlog > 0;
        self.logs.tend(&mut self.budget, now_ns) | more
    }

    /// The home bucket.
    #[inline]
    fn prefetch_entry(&self, namespace: u16, hash: u64) {
        if let Some(table) = self.tables.get(usize::from(namespace)) {
            table.prefetch(Place::of(hash));
        }
    }

    /// The record that the home bucket names, if it names one.
    #[inline]
    fn prefetch_record(&self, namespace: u16, hash: u64) {
        let table = self.tables.get(usize::from(namespace));
        if let Some(reference) = table.and_then(|table| table.likely(Place::of(hash))) {
            self.arena.prefetch(reference);
        }
    }

    #[inline]
    fn is_large(&self) -> bool {
        self.budget.used_bytes() > LARGE_STORE_BYTES
    }
}

impl MemStore {
    /// Executes any command.
    #[inline(never)]
    fn execute_any<'s>(&'s mut self, context: &Context, command: &Command<'_>) -> Execution<'s> {
        if usize::from(context.namespace) >= self.tables.len() {
            return Execution::Failed(self.unknown_namespace(context.namespace));
        }
        let done = match *command {
            Command::Get { key } => self.get(context, key).map(Reply::Get),
            Command::Exists { key } => Ok(Reply::Exists(self.exists(context, key))),
            Command::Delete { key } => Ok(Reply::Delete(self.delete(context, key))),
            Command::Set { key, value, ttl_seconds } => self.set(context, key, value, ttl_seconds).map(|()| Reply::Set),
            Command::Expire { key, ttl_seconds } => self.expire(context, key, ttl_seconds).map(Reply::Expire),
            Command::GetTtl { key } => Ok(Reply::Ttl(self.ttl(context, key))),
            Command::Persist { key } => Ok(Reply::Persist(self.persist(context, key))),
            Command::Push { key, value, side } => self.push(context, key, value, side).map(Reply::Length),
            Command::Pop { key, side, value_bytes_max } => return self.pop(context, key, side, value_bytes_max),
            Command::Length { key } => self.length(context, key).map(Reply::Length),
            Command::Scan(scan) => Ok(Reply::Scan(self.scan(context, &scan))),
            Command::Log { topic, ref command } => return self.execute_log(context, topic, command),
        };
        match done {
            Ok(reply) => Execution::Done(reply),
            Err(failure) => Execution::Failed(failure),
        }
    }
}
