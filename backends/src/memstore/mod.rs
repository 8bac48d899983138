//! The embedded store: the keys of one shard in memory.
//!
//! Each namespace has a table (extendible hashing, see `table.rs`) that maps a key's place to a record in one common
//! arena (see `arena.rs`). No operation does work that grows with the number of keys, but for the doubling of three
//! lists: directory and segments copy about 30 bytes for each thousand keys, pages 40 bytes for each 64 KiB of records.
//!
//! Everything held is counted before it is allocated, so the memory bound holds at all times; at the bound a write
//! first collects what has expired and compacts a sparse page, and then is refused.
//!
//! An expired key is invisible from its moment on, whatever has been collected. Collecting is a sweep through the
//! tables (see `sweep.rs`) and not a timer for each key: it costs no memory for each key, and a timer that was set for
//! an earlier value cannot take away a later one.

mod adopt;
mod arena;
mod bucket;
mod budget;
mod class;
mod place;
mod record;
mod segment;
mod sweep;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
mod ttl;
mod word;
mod write;

use std::ops::Range;

use crate::{Backend, Command, Context, Execution, Failure, FailureKind, Interfaces, PlacedSet, Reply};
use arena::Arena;
use budget::Budget;
use place::Place;
use sweep::Sweep;
pub use table::Growth;
use table::{Found, Table};
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
    /// Writes refused since the start.
    pub rejected: u64,
    /// Keys evicted since the start; none yet, for the policy is to refuse.
    pub evictions: u64,
}

/// The store of one shard.
#[derive(Debug)]
pub struct MemStore {
    name: String,
    tables: Vec<Table>,
    arena: Arena,
    budget: Budget,
    sweep: Sweep,
    counters: Counters,
}

impl MemStore {
    /// An empty store.
    pub fn new(config: Config) -> Self {
        let tables: Vec<Table> = (0..config.namespaces).map(|_| Table::new()).collect();
        let mut budget = Budget::new(config.memory_bytes_max);
        // A bound too small for this leaves room for nothing, and every write will say so.
        let _ = budget.take(tables.len() * size_of::<Table>());
        let counters = Counters { memory_bytes_max: config.memory_bytes_max, ..Counters::default() };
        Self { name: config.name, tables, arena: Arena::new(), budget, sweep: Sweep::new(), counters }
    }

    /// Serves at least this many namespaces from now on; those that are there keep their keys.
    pub fn extend_namespaces(&mut self, namespaces: u16) {
        while self.tables.len() < usize::from(namespaces) {
            let _ = self.budget.take(size_of::<Table>());
            self.tables.push(Table::new());
        }
    }

    /// What it holds and has done.
    pub fn counters(&self) -> Counters {
        Counters { memory_bytes: self.budget.used_bytes(), ..self.counters }
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
        let word = table.word(found);
        if table.remove(found) {
            self.sweep.moved_in(namespace, found.segment);
        }
        self.arena.free(&mut self.budget, word.reference());
        self.counters.keys -= 1;
        self.counters.expiring -= u64::from(word.expires());
    }

    /// Removes an entry that has expired.
    fn collect(&mut self, namespace: u16, found: Found) {
        self.remove(namespace, found);
        self.counters.expired += 1;
    }

    /// Where the value is likely to be: page and bytes of a plain record that the home bucket names. None says nothing.
    #[inline(always)]
    fn likely(&self, context: &Context, key: &[u8]) -> Option<(usize, Range<usize>)> {
        let word = self.tables.get(usize::from(context.namespace))?.likely(Place::of(context.hash))?;
        let reference = word.reference();
        Some((reference.page(), self.arena.plain_value(reference, context.namespace, key)?))
    }

    /// The value. What is likely is found at once; anything else by the rules.
    #[inline]
    fn get(&mut self, context: &Context, key: &[u8]) -> Option<&[u8]> {
        match self.likely(context, key) {
            Some((page, value)) => self.arena.bytes(page, value),
            None => self.search(context, key),
        }
    }

    /// The value, unless it has expired; then it is collected.
    #[inline(never)]
    fn search(&mut self, context: &Context, key: &[u8]) -> Option<&[u8]> {
        let table = &self.tables[usize::from(context.namespace)];
        let found = table.find(Place::of(context.hash), |reference| self.arena.record_of(reference, key));
        let (found, word, record) = found?;
        if word.expires() && record.is_expired(context.now_ns) {
            self.collect(context.namespace, found);
            return None;
        }
        Some(self.arena.record(word.reference()).value())
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
        Interfaces { keyvalue_basic: true, keyvalue_ttl: true }
    }

    fn execute<'s>(&'s mut self, context: &Context, command: &Command<'_>) -> Execution<'s> {
        if usize::from(context.namespace) >= self.tables.len() {
            return Execution::Failed(self.unknown_namespace(context.namespace));
        }
        let done = match *command {
            Command::Get { key } => Ok(Reply::Get(self.get(context, key))),
            Command::Exists { key } => Ok(Reply::Exists(self.get(context, key).is_some())),
            Command::Delete { key } => Ok(Reply::Delete(self.delete(context, key))),
            Command::Set { key, value, ttl_seconds } => self.set(context, key, value, ttl_seconds).map(|()| Reply::Set),
            Command::Expire { key, ttl_seconds } => self.expire(context, key, ttl_seconds).map(Reply::Expire),
            Command::GetTtl { key } => Ok(Reply::Ttl(self.ttl(context, key))),
            Command::Persist { key } => self.persist(context, key).map(Reply::Persist),
        };
        match done {
            Ok(reply) => Execution::Done(reply),
            Err(failure) => Execution::Failed(failure),
        }
    }

    fn adopt(&mut self, context: &Context, set: &PlacedSet, message: &mut Vec<u8>) -> Option<Result<(), Failure>> {
        self.adopt(context, set, message)
    }

    fn tend(&mut self, now_ns: u64) -> bool {
        self.sweep_when_due(now_ns)
    }
}
