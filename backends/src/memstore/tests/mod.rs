//! What the store promises, checked through its commands and its own accounting.

mod adopt;
mod audit;
mod bounds;
mod evict;
mod expiry;
mod lists;
mod mixed;
mod model;
mod scan;
mod share;
mod ttl;
mod values;

use super::{Config, MemStore};
use crate::{Backend, Command, Context, Execution, Failure, KeyHasher, PlacedSet, Reply};

const SECOND: u64 = 1_000_000_000;

/// A store with a clock in hand.
struct Bench {
    store: MemStore,
    hasher: KeyHasher,
    now_ns: u64,
    namespace: u16,
    /// In place of the key's hash, when it is given.
    hash: Option<u64>,
    sets: usize,
}

impl Bench {
    fn new(memory_bytes_max: usize) -> Self {
        let config = Config { name: "memory".to_owned(), memory_bytes_max, namespaces: 3 };
        let store = MemStore::new(config);
        Self { store, hasher: KeyHasher::fixed(7), now_ns: 5 * SECOND, namespace: 0, hash: None, sets: 0 }
    }

    fn context(&self, key: &[u8]) -> Context {
        let hash = self.hash.unwrap_or_else(|| self.hasher.hash(self.namespace, key));
        Context { now_ns: self.now_ns, namespace: self.namespace, hash, call: 0 }
    }

    fn execute(&mut self, command: Command<'_>) -> Result<Reply<'_>, Failure> {
        let context = self.context(command.key());
        match self.store.execute(&context, &command) {
            Execution::Done(reply) => Ok(reply),
            Execution::Failed(failure) => Err(failure),
            Execution::Parked => panic!("the store answers at once"),
        }
    }

    /// Offers the store a message with a value, which may become part of it.
    fn adopt(&mut self, message: &mut Vec<u8>, set: &PlacedSet) -> Option<Result<(), Failure>> {
        let context = self.context(&message[set.key.clone()]);
        Backend::adopt(&mut self.store, &context, set, message)
    }

    /// Stores a value, every second one that may be adopted by its message.
    fn set_for(&mut self, key: &[u8], value: &[u8], ttl_seconds: i64) -> Result<(), Failure> {
        self.sets += 1;
        let (mut message, set) = adopt::message(key, value);
        if ttl_seconds == 0
            && self.sets.is_multiple_of(2)
            && let Some(outcome) = self.adopt(&mut message, &set)
        {
            return outcome;
        }
        let reply = self.execute(Command::Set { key, value, ttl_seconds })?;
        assert_eq!(reply, Reply::Set);
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.set_for(key, value, 0)
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        match self.execute(Command::Get { key }) {
            Ok(Reply::Get(value)) => value.map(<[u8]>::to_vec),
            other => panic!("{other:?}"),
        }
    }

    fn exists(&mut self, key: &[u8]) -> bool {
        match self.execute(Command::Exists { key }) {
            Ok(Reply::Exists(exists)) => exists,
            other => panic!("{other:?}"),
        }
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        match self.execute(Command::Delete { key }) {
            Ok(Reply::Delete(found)) => found,
            other => panic!("{other:?}"),
        }
    }

    fn expire(&mut self, key: &[u8], ttl_seconds: i64) -> bool {
        match self.execute(Command::Expire { key, ttl_seconds }) {
            Ok(Reply::Expire(existed)) => existed,
            other => panic!("{other:?}"),
        }
    }

    fn ttl(&mut self, key: &[u8]) -> i64 {
        match self.execute(Command::GetTtl { key }) {
            Ok(Reply::Ttl(seconds)) => seconds,
            other => panic!("{other:?}"),
        }
    }

    fn persist(&mut self, key: &[u8]) -> bool {
        match self.execute(Command::Persist { key }) {
            Ok(Reply::Persist(removed)) => removed,
            other => panic!("{other:?}"),
        }
    }

    fn keys(&self) -> u64 {
        self.store.counters().keys
    }

    fn memory_bytes(&self) -> usize {
        self.store.counters().memory_bytes
    }
}

fn key(index: usize) -> Vec<u8> {
    format!("key:{index:012}").into_bytes()
}

/// A value that cannot be taken for another key's.
fn value(index: usize, bytes: usize) -> Vec<u8> {
    // It repeats itself, and copying is quick however tests are built.
    let period: Vec<u8> = (0..bytes.min(256)).map(|at| (index.wrapping_mul(31).wrapping_add(at)) as u8).collect();
    let mut value = if bytes <= period.len() { period } else { period.repeat(bytes.div_ceil(256)) };
    value.truncate(bytes);
    value
}
