//! The two tables that are compared, behind one trait.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use prism_backends::memstore::{Config, Growth, MemStore};
use prism_backends::{Backend as _, Command, Context, Execution, KeyHasher, Reply};

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 16;
/// Bytes of a value.
pub(crate) const VALUE_BYTES: usize = 64;
/// Gets of one turn.
pub(crate) const TURN: usize = 64;
/// Long enough that nothing expires meanwhile.
const TTL_SECONDS: i64 = 100_000;

pub(crate) type Key = [u8; KEY_BYTES];

/// A table.
pub(crate) trait Subject {
    /// What all of the value's bytes make together.
    fn get(&mut self, key: &Key) -> u64;
    /// As many Gets as a turn has, in any way.
    fn turn(&mut self, keys: &[Key; TURN]) -> u64;
    fn set(&mut self, key: &Key, byte: u8);
    /// Sets it with a time to live, where there is such a thing.
    fn set_with_ttl(&mut self, key: &Key, byte: u8);
}

/// Reads all of a value. Its bytes are alike, so that the result is 0.
fn read(value: &[u8]) -> u64 {
    let value: &[u8; VALUE_BYTES] = value.try_into().expect("all values are as long");
    value.as_chunks::<8>().0.iter().fold(0, |sum, word| sum ^ u64::from_le_bytes(*word))
}

/// The memstore, called as the proxy calls it.
pub(crate) struct Store {
    store: MemStore,
    hasher: KeyHasher,
}

impl Store {
    pub(crate) fn new() -> Self {
        let config = Config { name: "memory".into(), memory_bytes_max: usize::MAX / 4, namespaces: 1 };
        Self { store: MemStore::new(config), hasher: KeyHasher::fixed(1) }
    }

    pub(crate) fn growth(&self) -> Growth {
        self.store.growth()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.counters().memory_bytes
    }

    #[inline(always)]
    fn get_hashed(&mut self, hash: u64, key: &Key) -> u64 {
        let context = Context { now_ns: 1, namespace: 0, hash, call: 0 };
        match self.store.execute(&context, &Command::Get { key }) {
            Execution::Done(Reply::Get(Some(value))) => read(value),
            other => panic!("{other:?}"),
        }
    }

    fn put(&mut self, key: &Key, byte: u8, ttl_seconds: i64) {
        let context = Context { now_ns: 1, namespace: 0, hash: self.hasher.hash(0, key), call: 0 };
        let outcome = self.store.execute(&context, &Command::Set { key, value: &[byte; VALUE_BYTES], ttl_seconds });
        assert!(matches!(outcome, Execution::Done(Reply::Set)), "{outcome:?}");
    }
}

impl Subject for Store {
    #[inline]
    fn get(&mut self, key: &Key) -> u64 {
        self.get_hashed(self.hasher.hash(0, key), key)
    }

    #[inline]
    fn turn(&mut self, keys: &[Key; TURN]) -> u64 {
        let hashes = keys.each_ref().map(|key| self.hasher.hash(0, key));
        hashes.iter().for_each(|hash| self.store.prefetch_entry(0, *hash));
        hashes.iter().for_each(|hash| self.store.prefetch_record(0, *hash));
        hashes.iter().zip(keys).map(|(hash, key)| self.get_hashed(*hash, key)).fold(0, |sum, value| sum ^ value)
    }

    fn set(&mut self, key: &Key, byte: u8) {
        self.put(key, byte, 0);
    }

    fn set_with_ttl(&mut self, key: &Key, byte: u8) {
        self.put(key, byte, TTL_SECONDS);
    }
}

/// hashbrown with boxed keys and values.
pub(crate) struct Boxed {
    map: HashMap<Box<[u8]>, Box<[u8]>, SameHasher>,
}

impl Boxed {
    pub(crate) fn new() -> Self {
        Self { map: HashMap::with_hasher(SameHasher(KeyHasher::fixed(1))) }
    }
}

impl Subject for Boxed {
    #[inline]
    fn get(&mut self, key: &Key) -> u64 {
        read(self.map.get(&key[..]).expect("the key is there"))
    }

    #[inline]
    fn turn(&mut self, keys: &[Key; TURN]) -> u64 {
        keys.iter().map(|key| self.get(key)).fold(0, |sum, value| sum ^ value)
    }

    fn set(&mut self, key: &Key, byte: u8) {
        self.map.insert(key[..].into(), [byte; VALUE_BYTES][..].into());
    }

    fn set_with_ttl(&mut self, key: &Key, byte: u8) {
        self.set(key, byte);
    }
}

/// Hashes keys as the proxy does.
#[derive(Clone, Copy)]
struct SameHasher(KeyHasher);

/// One hash on its way.
struct Hash(KeyHasher, u64);

impl BuildHasher for SameHasher {
    type Hasher = Hash;

    fn build_hasher(&self) -> Hash {
        Hash(self.0, 0)
    }
}

impl Hasher for Hash {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.1 = self.0.hash(0, bytes);
    }

    /// The length of the key, which the hash has anyway.
    #[inline]
    fn write_usize(&mut self, _length: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.1
    }
}
