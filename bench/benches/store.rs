//! What the memstore does beside its table and its logs: timers that come due, pages of a scan.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prism_backends::memstore::{Config, MemStore};
use prism_backends::{Backend as _, Command, Content, Context, Execution, KeyHasher, Position, Reply, Scan};

const VALUE: [u8; 64] = [b'v'; 64];
const SECOND_NS: u64 = 1_000_000_000;

/// A store and its hasher.
struct Store {
    store: MemStore,
    hasher: KeyHasher,
}

impl Store {
    fn new() -> Self {
        let config = Config { name: "memory".into(), memory_bytes_max: 1 << 30, namespaces: 1 };
        Self { store: MemStore::new(config), hasher: KeyHasher::fixed(1) }
    }

    fn execute(&mut self, now_ns: u64, command: &Command<'_>) -> Reply<'_> {
        let context = Context { now_ns, namespace: 0, hash: self.hasher.hash(0, command.key()), call: 0 };
        match self.store.execute(&context, command) {
            Execution::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn set(&mut self, now_ns: u64, index: usize, ttl_seconds: i64) {
        let key = format!("key-{index:012}");
        let set = Command::Set { key: key.as_bytes(), value: &VALUE, ttl_seconds };
        assert_eq!(self.execute(now_ns, &set), Reply::Set);
    }
}

/// Keys that expire together, among many that live.
fn timers(criterion: &mut Criterion) {
    const EXPIRING: usize = 1_000;
    let mut store = Store::new();
    (0..100_000).for_each(|index| store.set(0, index, 0));
    let mut group = criterion.benchmark_group("store/timers");
    group.throughput(Throughput::Elements(EXPIRING as u64));
    let mut now_ns = 0;
    group.bench_function("set_and_expire", |bencher| {
        bencher.iter(|| {
            (0..EXPIRING).for_each(|index| store.set(now_ns, 1_000_000 + index, 1));
            now_ns += 2 * SECOND_NS;
            while store.store.tend(now_ns) {}
            assert_eq!(store.store.counters().expiring, 0);
        });
    });
    group.finish();
}

fn scan(criterion: &mut Criterion) {
    let mut store = Store::new();
    (0..100_000).for_each(|index| store.set(0, index, 0));
    let mut group = criterion.benchmark_group("store/scan");
    for (name, content) in
        [("page_of_entries", Content::Entries), ("page_of_keys", Content::Keys), ("count", Content::Count)]
    {
        let mut place = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let from = Position { place, key: b"" };
                let bytes_max = 32 << 10;
                let (entries_max, first_bytes_max) = (100, bytes_max);
                let scan = Scan { prefix: b"key", from, content, entries_max, bytes_max, first_bytes_max };
                let Reply::Scan(page) = store.execute(1, &Command::Scan(scan)) else { panic!("it is no page") };
                assert!(page.len() <= 100);
                // Of keys that share a place some are seen twice or not at all, which does not matter here.
                place = page.next().map_or(0, |next| next.place);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, timers, scan);
criterion_main!(benches);
