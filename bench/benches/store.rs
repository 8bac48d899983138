//! What the memstore does beside its table: timers that come due, pages of a scan, records of a log.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prism_backends::memstore::{Config, MemStore};
use prism_backends::{
    Backend as _, Command, Content, Context, Execution, Extent, KeyHasher, LogCommand, LogReply, Position, Record,
    Reply, Scan,
};

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

fn log(criterion: &mut Criterion) {
    const RECORDS: usize = 100;
    let record = Record { timestamp_ms: 1, key: b"", metadata: b"", payload: &VALUE };
    let append = Command::Log { topic: b"topic", command: LogCommand::Append { record } };
    let filled = || {
        let mut store = Store::new();
        for _ in 0..10_000 {
            assert!(matches!(store.execute(1, &append), Reply::Log(LogReply::Appended(_))));
        }
        store
    };
    let mut group = criterion.benchmark_group("store/log");
    let mut store = filled();
    group.bench_function("append", |bencher| {
        bencher.iter(|| assert!(matches!(store.execute(1, &append), Reply::Log(LogReply::Appended(_)))));
    });
    let mut store = filled();
    let mut from = 0;
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("read_100", |bencher| {
        let next = || {
            from = (from + 37) % 9_900;
            LogCommand::Read { from, extent: Extent { entries_max: RECORDS, ..Extent::WHOLE } }
        };
        let read = |command| {
            let Reply::Log(LogReply::Page(page)) = store.execute(1, &Command::Log { topic: b"topic", command }) else {
                panic!("it is no page")
            };
            assert_eq!(page.records().count(), RECORDS);
        };
        bencher.iter_batched(next, read, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, timers, scan, log);
criterion_main!(benches);
