//! Values that stay in the memory of their message.

use super::*;
use crate::limits::PAGE_BYTES;
use crate::memstore::record::TAIL_BYTES;

const LARGE_BYTES: usize = 100_000;

/// A message with key and value as clients write it, and the room behind it that the engine leaves.
pub(super) fn message(key: &[u8], value: &[u8]) -> (Vec<u8>, PlacedSet) {
    let mut message = Vec::with_capacity(key.len() + 6 + value.len() + key.len() + TAIL_BYTES);
    message.extend_from_slice(&[0x0a, key.len() as u8]);
    message.extend_from_slice(key);
    message.extend_from_slice(&[0x12, 0x80, 0x80, 0x40]);
    let start = message.len();
    message.extend_from_slice(value);
    let set = PlacedSet { key: 2..2 + key.len(), value: start..message.len() };
    (message, set)
}

fn adopt(bench: &mut Bench, index: usize, bytes: usize) -> (Vec<u8>, Option<Result<(), Failure>>) {
    let (mut message, set) = message(&key(index), &value(bytes, bytes));
    let outcome = bench.adopt(&mut message, &set);
    (message, outcome)
}

#[test]
fn an_adopted_value_is_the_keys_and_all_its_memory_is_counted() {
    let mut bench = Bench::new(16 << 20);
    bench.set(&key(0), b"small").unwrap();
    let before = bench.memory_bytes();
    let (left, outcome) = adopt(&mut bench, 1, LARGE_BYTES);
    assert_eq!((outcome, left.capacity()), (Some(Ok(())), 0));
    let capacity = message(&key(1), &value(1, LARGE_BYTES)).0.capacity();
    let counted = bench.memory_bytes() - before;
    // The entry's first record may have left its page to spare.
    assert!((capacity..capacity + 1_000 + PAGE_BYTES).contains(&counted), "{counted} for {capacity}");
    assert_eq!(bench.get(&key(1)), Some(value(LARGE_BYTES, LARGE_BYTES)));
    assert_eq!((bench.keys(), bench.ttl(&key(1))), (2, -1));
    assert!(bench.expire(&key(1), 5) && bench.ttl(&key(1)) == 5 && bench.persist(&key(1)));
    assert_eq!(bench.get(&key(1)), Some(value(LARGE_BYTES, LARGE_BYTES)));
    let held = bench.memory_bytes();
    assert!(bench.delete(&key(1)));
    assert!(held - bench.memory_bytes() >= capacity, "{held}, then {}", bench.memory_bytes());
}

#[test]
fn what_it_replaces_leaves_its_memory_for_the_next_message() {
    let mut bench = Bench::new(16 << 20);
    let (first, set) = message(&key(1), &value(1, LARGE_BYTES));
    let memory = first.as_ptr();
    let mut buffer = first;
    assert_eq!(bench.adopt(&mut buffer, &set), Some(Ok(())));
    let counted = bench.memory_bytes();
    let (mut buffer, set) = message(&key(1), &value(2, LARGE_BYTES));
    assert_eq!(bench.adopt(&mut buffer, &set), Some(Ok(())));
    assert_eq!((buffer.as_ptr(), bench.memory_bytes()), (memory, counted));
    assert_eq!(bench.get(&key(1)), Some(value(2, LARGE_BYTES)));
}

#[test]
fn what_is_small_expires_or_wastes_memory_is_left_alone() {
    let mut bench = Bench::new(16 << 20);
    bench.set_for(&key(1), b"soon gone", 10).unwrap();
    assert_eq!(adopt(&mut bench, 1, LARGE_BYTES).1, None);
    assert_eq!(adopt(&mut bench, 2, 100).1, None);
    let (mut large, set) = message(&key(2), &value(2, LARGE_BYTES));
    large.reserve_exact(2 * LARGE_BYTES);
    assert_eq!(bench.adopt(&mut large, &set), None);
    assert_eq!(&large[set.value], &value(2, LARGE_BYTES)[..], "nothing has happened to it");
    assert_eq!((bench.get(&key(1)), bench.get(&key(2)), bench.keys()), (Some(b"soon gone".to_vec()), None, 1));
}

#[test]
fn without_room_nothing_is_adopted_and_the_old_value_stays() {
    let mut bench = Bench::new(1 << 20);
    let mut stored = 0;
    while adopt(&mut bench, stored, LARGE_BYTES).1 == Some(Ok(())) {
        stored += 1;
        assert!(bench.memory_bytes() <= 1 << 20);
    }
    assert!(stored >= 9, "{stored}");
    let keys = bench.keys();
    for index in [stored, 0] {
        let failure = adopt(&mut bench, index, 3 * LARGE_BYTES).1.unwrap().unwrap_err();
        assert_eq!(failure.kind, crate::FailureKind::Exhausted);
    }
    assert_eq!((bench.keys(), bench.exists(&key(stored))), (keys, false));
    assert!(bench.memory_bytes() <= 1 << 20);
    assert_eq!(bench.get(&key(0)), Some(value(LARGE_BYTES, LARGE_BYTES)));
    assert_eq!(adopt(&mut bench, 0, LARGE_BYTES).1, Some(Ok(())), "one of the same length still goes in");
}
