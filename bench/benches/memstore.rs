//! The memstore's table: what is there, what is not, what is overwritten and what is scanned, among ten thousand keys.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use prism_backends::memstore::{Config, MemStore};
use prism_backends::{Backend as _, Command, Content, Context, Execution, KeyHasher, Position, Reply, Scan};

const KEYS: usize = 10_000;
const VALUE: [u8; 64] = [b'v'; 64];

fn table(criterion: &mut Criterion) {
    let hasher = KeyHasher::fixed(1);
    let config = Config { name: "memory".into(), memory_bytes_max: 64 << 20, namespaces: 1 };
    let mut store = MemStore::new(config);
    let entry = |prefix: &str, index: usize| {
        let key = format!("{prefix}-{index:012}").into_bytes();
        let context = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, &key), call: 0 };
        (context, key)
    };
    let present: Vec<_> = (0..KEYS).map(|index| entry("key", index)).collect();
    let absent: Vec<_> = (0..KEYS).map(|index| entry("none", index)).collect();
    let set = |store: &mut MemStore, (context, key): &(Context, Vec<u8>)| {
        let command = Command::Set { key, value: &VALUE, ttl_seconds: 0 };
        assert_eq!(store.execute(context, black_box(&command)), Execution::Done(Reply::Set));
    };
    let get = |store: &mut MemStore, (context, key): &(Context, Vec<u8>), expected: Option<&[u8]>| {
        let command = Command::Get { key };
        assert_eq!(store.execute(context, black_box(&command)), Execution::Done(Reply::Get(expected)));
    };
    present.iter().for_each(|entry| set(&mut store, entry));

    let mut group = criterion.benchmark_group("memstore");
    let mut hits = present.iter().cycle();
    group.bench_function("get_hit", |bencher| {
        bencher.iter(|| get(&mut store, hits.next().expect("a cycle has no end"), Some(&VALUE)));
    });
    let mut misses = absent.iter().cycle();
    group.bench_function("get_miss", |bencher| {
        bencher.iter(|| get(&mut store, misses.next().expect("a cycle has no end"), None));
    });
    let mut writes = present.iter().cycle();
    group.bench_function("set_overwrite", |bencher| {
        bencher.iter(|| set(&mut store, writes.next().expect("a cycle has no end")));
    });
    let mut keys = present.iter().cycle();
    group.bench_function("hash", |bencher| {
        bencher.iter(|| hasher.hash(0, black_box(&keys.next().expect("a cycle has no end").1)));
    });
    let mut from = 0;
    group.bench_function("scan_page", |bencher| {
        bencher.iter(|| {
            let scan = Scan {
                prefix: b"",
                from: Position { place: from, key: b"" },
                content: Content::Entries,
                entries_max: u32::MAX,
                bytes_max: 32 << 10,
                first_bytes_max: 32 << 10,
            };
            let context = Context { now_ns: 1, namespace: 0, hash: 0, call: 0 };
            let Execution::Done(Reply::Scan(page)) = store.execute(&context, &Command::Scan(scan)) else {
                unreachable!("a scan is answered by a page")
            };
            from = page.next().map_or(0, |next| next.place);
            page.len()
        });
    });
    group.finish();
}

criterion_group!(benches, table);
criterion_main!(benches);
