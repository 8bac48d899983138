//! One caller after the other on keys of its own, which it therefore knows exactly.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use prism_tests::Random;
use tonic::transport::Channel;

use crate::keys::Keys;
use crate::model::{Content, Entry, Expiry, Presence};

/// Few enough that the worker meets each again and again.
const KEYS: u64 = 60;

struct Worker {
    keys: Keys,
    random: Random,
    prefix: String,
    model: HashMap<String, Entry>,
}

/// Works until `end`; returns how many calls were made.
pub(crate) async fn run(channel: Channel, number: u64, random: Random, end: Instant) -> u64 {
    let keys = Keys::new(&channel);
    let mut worker = Worker { keys, random, prefix: format!("worker-{number}/"), model: HashMap::new() };
    while Instant::now() < end {
        worker.step().await;
    }
    worker.keys.calls
}

impl Worker {
    async fn step(&mut self) {
        let key = format!("{}{}", self.prefix, self.random.below(KEYS));
        match self.random.below(100) {
            0..30 => self.set(key).await,
            30..55 => self.get(key).await,
            55..62 => self.delete(key).await,
            62..66 => self.expire(key).await,
            66..68 => self.persist(key).await,
            68..84 => self.push(key).await,
            84..93 => self.pop(key).await,
            93..97 => self.batch_get().await,
            97..99 => self.scan().await,
            _ => self.count().await,
        }
    }

    /// Mostly none or a long one; some that end soon.
    fn ttl_seconds(&mut self) -> i64 {
        match self.random.below(10) {
            0 | 1 => 1,
            2 => 1_000_000,
            _ => 0,
        }
    }

    fn value(&mut self) -> Vec<u8> {
        let bytes = match self.random.below(100) {
            0 => 100_000,
            1..10 => 4_000,
            _ => 100,
        };
        let bytes = self.random.below(bytes) as usize;
        self.random.bytes(bytes)
    }

    /// What the model says of a key after a call; forgets it when it is gone.
    fn presence(&mut self, key: &str) -> Presence {
        let span = self.keys.span();
        let presence = self.model.get(key).map_or(Presence::Gone, |entry| entry.presence(span));
        if presence == Presence::Gone {
            self.model.remove(key);
        }
        presence
    }

    /// Holds an answer against the model, which learns from it when it could not know.
    #[track_caller]
    fn check(&mut self, key: &str, found: bool) {
        let presence = self.presence(key);
        assert!(presence.allows(found), "{key}: found is {found}, the model says {presence:?}");
        if !found {
            self.model.remove(key);
        }
    }

    fn is_list(&self, key: &str) -> bool {
        matches!(self.model.get(key), Some(Entry { content: Content::List(_), .. }))
    }

    fn is_plain(&self, key: &str) -> bool {
        matches!(self.model.get(key), Some(Entry { content: Content::Plain(_), .. }))
    }

    /// A list call on a key that holds a plain value, or may, would fail: it is deleted before.
    async fn make_way_for_list(&mut self, key: &str) {
        if self.is_plain(key) {
            self.delete(key.to_owned()).await;
        }
    }

    async fn set(&mut self, key: String) {
        let (value, ttl_seconds) = (self.value(), self.ttl_seconds());
        self.keys.set(&key, &value, ttl_seconds).await;
        let expiry = (ttl_seconds > 0).then(|| Expiry::after(self.keys.span(), seconds(ttl_seconds)));
        self.model.insert(key, Entry { content: Content::Plain(value), expiry });
    }

    async fn get(&mut self, key: String) {
        if self.is_list(&key) {
            return self.pop(key).await;
        }
        let value = self.keys.get(&key).await;
        self.check(&key, value.is_some());
        self.check_value(&key, value);
    }

    #[track_caller]
    fn check_value(&self, key: &str, value: Option<Vec<u8>>) {
        if let Some(value) = value {
            assert!(self.model[key].content == Content::Plain(value), "{key} holds another value");
        }
    }

    async fn delete(&mut self, key: String) {
        let found = self.keys.delete(&key).await;
        self.check(&key, found);
        self.model.remove(&key);
    }

