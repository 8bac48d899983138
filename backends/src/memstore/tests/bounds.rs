//! Memory and work are bounded.

use super::*;
use crate::FailureKind;
use crate::limits::{BUCKET_SLOTS, SEGMENT_BUCKETS};

#[test]
fn overhead_is_at_most_24_bytes_a_key() {
    let mut bench = Bench::new(1 << 30);
    bench.namespace = 2;
    for (index, keys) in [(0, 250_000), (250_000, 400_000), (400_000, 650_000), (650_000, 1_000_000)] {
        for index in index..keys {
            bench.set(&key(index), &value(index, 64)).unwrap();
        }
        let overhead = bench.memory_bytes() as f64 / keys as f64 - 80.0;
        assert!(overhead <= 24.0, "{overhead} bytes at {keys} keys");
    }
    assert_eq!(bench.keys(), 1_000_000);
}

#[test]
fn growing_does_bounded_work_for_each_key() {
    let mut bench = Bench::new(1 << 30);
    let mut last = bench.store.growth();
    for index in 0..300_000 {
        bench.set(&key(index), b"").unwrap();
        let growth = bench.store.growth();
        let (moved, zeroed) = (growth.entries_moved - last.entries_moved, growth.bytes_zeroed - last.bytes_zeroed);
        assert!(moved <= (SEGMENT_BUCKETS * BUCKET_SLOTS) as u64, "{moved} at {index}");
        assert!(zeroed <= (SEGMENT_BUCKETS * 64) as u64, "{zeroed} at {index}");
        let copied = growth.directory_bytes_copied - last.directory_bytes_copied;
        assert!(copied <= bench.store.tables[0].segments() as u64 * 32, "{copied} at {index}");
        last = growth;
    }
    assert!(last.entries_moved < 3 * 300_000, "{last:?}");
}

fn fill(bench: &mut Bench, first: usize, size: impl Fn(usize) -> usize) -> Vec<(usize, usize)> {
    let bound = bench.store.counters().memory_bytes_max;
    let mut stored = Vec::new();
    for index in first.. {
        let bytes = size(index);
        match bench.set(&key(index), &value(index, bytes)) {
            Ok(()) => stored.push((index, bytes)),
            Err(failure) => {
                assert_eq!(failure.kind, FailureKind::Exhausted);
                assert!(failure.context.contains("backends.memory.memory_bytes_max"), "{failure:?}");
                break;
            }
        }
        assert!(bench.memory_bytes() <= bound);
    }
    stored
}

#[test]
fn filled_to_refusal_with_all_sizes_it_stays_in_its_bound_and_keeps_all() {
    let mut bench = Bench::new(24 << 20);
    let stored = fill(&mut bench, 0, |index| 1 << (index * 7 % 21));
    let held: usize = stored.iter().map(|(_, bytes)| bytes).sum();
    assert!(held > 18 << 20, "{held} bytes");
    for &(index, bytes) in &stored {
        assert_eq!(bench.get(&key(index)), Some(value(index, bytes)));
    }
    assert_eq!(bench.store.counters().rejected, 1);
    for &(index, _) in &stored {
        assert!(bench.delete(&key(index)));
    }
    // The table stays, and one page.
    assert!(bench.memory_bytes() < 1 << 18, "{}", bench.memory_bytes());
}

#[test]
fn a_failed_overwrite_keeps_the_old_value() {
    let mut bench = Bench::new(4 << 20);
    let stored = fill(&mut bench, 0, |_| 100);
    let failure = bench.set_for(&key(5), &value(5, 1 << 20), 10).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Exhausted);
    bench.now_ns += 20 * SECOND;
    for &(index, bytes) in &stored {
        assert_eq!(bench.get(&key(index)), Some(value(index, bytes)));
    }
    bench.set(&key(5), &value(6, 98)).unwrap();
    assert_eq!(bench.get(&key(5)), Some(value(6, 98)), "one of the same class still goes in");
}

