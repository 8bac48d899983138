//! The calls about times to live.

use super::*;

#[test]
fn a_time_to_live_is_set_read_and_removed() {
    let mut bench = Bench::new(32 << 20);
    // Every size at which a record comes to have an allocation of its own, with an expiry or without.
    for bytes in [0, 1, 20, 21, 4000, 9000, 1 << 20].into_iter().chain(8_120..8_200) {
        let (key, value) = (key(bytes), value(bytes, bytes));
        assert_eq!((bench.expire(&key, 5), bench.ttl(&key), bench.persist(&key)), (false, -2, false));
        bench.set(&key, &value).unwrap();
        assert_eq!((bench.ttl(&key), bench.persist(&key)), (-1, false));
        for ttl_seconds in [3_153_600_000, 1, 1, 7] {
            assert!(bench.expire(&key, ttl_seconds));
            assert_eq!((bench.ttl(&key), bench.get(&key)), (ttl_seconds, Some(value.clone())), "{bytes}");
        }
        assert!(bench.persist(&key) && !bench.persist(&key));
        assert_eq!((bench.ttl(&key), bench.get(&key)), (-1, Some(value.clone())));
        assert!(bench.expire(&key, 3));
        bench.now_ns += 3 * SECOND;
        assert_eq!((bench.ttl(&key), bench.expire(&key, 9), bench.persist(&key)), (-2, false, false), "{bytes}");
        assert_eq!((bench.get(&key), bench.store.counters().expiring), (None, 0));
    }
    assert_eq!(bench.keys(), 0);
}

#[test]
fn what_remains_is_rounded_up() {
    let mut bench = Bench::new(1 << 20);
    bench.set_for(b"k", b"v", 2).unwrap();
    for (passed_ns, expected) in [(0, 2), (1, 2), (SECOND - 1, 1), (1, 1), (SECOND - 2, 1), (1, -2)] {
        bench.now_ns += passed_ns;
        assert_eq!(bench.ttl(b"k"), expected);
    }
}

#[test]
fn no_seconds_or_fewer_mean_now() {
    let mut bench = Bench::new(1 << 20);
    for ttl_seconds in [0, -1, i64::MIN] {
        bench.set(b"k", b"v").unwrap();
        assert!(bench.expire(b"k", ttl_seconds));
        assert!(!bench.exists(b"k") && !bench.expire(b"k", ttl_seconds));
    }
    assert_eq!(bench.keys(), 0);
}

#[test]
fn a_later_set_has_its_own_time() {
    let mut bench = Bench::new(1 << 20);
    bench.set(b"cleared", b"1").unwrap();
    bench.set(b"longer", b"1").unwrap();
    assert!(bench.expire(b"cleared", 5) && bench.expire(b"longer", 5));
    bench.set(b"cleared", b"2").unwrap();
    bench.set_for(b"longer", b"2", 20).unwrap();
    assert_eq!((bench.ttl(b"cleared"), bench.ttl(b"longer")), (-1, 20));
    bench.now_ns += 6 * SECOND;
    while bench.store.tend(bench.now_ns) {}
    assert!(bench.exists(b"cleared") && bench.exists(b"longer"));
}

#[test]
fn a_full_store_refuses_a_time_to_live_that_needs_room_and_changes_nothing() {
    let mut bench = Bench::new(1 << 20);
    let mut stored = 0;
    while bench.set(&key(stored), &value(stored, 48)).is_ok() {
        stored += 1;
    }
    let failures = (0..stored).filter(|&index| {
        let outcome = bench.execute(Command::Expire { key: &key(index), ttl_seconds: 10 });
        outcome.is_err_and(|failure| {
            assert_eq!(failure.kind, crate::FailureKind::Exhausted);
            assert!(failure.context.contains("memory_bytes_max"), "{failure:?}");
            true
        })
    });
    assert!(failures.count() > 0);
    for index in 0..stored {
        assert_eq!(bench.get(&key(index)), Some(value(index, 48)));
    }
}
