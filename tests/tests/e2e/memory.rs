//! What the memstore says that it holds, against the memory of the process on two shards.

use prism_tests::clients::prism::interfaces::keyvalue::key_value_batch_interface_client::KeyValueBatchInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{BatchDeleteRequest, BatchSetRequest, SetRequest};
use prism_tests::{Launch, Proxy};
use tonic::Code;
use tonic::transport::Channel;

use crate::clients::KeyValue;

/// What the process holds beside the store, whatever is in it: buffers of connections and messages, and what the
/// system's allocator keeps of them.
const BASE_BYTES: u64 = 12 << 20;

const MEMORY_BYTES_MAX: u64 = 64 << 20;

struct Bench {
    proxy: Proxy,
    clients: Vec<KeyValue>,
    /// Resident before anything was stored.
    resident_bytes: u64,
}

impl Bench {
    async fn start() -> Self {
        let file = "backends: { memory: { type: memstore, memory_bytes_max: 64MiB } }";
        let proxy = Launch::shards(2).file(file).start();
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(KeyValue::new(proxy.channel().await));
        }
        // What a call costs once is paid now.
        for client in &mut clients {
            client.set("first", b"").await.unwrap();
            assert!(client.delete("first").await.unwrap());
        }
        let resident_bytes = proxy.resident_bytes();
        Self { proxy, clients, resident_bytes }
    }

    /// Stores values one by one until each shard has refused one.
    async fn fill(&mut self, bytes: fn(usize) -> usize) {
        let (mut number, mut refused) = (0, 0);
        while refused < 20 {
            let request =
                SetRequest { key: key(number), value: vec![number as u8; bytes(number)], ..Default::default() };
            let lane = number % self.clients.len();
            if let Err(status) = self.clients[lane].set_request(request).await {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                assert!(status.message().contains("backends.memory.memory_bytes_max"), "{status}");
                refused += 1;
            }
            number += 1;
        }
    }

    /// The counter is within its bound, and within a tenth of what the process holds, give or take the base.
    fn assert_honest(&self, what: &str) -> u64 {
        let counted = self.proxy.counters().get("memstore_bytes").copied().unwrap_or(0);
        let held = self.proxy.resident_bytes().saturating_sub(self.resident_bytes);
        assert!(counted <= MEMORY_BYTES_MAX, "{what}: {counted} bytes");
        let difference = held.abs_diff(counted);
        assert!(difference <= counted / 10 + BASE_BYTES, "{what}: {counted} bytes are counted, {held} are held");
        counted
    }
}

fn key(number: usize) -> String {
    format!("key-{number:012}")
}

#[tokio::test]
async fn values_from_one_byte_to_a_mebibyte_are_counted_as_they_are_held() {
    let mut bench = Bench::start().await;
    bench.fill(|number| 1 << (number * 7 % 21)).await;
    let counted = bench.assert_honest("full of all sizes");
    assert!(counted > MEMORY_BYTES_MAX / 2, "{counted}");
}

#[tokio::test]
async fn churn_of_small_values_with_times_to_live_is_too() {
    let bench = Bench::start().await;
    let mut batches = KeyValueBatchInterfaceClient::new(bench.proxy.channel().await);
    let small = fill_by_batches(&mut batches, 0, 1_000, 64).await;
    let full = bench.assert_honest("full of small values");
    assert!(full > MEMORY_BYTES_MAX * 9 / 10, "{full}");
    let gone: Vec<String> = (0..small).filter(|number| number % 10 != 0).map(key).collect();
    for keys in gone.chunks(BATCH) {
        let request = BatchDeleteRequest { keys: keys.to_vec(), ..Default::default() };
        assert!(batches.batch_delete(request).await.unwrap().into_inner().all_success);
    }
    bench.assert_honest("a tenth is left");
    let next = fill_by_batches(&mut batches, small, 0, 1_024).await;
    let counted = bench.assert_honest("full of larger values");
    assert!(counted > MEMORY_BYTES_MAX * 9 / 10 && next - small > 10_000, "{counted}, {}", next - small);
}

/// Entries of one batch.
const BATCH: usize = 1_000;

/// Stores values of one length, numbered from `first` on, until one is refused; returns the next number.
async fn fill_by_batches(
    client: &mut KeyValueBatchInterfaceClient<Channel>,
    first: usize,
    ttl_seconds: i64,
    bytes: usize,
) -> usize {
    for from in (first..).step_by(BATCH) {
        let set = |number| {
            let (key, value) = (key(number), vec![number as u8; bytes]);
            SetRequest { key, value, ttl_seconds, ..Default::default() }
        };
        let request = BatchSetRequest { requests: (from..from + BATCH).map(set).collect(), ..Default::default() };
        let response = client.batch_set(request).await.unwrap().into_inner();
        if let Some(refused) = response.results.iter().find(|result| !result.success) {
            assert!(refused.error.starts_with("RESOURCE_EXHAUSTED"), "{refused:?}");
            assert!(refused.error.contains("backends.memory.memory_bytes_max"), "{refused:?}");
            return from + BATCH;
        }
    }
    unreachable!("memory is bounded")
}
