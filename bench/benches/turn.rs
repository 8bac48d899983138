//! A whole turn without its sockets: a hundred Gets of one read, from the bytes of the requests to those of the
//! replies, in a small store and in a large one, with a look ahead and without.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use prism_backends::memstore::{Config as StoreConfig, MemStore};
use prism_backends::{Backend as _, Command, Context, Execution, KeyHasher, Reply};
use prism_bench::request::{HeaderCoding, Operation, Request};
use prism_proto::frame::{self, PREFACE};
use prism_proto::h2::Event;
use prism_proto::h2::server::{Config, Connection};
use prism_proto::view::{self, GetView};

/// Calls of one read.
const CALLS: usize = 100;
/// Calls that are looked at together, as in the proxy.
const AHEAD: usize = 32;
const VALUE: [u8; 64] = [b'v'; 64];
/// The prefix, `found` and the value's key, length and 64 bytes.
const REPLY_BODY_BYTES: u32 = 5 + 2 + 2 + 64;

/// A store with one connection.
struct Shard {
    connection: Connection,
    store: MemStore,
    hasher: KeyHasher,
    looks_ahead: bool,
}

impl Shard {
    fn new(keys: usize, looks_ahead: bool) -> Self {
        let store = StoreConfig { name: "memory".into(), memory_bytes_max: 1 << 30, namespaces: 1 };
        let hasher = KeyHasher::fixed(1);
        let mut store = MemStore::new(store);
        for index in 0..keys {
            let key = key(index);
            let context = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, key.as_bytes()), call: 0 };
            let command = Command::Set { key: key.as_bytes(), value: &VALUE, ttl_seconds: 0 };
            assert_eq!(store.execute(&context, &command), Execution::Done(Reply::Set));
        }
        Self { connection: Connection::new(&Config::default(), 0), store, hasher, looks_ahead }
    }

    /// Serves one read; how many calls found their key.
    fn serve(&mut self, bytes: &[u8]) -> usize {
        let Self { connection, store, hasher, .. } = self;
        let input = connection.begin(bytes);
        let (mut ahead, mut left, mut found) = (input.ahead(), 0, 0);
        loop {
            if self.looks_ahead && left == 0 {
                let requests = ahead.by_ref().take(AHEAD).filter_map(|message| GetView::decode(message).ok());
                let hashes: Vec<u64> = requests.map(|get| hasher.hash(0, get.key.as_bytes())).collect();
                hashes.iter().for_each(|hash| store.prefetch_entry(0, *hash));
                hashes.iter().for_each(|hash| store.prefetch_record(0, *hash));
                left = AHEAD;
            }
            let Some(event) = connection.poll(&input, 1) else { break };
            let Event::Unary(call) = event else { continue };
            left -= usize::from(self.looks_ahead);
            let key = GetView::decode(&call.message).expect("it is a Get").key.as_bytes();
            let context = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, key), call: 0 };
            if let Execution::Done(Reply::Get(value)) = store.execute(&context, &Command::Get { key }) {
                found += usize::from(value.is_some());
                connection.reply(call.stream, view::get_response_bytes(value), |out| {
                    view::write_get_response(value, out);
                });
            }
            connection.recycle(call.message);
        }
        connection.end(input);
        connection.output().clear();
        found
    }
}

fn key(index: usize) -> String {
    format!("key:{index:012}")
}

/// What a client sends.
struct Client {
    request: Request,
    stream: u32,
    keys: usize,
    random: u64,
}

impl Client {
    fn new(keys: usize) -> Self {
        let message = Operation::Get.message(&key(0), &[], "");
        assert!(message.ends_with(key(0).as_bytes()), "the key can be replaced");
        let request = Request::new(Operation::Get.path(), "127.0.0.1:8980", &message, HeaderCoding::Indexed);
        Self { request, stream: 1, keys, random: 1 }
    }

    fn greet(&mut self, shard: &mut Shard) {
        let mut bytes = PREFACE.to_vec();
        frame::write_settings(&[], &mut bytes);
        frame::write_settings_ack(&mut bytes);
        self.request.append_first(self.stream, &mut bytes);
        self.stream += 2;
        assert_eq!(shard.serve(&bytes), 1);
    }

    /// A read of Gets whose keys lie all over the store, and the windows for their replies.
    fn read(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CALLS * self.request.wire_bytes() + 13);
        for _ in 0..CALLS {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = key((self.random >> 33) as usize % self.keys);
            self.request.append_next(self.stream, &mut bytes);
            let start = bytes.len() - key.len();
            bytes[start..].copy_from_slice(key.as_bytes());
            self.stream += 2;
        }
        frame::write_window_update(0, CALLS as u32 * REPLY_BODY_BYTES, &mut bytes);
        bytes
    }
}

fn turn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("turn/of_100_gets");
    group.throughput(Throughput::Elements(CALLS as u64));
    for (keys, looks_ahead) in [(10_000, false), (1_000_000, false), (1_000_000, true)] {
        let (mut shard, mut client) = (Shard::new(keys, looks_ahead), Client::new(keys));
        client.greet(&mut shard);
        let name = if looks_ahead { "looking_ahead" } else { "one_by_one" };
        group.bench_function(BenchmarkId::new(name, keys), |bencher| {
            let serve = |bytes: Vec<u8>| {
                assert_eq!(shard.serve(black_box(&bytes)), CALLS);
                bytes
            };
            bencher.iter_batched(|| client.read(), serve, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, turn);
criterion_main!(benches);
