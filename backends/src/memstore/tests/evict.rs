//! What is dropped at the bound, and that a write does bounded work for it.

use super::*;
use crate::limits::EVICTIONS_PER_ATTEMPT;
use crate::memstore::Eviction;
use crate::memstore::word::Reference;
use crate::{FailureKind, Side};
use std::collections::{BTreeMap, HashMap};

fn bench(memory_bytes_max: usize, eviction: Eviction) -> Bench {
    let mut bench = Bench::new(memory_bytes_max);
    bench.store.set_evictions(&[eviction; 3]);
    bench
}

/// Numbers from 0 on, each as likely as its rank is high, from a generator of its own.
struct Zipf {
    sums: Vec<f64>,
    state: u64,
}

impl Zipf {
    fn new(keys: usize, seed: u64) -> Self {
        let mut sum = 0.0;
        let weigh = |rank| {
            sum += 1.0 / (rank as f64 + 1.0);
            sum
        };
        Self { sums: (0..keys).map(weigh).collect(), state: seed | 1 }
    }

    fn next(&mut self) -> usize {
        // xorshift64*, whose upper bits are the good ones.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        let at = random as f64 / (1u64 << 53) as f64 * self.sums[self.sums.len() - 1];
        self.sums.partition_point(|sum| *sum <= at)
    }
}

/// An exact LRU cache of so many keys.
#[derive(Default)]
struct Lru {
    by_key: HashMap<usize, u64>,
    by_time: BTreeMap<u64, usize>,
    time: u64,
}

impl Lru {
    /// Whether the key was there; it is then.
    fn access(&mut self, key: usize, keys_max: usize) -> bool {
        self.time += 1;
        let old = self.by_key.insert(key, self.time);
        if let Some(old) = old {
            self.by_time.remove(&old);
        }
        self.by_time.insert(self.time, key);
        if self.by_key.len() > keys_max {
            let (_, oldest) = self.by_time.pop_first().unwrap();
            self.by_key.remove(&oldest);
        }
        old.is_some()
    }
}

#[test]
fn s3fifo_hits_at_least_as_often_as_exact_lru() {
    const KEYS: usize = 60_000;
    const ACCESSES: usize = 300_000;
    // How many keys fit when a tenth of them does.
    let bytes = |keys: usize| keys * 104;
    for seed in [1, 2] {
        let mut bench = bench(bytes(KEYS / 10), Eviction::S3Fifo);
        let (mut zipf, mut hits, mut most) = (Zipf::new(KEYS, seed), 0, 0);
        for _ in 0..ACCESSES {
            let index = zipf.next();
            if bench.get(&key(index)).is_some() {
                hits += 1;
            } else {
                bench.set(&key(index), &value(index, 64)).unwrap();
                most = most.max(bench.keys() as usize);
            }
        }
        // As many as the store ever had at a time: it was not given more room.
        assert!((KEYS / 11..=KEYS / 9).contains(&most), "{most} keys");
        let (mut zipf, mut lru, mut lru_hits) = (Zipf::new(KEYS, seed), Lru::default(), 0);
        for _ in 0..ACCESSES {
            lru_hits += usize::from(lru.access(zipf.next(), most));
        }
        assert!(hits >= lru_hits, "{hits} hits, {lru_hits} by LRU");
        assert_eq!(bench.store.counters().rejected, 0);
    }
}

#[test]
fn overhead_with_s3fifo_is_at_most_a_byte_more() {
    let mut bench = bench(1 << 30, Eviction::S3Fifo);
    for index in 0..1_000_000 {
        bench.set(&key(index), &value(index, 64)).unwrap();
    }
    // Beside the ghosts, of which there are as many as there could be kilobytes.
    let overhead = (bench.memory_bytes() - (2 << 20)) as f64 / 1_000_000.0 - 80.0;
    assert!(overhead <= 25.0, "{overhead} bytes");
}

#[test]
fn every_write_finds_room_by_dropping_a_bounded_number() {
    for eviction in [Eviction::S3Fifo, Eviction::SoonestExpiry] {
        let mut bench = bench(8 << 20, eviction);
        let mut last = 0;
        for index in 0..60_000 {
            let bytes = [8, 100, 30, 700, 64, 3_000][index % 6] + index % 7;
            bench.set_for(&key(index), &value(index, bytes), 1_000 + (index % 100) as i64).unwrap();
            assert_eq!(bench.get(&key(index)), Some(value(index, bytes)), "what was written is there");
            let evictions = bench.store.counters().evictions;
            assert!(evictions - last <= (12 * EVICTIONS_PER_ATTEMPT) as u64, "{} at {index}", evictions - last);
            last = evictions;
            assert!(bench.memory_bytes() <= 8 << 20);
        }
        bench.set_for(b"large", &value(1, 1 << 20), 1_000).unwrap();
        assert_eq!(bench.get(b"large"), Some(value(1, 1 << 20)));
        assert!(last > 10_000 && bench.store.counters().rejected == 0, "{last}");
    }
}

