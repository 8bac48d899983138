//! Single keys and values.

use super::*;

#[test]
fn what_was_set_is_there_until_deleted() {
    let mut bench = Bench::new(1 << 20);
    assert_eq!(bench.get(b"a"), None);
    assert!(!bench.exists(b"a") && !bench.delete(b"a"));
    bench.set(b"a", b"1").unwrap();
    bench.set(b"b", b"2").unwrap();
    bench.set(b"a", b"3").unwrap();
    assert_eq!(bench.get(b"a").as_deref(), Some(&b"3"[..]));
    assert!(bench.exists(b"b") && bench.delete(b"b") && !bench.exists(b"b") && !bench.delete(b"b"));
    assert_eq!(bench.keys(), 1);
}

#[test]
fn empty_values_and_binary_keys_are_kept() {
    let mut bench = Bench::new(1 << 20);
    let longest = [0xA5u8; 1024];
    for key in [&[0u8][..], &[0, 0], &[0xFF, 0, 0xFE], &longest, &longest[..1023]] {
        bench.set(key, b"").unwrap();
        assert_eq!(bench.get(key), Some(Vec::new()), "{key:?}");
        bench.set(key, &[0, 1, 0]).unwrap();
        assert_eq!(bench.get(key), Some(vec![0, 1, 0]), "{key:?}");
    }
    assert_eq!(bench.keys(), 5);
}

#[test]
fn namespaces_do_not_see_each_other() {
    let mut bench = Bench::new(1 << 20);
    bench.hash = Some(42);
    for namespace in 0..3 {
        bench.namespace = namespace;
        assert_eq!(bench.get(b"k"), None);
        bench.set_for(b"k", &[namespace as u8], i64::from(namespace)).unwrap();
    }
    for namespace in 0..3 {
        bench.namespace = namespace;
        assert_eq!(bench.get(b"k"), Some(vec![namespace as u8]));
    }
    bench.namespace = 3;
    assert!(bench.execute(Command::Get { key: b"k" }).is_err());
}

#[test]
fn every_size_is_written_and_overwritten_by_every_other() {
    let sizes = [0, 1, 7, 8, 9, 63, 64, 65, 100, 1000, 4096, 8150, 8192, 8193, 9000, 65_536, 1 << 20];
    let mut bench = Bench::new(32 << 20);
    for (index, &first) in sizes.iter().enumerate() {
        for &second in &sizes {
            bench.set(b"k", &value(index, first)).unwrap();
            assert_eq!(bench.get(b"k"), Some(value(index, first)));
            bench.set_for(b"k", &value(index + 1, second), 1).unwrap();
            assert_eq!(bench.get(b"k"), Some(value(index + 1, second)), "{first} then {second}");
        }
    }
    assert_eq!(bench.keys(), 1);
}

#[test]
fn lengths_beyond_the_record_are_refused() {
    let mut bench = Bench::new(1 << 20);
    let failure = bench.set(&[1; crate::limits::KEY_BYTES_MAX + 1], b"").unwrap_err();
    assert_eq!(failure.kind, crate::FailureKind::Invalid);
    assert_eq!(bench.set_for(b"k", b"", -1).unwrap_err().kind, crate::FailureKind::Invalid);
}

#[test]
fn keys_of_one_hash_are_answered_or_refused_and_cost_nothing_else() {
    let mut bench = Bench::new(64 << 20);
    for hash in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
        let mut bench = Bench { hash: Some(hash), ..Bench::new(64 << 20) };
        let stored: Vec<usize> = (0..2000).filter(|&index| bench.set(&key(index), &key(index)).is_ok()).collect();
        assert_eq!(stored.len(), 64, "a probe's worth");
        assert_eq!(bench.store.tables[0].segments(), 1, "a split would part nothing");
        let failure = bench.set(b"another", b"").unwrap_err();
        assert_eq!(failure.kind, crate::FailureKind::Exhausted);
        assert!(failure.context.contains("same hash"), "{failure:?}");
        for index in 0..2000 {
            let expected = stored.contains(&index).then(|| key(index));
            assert_eq!(bench.get(&key(index)), expected);
        }
        for index in &stored {
            bench.set(&key(*index), b"new").unwrap();
            assert!(bench.delete(&key(*index)));
            assert!(!bench.exists(&key(*index)));
        }
        assert_eq!(bench.keys(), 0);
    }
    // Alike but for one late bit: each write splits at most once more, and stops at the depth's bound.
    let low = (0..200usize).map(|index| (index as u64 & 1) << 9);
    let mut stored = 0;
    for (index, hash) in low.enumerate() {
        bench.hash = Some(hash);
        stored += usize::from(bench.set(&key(index), b"").is_ok());
    }
    assert!(stored >= 64 && bench.store.tables[0].segments() <= 24, "{stored}");
}

#[test]
fn colliding_keys_of_many_buckets_survive_deletions_among_them() {
    // Few homes and prefixes, so that runs of full buckets overflow into each other and wrap round.
    let mut bench = Bench::new(64 << 20);
    let hash = |index: usize| (120 + index as u64 % 20) << 32 | (index as u64 % 7) << 29;
    let mut stored = std::collections::BTreeSet::new();
    for round in 0..20usize {
        for index in 0..1500 {
            bench.hash = Some(hash(index));
            if (index * 7 + round * 13) % 3 == 0 {
                assert_eq!(bench.delete(&key(index)), stored.remove(&index), "{index} in {round}");
            } else if bench.set(&key(index), &key(index)).is_ok() {
                stored.insert(index);
            }
        }
        for index in 0..1500 {
            bench.hash = Some(hash(index));
            assert_eq!(bench.exists(&key(index)), stored.contains(&index), "{index} in {round}");
        }
    }
    assert_eq!(bench.keys(), stored.len() as u64);
}
