//! Times to live.

use super::*;
use crate::limits::TIMERS_PER_TEND;

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

/// Tends until nothing more is due.
fn settle(bench: &mut Bench) {
    while bench.store.tend(bench.now_ns) {}
    assert_eq!(bench.store.counters().backlog, 0);
}

#[test]
fn all_that_expired_is_collected_and_nothing_else() {
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
fn tend_is_bounded_and_says_what_is_left() {
    let mut bench = Bench::new(64 << 20);
    for index in 0..20_000 {
        bench.set_for(&key(index), b"v", 10).unwrap();
    }
    assert!(!bench.store.tend(bench.now_ns), "nothing is due");
    bench.now_ns += 10 * SECOND;
    let mut calls = 0;
    loop {
        let before = bench.store.counters();
        let more = bench.store.tend(bench.now_ns);
        let after = bench.store.counters();
        assert!(after.expired - before.expired <= TIMERS_PER_TEND as u64);
        assert_eq!(after.backlog, if more { after.keys } else { 0 });
        calls += 1;
        if !more {
            break;
        }
    }
    assert!(calls > 20, "{calls}");
    assert_eq!(bench.keys(), 0);
}

#[test]
fn few_that_expire_among_many_are_collected_at_once() {
    let mut bench = Bench::new(1 << 30);
    for index in 0..1_000_000 {
        let ttl = if index % 10_000 == 0 { 10 } else { 100_000 + (index % 1_000) as i64 };
        bench.set_for(&key(index), b"v", ttl).unwrap();
    }
    bench.now_ns += 10 * SECOND;
    let mut calls = 1;
    while bench.store.tend(bench.now_ns) {
        calls += 1;
    }
    assert_eq!((bench.keys(), bench.store.counters().expired), (999_900, 100));
    // Each came nearer twice or thrice before it was due; the others were not touched.
    assert!(calls <= 4, "{calls}");
}

#[test]
fn a_time_to_live_costs_little_memory() {
    let mut bench = Bench::new(1 << 30);
    for index in 0..100_000 {
        bench.set(&key(index), &value(index, 60)).unwrap();
    }
    let before = bench.memory_bytes();
    for index in 0..100_000 {
        assert!(bench.expire(&key(index), 1_000));
    }
    let each = (bench.memory_bytes() - before) as f64 / 100_000.0;
    assert!(each <= 33.0, "{each} bytes for each");
    for index in 0..100_000 {
        bench.set_for(&key(index), &value(index, 60), 1_000 + (index % 100) as i64).unwrap();
    }
    let each = (bench.memory_bytes() - before) as f64 / 100_000.0;
    assert!(each <= 33.0, "{each} bytes for each after another round");
}

#[test]
fn churn_among_expiring_keys_loses_no_timer() {
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
    settle(&mut bench);
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