#[test]
fn the_soonest_to_expire_go_first() {
    let mut bench = bench(2 << 20, Eviction::SoonestExpiry);
    bench.set(b"lasting", b"").unwrap();
    let mut stored = 0;
    while bench.store.counters().evictions == 0 {
        // The later they are written the sooner they expire.
        bench.set_for(&key(stored), &value(stored, 1_000), 1_000_000 - 300 * stored as i64).unwrap();
        stored += 1;
    }
    assert!(bench.exists(b"lasting"));
    let left: Vec<usize> = (0..stored).filter(|&index| bench.exists(&key(index))).collect();
    // The one that was just written does not count among those that it was made room among.
    let evicted: Vec<usize> = (0..stored).filter(|index| !left.contains(index)).collect();
    assert!(evicted.iter().all(|index| *index >= stored - 80), "{evicted:?} of {stored}");
}

#[test]
fn without_a_policy_or_a_key_to_drop_a_write_is_refused() {
    for (eviction, ttl) in [(Eviction::None, 10), (Eviction::SoonestExpiry, 0)] {
        let mut bench = bench(1 << 20, eviction);
        let full = (0..20_000).find_map(|index| bench.set_for(&key(index), &value(index, 500), ttl).err());
        assert_eq!(full.unwrap().kind, FailureKind::Exhausted);
        assert_eq!(bench.store.counters().evictions, 0);
    }
}

#[test]
fn lists_stay_and_namespaces_have_their_own_policy() {
    let mut bench = Bench::new(4 << 20);
    bench.store.set_evictions(&[Eviction::None, Eviction::S3Fifo, Eviction::SoonestExpiry]);
    for index in 0..100 {
        bench.set(&key(index), &value(index, 100)).unwrap();
    }
    bench.namespace = 1;
    let list =
        |bench: &mut Bench| bench.execute(Command::Length { key: b"list" }).map(|reply| reply == Reply::Length(1));
    bench.execute(Command::Push { key: b"list", value: &[7; 5_000], side: Side::Left }).unwrap();
    for index in 0..20_000 {
        bench.set(&key(index), &value(index, 500)).unwrap();
    }
    assert_eq!(list(&mut bench), Ok(true));
    // One whose keys stay has room made for it among the others.
    bench.namespace = 0;
    for index in 100..2_000 {
        bench.set(&key(index), &value(index, 100)).unwrap();
    }
    assert!((0..2_000).all(|index| bench.exists(&key(index))));
    bench.namespace = 1;
    assert_eq!(list(&mut bench), Ok(true));
}

#[test]
fn large_values_find_room_where_many_small_ones_were() {
    let mut bench = bench(8 << 20, Eviction::S3Fifo);
    for index in 0..100_000 {
        bench.set(&key(index), b"").unwrap();
    }
    // The table stays as large as it was, and nearly all of it is empty.
    let large = value(1, 500_000);
    for index in 100_000..100_150 {
        let (mut message, set) = adopt::message(&key(index), &large);
        assert_eq!(bench.adopt(&mut message, &set), Some(Ok(())), "{index}");
        assert!(bench.get(&key(index)).as_ref() == Some(&large));
    }
    assert_eq!(bench.store.counters().rejected, 0);
}

#[test]
fn what_was_on_probation_is_not_looked_for_within_a_long_value() {
    let mut bench = bench(4 << 20, Eviction::S3Fifo);
    bench.set(&key(1), &[0xff; 9_001]).unwrap();
    let (_, reference) = bench.store.lookup(&bench.context(&key(1)), &key(1)).unwrap();
    assert!(bench.store.arena.live_record(reference).is_some());
    for offset in (8..9_100).step_by(8) {
        let stale = Reference::new(reference.page(), offset);
        assert!(bench.store.arena.live_record(stale).is_none(), "at {offset}");
    }
}

#[test]
fn keys_of_others_that_expire_sooner_are_not_in_the_way() {
    let mut bench = Bench::new(4 << 20);
    bench.store.set_evictions(&[Eviction::None, Eviction::SoonestExpiry]);
    for index in 0..1_000 {
        bench.set_for(&key(index), &value(index, 100), 10).unwrap();
    }
    bench.namespace = 1;
    for index in 0..200 {
        bench.execute(Command::Push { key: &key(index), value: b"element", side: Side::Left }).unwrap();
        assert!(bench.expire(&key(index), 20));
    }
    for index in 1_000..12_000 {
        bench.set_for(&key(index), &value(index, 500), 1_000).unwrap();
    }
    assert_eq!(bench.store.counters().rejected, 0);
    bench.namespace = 0;
    assert!((0..1_000).all(|index| bench.exists(&key(index))));
}

#[test]
fn a_log_grows_where_keys_have_taken_all() {
    let mut bench = bench(4 << 20, Eviction::S3Fifo);
    for index in 0..20_000 {
        bench.set(&key(index), &value(index, 500)).unwrap();
    }
    let payload = vec![7; 1_000];
    for _ in 0..1_000 {
        let record = crate::Record { timestamp_ms: 1, key: b"", metadata: b"", payload: &payload };
        let command = crate::command::LogCommand::Append { record };
        bench.execute(Command::Log { topic: b"topic", command }).unwrap();
    }
    let counters = bench.store.counters();
    assert!(counters.log_bytes > 1_000_000 && counters.memory_bytes <= 4 << 20, "{counters:?}");
}
