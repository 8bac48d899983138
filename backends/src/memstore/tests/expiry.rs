//! Times to live.

use super::*;
use crate::limits::{SWEEP_BUCKETS_PER_TEND, SWEEP_REST_NS};

#[test]
fn an_expired_key_is_invisible_from_its_moment_on() {
    for command in 0..4 {
        let mut bench = Bench::new(1 << 20);
        bench.set_for(b"k", b"v", 10).unwrap();
        bench.now_ns += 10 * SECOND - 1;
        assert!(bench.exists(b"k"), "one nanosecond before");
        bench.now_ns += 1;
        match command {
            0 => assert_eq!(bench.get(b"k"), None),
            1 => assert!(!bench.exists(b"k")),
            2 => assert!(!bench.delete(b"k")),
            _ => bench.set(b"k", b"w").unwrap(),
        }
        assert_eq!(bench.get(b"k").is_some(), command == 3);
        assert_eq!(bench.store.counters().expiring, 0);
    }
}

#[test]
fn a_later_value_outlives_an_earlier_time_to_live() {
    let mut bench = Bench::new(1 << 20);
    bench.set_for(b"cleared", b"1", 10).unwrap();
    bench.set(b"cleared", b"2").unwrap();
    bench.set_for(b"longer", b"1", 10).unwrap();
    bench.set_for(b"longer", b"2", 20).unwrap();
    bench.set_for(b"deleted", b"1", 10).unwrap();
    bench.delete(b"deleted");
    bench.set(b"deleted", b"2").unwrap();
    bench.now_ns += 15 * SECOND;
    while bench.store.tend(bench.now_ns) {}
    for key in [&b"cleared"[..], b"longer", b"deleted"] {
        assert_eq!(bench.get(key), Some(b"2".to_vec()), "{key:?}");
    }
    bench.now_ns += 5 * SECOND;
    assert!(bench.exists(b"cleared") && !bench.exists(b"longer"));
}

/// Tends until nothing more has expired; a bound that holds for one lap and a rest.
fn settle(bench: &mut Bench) {
    let buckets: usize = bench.store.tables.iter().map(|table| table.segments() * 128 + 1).sum();
    for _ in 0..2 {
        bench.now_ns += SWEEP_REST_NS;
        for _ in 0..=buckets / SWEEP_BUCKETS_PER_TEND + 1 {
            bench.store.tend(bench.now_ns);
        }
    }
}

#[test]
fn the_sweep_collects_all_that_expired_and_nothing_else() {
    let mut bench = Bench::new(64 << 20);
    for index in 0..27_000 {
        bench.namespace = (index % 3) as u16;
        let ttl = [0, 10, 1000][index / 3 % 3];
        bench.set_for(&key(index), &value(index, 20), ttl).unwrap();
    }
    bench.now_ns += 11 * SECOND;
    settle(&mut bench);
    let counters = bench.store.counters();
    assert_eq!((counters.keys, counters.expiring, counters.expired), (18_000, 9_000, 9_000));
    bench.now_ns += 1000 * SECOND;
    settle(&mut bench);
    assert_eq!((bench.keys(), bench.store.counters().expiring), (9_000, 0));
    for index in 0..27_000 {
        bench.namespace = (index % 3) as u16;
        assert_eq!(bench.exists(&key(index)), index / 3 % 3 == 0);
    }
}

#[test]
fn tend_is_bounded_and_idle_when_nothing_can_have_expired() {
    let mut bench = Bench::new(64 << 20);
    for index in 0..20_000 {
        bench.set_for(&key(index), b"v", 10).unwrap();
    }
    assert!(!bench.store.tend(bench.now_ns), "nothing is due");
    bench.now_ns += 10 * SECOND;
    // A bucket gives up what lies in it, and what comes into it meanwhile.
    let collected_max = (SWEEP_BUCKETS_PER_TEND * 16) as u64;
    let mut calls = 0;
    loop {
        let before = bench.store.counters().expired;
        let more = bench.store.tend(bench.now_ns);
        assert!(bench.store.counters().expired - before <= collected_max);
        calls += 1;
        if !more {
            break;
        }
    }
    assert!(calls > 20, "{calls}");
    assert_eq!(bench.keys(), 0);
}

#[test]
fn churn_among_expiring_keys_hides_none_from_the_sweep() {
    let mut bench = Bench::new(64 << 20);
    for index in 0..20_000 {
        bench.set_for(&key(index), b"v", 10 + (index % 7) as i64).unwrap();
    }
    for step in 0..20_000 {
        if step % 10 == 0 {
            bench.now_ns += SECOND / 200;
            bench.store.tend(bench.now_ns);
        }
        if step % 3 == 0 {
            bench.delete(&key((step * 7919) % 20_000));
        } else if step % 3 == 1 {
            bench.set_for(&key(20_000 + step), b"w", 1).unwrap();
        }
    }
    bench.now_ns += 20 * SECOND;
    for _ in 0..3 {
        settle(&mut bench);
    }
    assert_eq!(bench.keys(), 0);
}

#[test]
fn a_full_store_takes_writes_once_something_has_expired() {
    let mut bench = Bench::new(4 << 20);
    let mut stored = 0;
    while bench.set_for(&key(stored), &value(stored, 500), 10).is_ok() {
        stored += 1;
    }
    bench.now_ns += 10 * SECOND;
    for index in 0..stored / 2 {
        bench.set(&key(1_000_000 + index), &value(index, 700)).unwrap();
    }
    assert!(bench.store.counters().expired > 0);
}