    async fn expire(&mut self, key: String) {
        let ttl_seconds = [0, 1, 1_000_000][self.random.below(3) as usize];
        let found = self.keys.expire(&key, ttl_seconds).await;
        self.check(&key, found);
        let span = self.keys.span();
        if let Some(entry) = self.model.get_mut(&key) {
            entry.expiry = Some(Expiry::after(span, seconds(ttl_seconds)));
        }
        if ttl_seconds == 0 {
            self.model.remove(&key);
        }
    }

    async fn persist(&mut self, key: String) {
        let removed = self.keys.persist(&key).await;
        let presence = self.presence(&key);
        let had_one = self.model.get(&key).is_some_and(|entry| entry.expiry.is_some());
        match presence {
            Presence::Either if !removed => drop(self.model.remove(&key)),
            Presence::Either => {}
            _ => assert_eq!(removed, had_one, "{key}"),
        }
        if let Some(entry) = self.model.get_mut(&key) {
            entry.expiry = None;
        }
    }

    async fn push(&mut self, key: String) {
        self.make_way_for_list(&key).await;
        let (value, left) = (self.value(), self.random.below(2) == 0);
        let length = self.keys.push(&key, &value, left).await;
        let presence = self.presence(&key);
        // One that may have expired tells by its length whether it had.
        let is_anew = presence != Presence::There && length == 1;
        let fresh = Entry { content: Content::List(VecDeque::new()), expiry: None };
        if is_anew {
            self.model.remove(&key);
        }
        let entry = self.model.entry(key.clone()).or_insert(fresh);
        let Content::List(list) = &mut entry.content else { panic!("{key} is a list") };
        if left {
            list.push_front(value);
        } else {
            list.push_back(value);
        }
        assert_eq!(length, list.len() as i64, "{key}");
    }

    async fn pop(&mut self, key: String) {
        self.make_way_for_list(&key).await;
        let left = self.random.below(2) == 0;
        let value = self.keys.pop(&key, left).await;
        self.check(&key, value.is_some());
        let Some(entry) = self.model.get_mut(&key) else { return };
        let Content::List(list) = &mut entry.content else { panic!("{key} is a list") };
        let expected = if left { list.pop_front() } else { list.pop_back() };
        let is_empty = list.is_empty();
        assert!(value == expected, "{key} has another element at its end");
        if is_empty {
            self.model.remove(&key);
        }
    }

    async fn batch_get(&mut self) {
        let keys: Vec<_> = (0..20).map(|_| format!("{}{}", self.prefix, self.random.below(KEYS))).collect();
        let values = self.keys.batch_get(keys.clone()).await;
        assert_eq!(values.len(), keys.len());
        for (key, value) in keys.into_iter().zip(values) {
            if self.is_list(&key) {
                assert_eq!(value, None, "a list is not found in a batch");
                continue;
            }
            self.check(&key, value.is_some());
            self.check_value(&key, value);
        }
    }

    async fn scan(&mut self) {
        let limit = [0, 7][self.random.below(2) as usize];
        let prefix = self.prefix.clone();
        let mut found = self.keys.scan(&prefix, limit).await;
        let span = self.keys.span();
        for (key, entry) in &self.model {
            let Content::Plain(value) = &entry.content else { continue };
            let (presence, scanned) = (entry.presence(span), found.remove(key));
            assert!(presence.allows(scanned.is_some()), "{key}: scanned is {scanned:?}, the model says {presence:?}");
            assert!(scanned.is_none_or(|scanned| scanned == *value), "{key} holds another value");
        }
        assert!(found.is_empty(), "scanned although they are not there: {:?}", found.keys());
    }

    async fn count(&mut self) {
        let prefix = self.prefix.clone();
        let count = self.keys.count(&prefix).await;
        let span = self.keys.span();
        let plain = self.model.values().filter(|entry| matches!(entry.content, Content::Plain(_)));
        let (mut least, mut most) = (0, 0);
        for presence in plain.map(|entry| entry.presence(span)) {
            least += usize::from(presence == Presence::There);
            most += usize::from(presence != Presence::Gone);
        }
        assert!((least..=most).contains(&count), "{count} keys counted, the model says {least} to {most}");
    }
}

fn seconds(ttl_seconds: i64) -> Duration {
    Duration::from_secs(ttl_seconds.unsigned_abs())
}
