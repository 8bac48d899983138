//! The memstore's logs: a record appended to a log that keeps its retention, and a page read from its middle.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use prism_backends::memstore::{Config, MemStore, Retention};
use prism_backends::{
    Backend as _, Command, Context, Execution, Extent, KeyHasher, LogCommand, LogReply, Record, Reply,
};

const TOPIC: &[u8] = b"topic";
const PAYLOAD: [u8; 64] = [b'p'; 64];
const RECORDS: u64 = 100_000;
const PAGE: usize = 100;

fn log(criterion: &mut Criterion) {
    let config = Config { name: "memory".into(), memory_bytes_max: 64 << 20, namespaces: 1 };
    let mut store = MemStore::new(config);
    store.set_retention(&[Retention { bytes_max: 16 << 20, age_max_ns: 0 }]);
    let context = Context { now_ns: 1, namespace: 0, hash: KeyHasher::fixed(1).hash(0, TOPIC), call: 0 };
    let append = |store: &mut MemStore| {
        let record = Record { timestamp_ms: 1, key: b"", metadata: b"", payload: &PAYLOAD };
        let command = Command::Log { topic: TOPIC, command: LogCommand::Append { record } };
        let done = store.execute(&context, black_box(&command));
        assert!(matches!(done, Execution::Done(Reply::Log(LogReply::Appended(_)))), "{done:?}");
    };
    let read = |store: &mut MemStore, from: u64| {
        let extent = Extent { entries_max: PAGE, ..Extent::WHOLE };
        let command = Command::Log { topic: TOPIC, command: LogCommand::Read { from, extent } };
        match store.execute(&context, black_box(&command)) {
            Execution::Done(Reply::Log(LogReply::Page(page))) => assert_eq!(page.count(), PAGE),
            other => panic!("{other:?}"),
        }
    };
    (0..RECORDS).for_each(|_| append(&mut store));

    let mut group = criterion.benchmark_group("log");
    let middles = (RECORDS / 4..RECORDS * 3 / 4).step_by(997);
    let mut from = middles.cycle();
    group.bench_function("read_100", |bencher| {
        bencher.iter(|| read(&mut store, from.next().expect("a cycle has no end")));
    });
    group.bench_function("append", |bencher| bencher.iter(|| append(&mut store)));
    group.finish();
}

criterion_group!(benches, log);
criterion_main!(benches);
