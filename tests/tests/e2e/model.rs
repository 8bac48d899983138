//! Many connections at once, every answer compared with what a model says.

use std::collections::HashMap;

use prism_tests::{Launch, Random};
use tokio::task::JoinSet;

use crate::clients::KeyValue;

const CONNECTIONS: u64 = 50;
/// Calls in flight on each connection.
const LANES: u64 = 8;
const CALLS: u64 = 200_000;
/// Few enough that a lane meets its own keys again and again.
const KEYS_PER_LANE: u64 = 12;
/// Keys that one lane writes and every lane reads.
const SHARED_KEYS: u64 = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_thousand_calls_agree_with_the_model() {
    let random = Random::seeded();
    let proxy = Launch::shards(2).start();
    let mut lanes = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let client = KeyValue::new(proxy.channel().await);
        for lane in 0..LANES {
            let number = connection * LANES + lane;
            lanes.spawn(Lane::new(client.clone(), number, random.fork(number)).run(CALLS / (CONNECTIONS * LANES)));
        }
    }
    let mut calls = 0;
    while let Some(lane) = lanes.join_next().await {
        calls += lane.unwrap();
    }
    assert_eq!(calls, CALLS, "every call was answered");
}

/// One caller after the other: its own keys are known exactly, shared ones only grow.
struct Lane {
    client: KeyValue,
    number: u64,
    random: Random,
    model: HashMap<String, Vec<u8>>,
    /// The highest count seen for each shared key.
    seen: HashMap<u64, u64>,
    /// What this lane wrote last, if it is the writer of a shared key.
    written: u64,
}

impl Lane {
    fn new(client: KeyValue, number: u64, random: Random) -> Self {
        Self { client, number, random, model: HashMap::new(), seen: HashMap::new(), written: 0 }
    }

    async fn run(mut self, calls: u64) -> u64 {
        for _ in 0..calls {
            match self.random.below(10) {
                0 if self.number < SHARED_KEYS => self.write_shared().await,
                0 | 1 => self.read_shared().await,
                2..=4 => self.set().await,
                5..=7 => self.get().await,
                8 => self.delete().await,
                _ => self.exists().await,
            }
        }
        calls
    }

    fn key(&mut self) -> String {
        format!("lane-{}-key-{}", self.number, self.random.below(KEYS_PER_LANE))
    }

    async fn set(&mut self) {
        let key = self.key();
        // Mostly small, now and then longer than a frame.
        let bytes = if self.random.below(200) == 0 { 40_000 } else { self.random.below(200) };
        let value = self.random.bytes(usize::try_from(bytes).unwrap());
        self.client.set(&key, &value).await.unwrap();
        self.model.insert(key, value);
    }

    async fn get(&mut self) {
        let key = self.key();
        let found = self.client.get(&key).await.unwrap();
        assert!(found.as_ref() == self.model.get(&key), "{key}: {found:?}");
    }

    async fn delete(&mut self) {
        let key = self.key();
        let found = self.client.delete(&key).await.unwrap();
        assert_eq!(found, self.model.remove(&key).is_some(), "{key}");
    }

    async fn exists(&mut self) {
        let key = self.key();
        assert_eq!(self.client.exists(&key).await.unwrap(), self.model.contains_key(&key), "{key}");
    }

    async fn write_shared(&mut self) {
        self.written += 1;
        let value = self.written.to_be_bytes();
        self.client.set(&format!("shared-{}", self.number), &value).await.unwrap();
        self.seen.insert(self.number, self.written);
    }

    async fn read_shared(&mut self) {
        let key = self.random.below(SHARED_KEYS);
        let value = self.client.get(&format!("shared-{key}")).await.unwrap();
        let count = value.map_or(0, |value| u64::from_be_bytes(value.try_into().expect("a count has 8 bytes")));
        let seen = self.seen.entry(key).or_default();
        assert!(count >= *seen, "shared-{key} went back from {seen} to {count}");
        assert!(key != self.number || count == self.written, "a writer reads what it wrote");
        *seen = count;
    }
}