#[test]
fn a_full_store_takes_an_overwrite_that_frees_what_it_needs() {
    let mut bench = Bench::new(4 << 20);
    let stored = fill(&mut bench, 0, |_| 500_000);
    for &(index, _) in &stored {
        bench.set(&key(index), &value(index, 490_000)).unwrap();
        bench.set(&key(index), &value(index, 500_000)).unwrap();
        bench.set(&key(index), &value(index, 10)).unwrap();
    }
}

#[test]
fn memory_of_one_size_serves_another() {
    let mut bench = Bench::new(32 << 20);
    let fresh = fill(&mut bench, 0, |_| 1024).len();
    for index in 0..fresh {
        bench.delete(&key(index));
    }
    let first = fill(&mut bench, 0, |_| 64);
    // One key in ten stays, so that no page is empty.
    for &(index, _) in &first {
        if index % 10 != 0 {
            assert!(bench.delete(&key(index)));
        }
    }
    let second = fill(&mut bench, 10_000_000, |_| 1024);
    // Of each former key a tenth of its record and its part of the table, which does not shrink, are still in use.
    assert!(second.len() > fresh * 3 / 4, "{} of {fresh}", second.len());
    for &(index, bytes) in first.iter().filter(|(index, _)| index % 10 == 0).chain(&second) {
        assert_eq!(bench.get(&key(index)), Some(value(index, bytes)), "{index}");
    }
    // Round after round of the same leaves no more behind.
    let mut last = second;
    for round in 2..6 {
        for (index, _) in last {
            assert!(bench.delete(&key(index)));
        }
        let sizes = [64, 1024, 300, 5000];
        last = fill(&mut bench, round * 10_000_000, |_| sizes[round % 4]);
        let held: usize = last.iter().map(|(_, bytes)| bytes + 16).sum();
        assert!(held > 18 << 20, "{held} bytes in round {round}");
    }
}

#[test]
fn records_that_move_keep_namespace_value_and_expiry() {
    let mut bench = Bench::new(8 << 20);
    let spread = |bench: &mut Bench, index: usize| bench.namespace = (index % 3) as u16;
    let ttl = |index: usize| [0, 10, 1000][index / 3 % 3];
    let keys = 50_000;
    for index in 0..keys {
        spread(&mut bench, index);
        bench.set_for(&key(index), &value(index, 40 + index % 30), ttl(index)).unwrap();
    }
    let stays = |index: usize| index.wrapping_mul(2_654_435_761) >> 7 & 7 == 0;
    for index in (0..keys).filter(|&index| !stays(index)) {
        spread(&mut bench, index);
        assert!(bench.delete(&key(index)));
    }
    let before = bench.memory_bytes();
    // Nearly as much as the store may hold, so that sparse pages have to be vacated by the dozen.
    let large = value(1, 1 << 20);
    for index in 0..5 {
        bench.set(&key(keys + index), &large).unwrap();
    }
    assert!(before + 5 * large.len() > 8 << 20, "{before} bytes left no need to move anything");
    let check = |bench: &mut Bench, is_gone: &dyn Fn(usize) -> bool| {
        for index in 0..keys {
            spread(bench, index);
            let expected = (stays(index) && !is_gone(index)).then(|| value(index, 40 + index % 30));
            assert_eq!(bench.get(&key(index)), expected, "{index}");
        }
    };
    check(&mut bench, &|_| false);
    bench.now_ns += 10 * SECOND;
    check(&mut bench, &|index| ttl(index) == 10);
}

#[test]
fn a_store_with_no_memory_refuses_everything_politely() {
    for memory_bytes_max in [0, 1, 1000, 10_000, 70_000] {
        let mut bench = Bench::new(memory_bytes_max);
        assert_eq!(bench.set(b"k", b"v").unwrap_err().kind, FailureKind::Exhausted);
        assert_eq!((bench.get(b"k"), bench.exists(b"k"), bench.delete(b"k")), (None, false, false));
    }
}
