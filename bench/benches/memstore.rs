//! The memstore's table: what is there, what is not, what is written and deleted, among ten thousand keys, which fit
//! the caches, and among a million, which do not. Keys come in random order.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main, measurement::WallTime};
use prism_backends::memstore::{Config, MemStore};
use prism_backends::{Backend as _, Command, Context, Execution, KeyHasher, Reply};

const VALUE: [u8; 64] = [b'v'; 64];
const TTL_SECONDS: i64 = 3_600;

/// Keys of the table in random order, and the store that has those that are present.
struct Table {
    store: MemStore,
    present: Vec<Vec<u8>>,
    absent: Vec<Vec<u8>>,
}

const HASHER_SEED: u64 = 1;

impl Table {
    fn new(count: usize) -> Self {
        let config = Config { name: "memory".into(), memory_bytes_max: 1 << 30, namespaces: 1 };
        // A number that has no common divisor with the counts, so that every key comes once.
        let shuffled = |index: usize| index * 7_919 % count;
        let keys = |prefix| (0..count).map(|index| format!("{prefix}-{:012}", shuffled(index)).into_bytes()).collect();
        let mut table = Self { store: MemStore::new(config), present: keys("key"), absent: keys("not") };
        for index in 0..count {
            let key = table.present[index].clone();
            assert_eq!(table.execute(&Command::Set { key: &key, value: &VALUE, ttl_seconds: 0 }), Reply::Set);
        }
        table
    }

    /// With the hash, as a call has to be hashed too.
    fn execute(&mut self, command: &Command<'_>) -> Reply<'_> {
        let hash = KeyHasher::fixed(HASHER_SEED).hash(0, command.key());
        let context = Context { now_ns: 1, namespace: 0, hash, call: 0 };
        match self.store.execute(&context, black_box(command)) {
            Execution::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    table: &mut Table,
    mut call: impl FnMut(&mut Table, usize),
) {
    let count = table.present.len();
    let mut index = 0;
    group.bench_function(BenchmarkId::new(name, count), |bencher| {
        bencher.iter(|| {
            call(table, index);
            index = if index + 1 == count { 0 } else { index + 1 };
        });
    });
}

fn table(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memstore");
    for count in [10_000, 1_000_000] {
        let table = &mut Table::new(count);
        let keys = |table: &Table| (table.present.clone(), table.absent.clone());
        let (present, absent) = keys(table);
        measure(&mut group, "get_hit", table, |table, at| {
            assert_eq!(table.execute(&Command::Get { key: &present[at] }), Reply::Get(Some(&VALUE)));
        });
        measure(&mut group, "get_miss", table, |table, at| {
            assert_eq!(table.execute(&Command::Get { key: &absent[at] }), Reply::Get(None));
        });
        let set = |table: &mut Table, key: &[u8], ttl_seconds| {
            assert_eq!(table.execute(&Command::Set { key, value: &VALUE, ttl_seconds }), Reply::Set);
        };
        measure(&mut group, "set_overwrite", table, |table, at| set(table, &present[at], 0));
        measure(&mut group, "delete_and_set", table, |table, at| {
            assert_eq!(table.execute(&Command::Delete { key: &present[at] }), Reply::Delete(true));
            set(table, &present[at], 0);
        });
        measure(&mut group, "set_with_ttl", table, |table, at| set(table, &present[at], TTL_SECONDS));
    }
    let (hasher, keys) = (KeyHasher::fixed(HASHER_SEED), [b"key-000000000001", b"key-000000000002"]);
    let mut keys = keys.iter().cycle();
    group.bench_function("hash", |bencher| {
        bencher.iter(|| hasher.hash(0, black_box(*keys.next().expect("a cycle has no end"))));
    });
    group.finish();
}

criterion_group!(benches, table);
criterion_main!(benches);
