//! A namespace's own bound: what is counted for it is what it has, and others do not feel it.

use super::*;
use crate::command::LogCommand;
use crate::memstore::{Bound, Eviction};
use crate::{FailureKind, Record, Side};
use proptest::prelude::*;

const BOUND: usize = 256 << 10;

/// A store whose first namespace has a bound of its own.
fn bench(eviction: Eviction) -> Bench {
    let mut bench = Bench::new(16 << 20);
    bench.store.set_evictions(&[eviction; 3]);
    bench.store.set_bounds(&[Bound { name: "tight".to_owned(), bytes_max: Some(BOUND) }]);
    bench
}

/// What is counted for each namespace, which is what it has.
fn counted(bench: &Bench) -> Vec<usize> {
    let (counted, there) = bench.store.audit_shares();
    assert_eq!(counted, there);
    counted
}

fn push(bench: &mut Bench, key: &[u8], value: &[u8], side: Side) -> Result<(), Failure> {
    bench.execute(Command::Push { key, value, side }).map(drop)
}

fn append(bench: &mut Bench, topic: &[u8], payload: &[u8]) -> Result<(), Failure> {
    let record = Record { timestamp_ms: 0, key: b"", metadata: b"", payload };
    bench.execute(Command::Log { topic, command: LogCommand::Append { record } }).map(drop)
}

fn assert_names_bound(failure: &Failure) {
    assert_eq!(failure.kind, FailureKind::Exhausted);
    assert!(failure.context.contains("namespaces.tight.memory_bytes_max"), "{failure:?}");
}

#[test]
fn without_a_policy_a_write_fails_and_others_are_taken() {
    let mut bench = bench(Eviction::None);
    let mut stored = 0;
    let failure = loop {
        match bench.set(&key(stored), &value(stored, 300)) {
            Ok(()) => stored += 1,
            Err(failure) => break failure,
        }
        assert!(counted(&bench)[0] <= BOUND);
    };
    assert_names_bound(&failure);
    assert!(stored * 316 > BOUND / 2, "{stored}");
    for index in 0..stored {
        assert_eq!(bench.get(&key(index)), Some(value(index, 300)));
    }
    assert_names_bound(&push(&mut bench, b"list", &[1; 2_000], Side::Left).unwrap_err());
    assert_names_bound(&append(&mut bench, b"topic", &[1; 2_000]).unwrap_err());
    assert_names_bound(&bench.set(b"large", &[1; BOUND]).unwrap_err());
    bench.namespace = 1;
    for index in 0..10 * stored {
        bench.set(&key(index), &value(index, 300)).unwrap();
    }
    bench.namespace = 0;
    assert!(bench.delete(&key(3)));
    bench.set(&key(3), &value(4, 300)).unwrap();
    assert_eq!(counted(&bench)[2], 0);
}

#[test]
fn what_has_expired_goes_first() {
    let mut bench = bench(Eviction::None);
    let mut index = 0;
    while bench.set_for(&key(index), &value(index, 300), 10).is_ok() {
        index += 1;
    }
    bench.now_ns += 20 * SECOND;
    for again in 0..index {
        bench.set(&key(1_000_000 + again), &value(again, 300)).unwrap();
    }
    assert!(counted(&bench)[0] <= BOUND);
}

#[test]
fn a_policy_drops_keys_of_the_namespace_and_no_others() {
    for eviction in [Eviction::S3Fifo, Eviction::SoonestExpiry] {
        let mut bench = bench(eviction);
        bench.namespace = 1;
        for index in 0..2_000 {
            // These timers come first in the wheel, and say nothing about the other namespace.
            bench.set_for(&key(index), &value(index, 100), 50).unwrap();
        }
        bench.namespace = 0;
        for index in 0..5_000 {
            let bytes = [100, 1_000, 20_000][index % 3];
            bench.set_for(&key(index), &value(index, bytes), 1_000).unwrap();
            assert_eq!(bench.get(&key(index)), Some(value(index, bytes)), "what was written is there");
            assert!(bench.store.budget.share_used_bytes(0) <= BOUND);
        }
        assert!(counted(&bench)[0] > BOUND / 2, "{:?}", counted(&bench));
        bench.namespace = 1;
        for index in 0..2_000 {
            assert!(bench.exists(&key(index)), "{eviction:?}: {index} of another namespace was dropped");
        }
    }
}

#[test]
fn logs_of_the_namespace_drop_their_own_oldest_records() {
    let mut bench = bench(Eviction::None);
    bench.namespace = 1;
    append(&mut bench, b"other", b"kept").unwrap();
    let others = counted(&bench)[1];
    bench.namespace = 0;
    for index in 0..2_000 {
        append(&mut bench, format!("topic {}", index % 5).as_bytes(), &value(index, 1_000)).unwrap();
        assert!(bench.store.budget.share_used_bytes(0) <= BOUND);
    }
    let counted = counted(&bench);
    assert!(counted[0] > BOUND / 2 && counted[1] == others, "{counted:?}");
}

#[test]
fn a_bound_that_is_lowered_takes_nothing_away_and_lets_less_in() {
    let mut bench = bench(Eviction::None);
    (0..100).for_each(|index| bench.set(&key(index), &value(index, 1_000)).unwrap());
    let set_large = |bench: &mut Bench, value: &[u8]| {
        bench.execute(Command::Set { key: b"large", value, ttl_seconds: 0 }).map(drop)
    };
    set_large(&mut bench, &value(7, 50_000)).unwrap();
    bench.store.set_bounds(&[Bound { name: "tight".to_owned(), bytes_max: Some(50 << 10) }]);
    assert_names_bound(&bench.set(&key(100), &value(100, 1_000)).unwrap_err());
    bench.set(&key(5), &value(6, 1_000)).unwrap();
    // In place, or not at all, and what is there stays.
    set_large(&mut bench, &value(8, 50_000)).unwrap();
    assert_names_bound(&set_large(&mut bench, &value(9, 40_000)).unwrap_err());
    assert_eq!(bench.get(b"large"), Some(value(8, 50_000)));
    assert_eq!(bench.keys(), 101);
    counted(&bench);
    bench.store.set_bounds(&[Bound::default()]);
    (0..1_000).for_each(|index| bench.set(&key(index), &value(index, 1_000)).unwrap());
}

#[derive(Debug, Clone)]
enum Step {
    Set { key: usize, bytes: usize, ttl_seconds: i64 },
    Delete { key: usize },
    Expire { key: usize, ttl_seconds: i64 },
    Persist { key: usize },
    Push { key: usize, bytes: usize, side: Side },
    Pop { key: usize, side: Side },
    Append { topic: usize, bytes: usize },
    Trim { topic: usize },
    Namespace(u16),
    Policy(Eviction),
    Wait { ms: u64 },
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0usize..200;
    let bytes = prop_oneof![4 => 0usize..200, 3 => 200usize..4_000, 1 => 7_000usize..70_000];
    let ttl_seconds = prop_oneof![1 => Just(0i64), 1 => 1i64..10];
    let side = prop_oneof![Just(Side::Left), Just(Side::Right)];
    let policy = prop_oneof![Just(Eviction::None), Just(Eviction::S3Fifo), Just(Eviction::SoonestExpiry)];
    prop_oneof![
        12 => (key.clone(), bytes.clone(), ttl_seconds)
            .prop_map(|(key, bytes, ttl_seconds)| Step::Set { key, bytes, ttl_seconds }),
        2 => key.clone().prop_map(|key| Step::Delete { key }),
        2 => (key.clone(), -1i64..10).prop_map(|(key, ttl_seconds)| Step::Expire { key, ttl_seconds }),
        1 => key.clone().prop_map(|key| Step::Persist { key }),
        // Few lists, that some are long.
        12 => (200usize..206, bytes.clone(), side.clone())
            .prop_map(|(key, bytes, side)| Step::Push { key, bytes: bytes.min(3_000), side }),
        4 => (200usize..206, side).prop_map(|(key, side)| Step::Pop { key, side }),
        1 => (200usize..206).prop_map(|key| Step::Delete { key }),
        1 => (200usize..206).prop_map(|key| Step::Set { key, bytes: 10, ttl_seconds: 0 }),
        1 => (200usize..206, -1i64..10).prop_map(|(key, ttl_seconds)| Step::Expire { key, ttl_seconds }),
        4 => (0usize..5, bytes).prop_map(|(topic, bytes)| Step::Append { topic, bytes }),
        1 => (0usize..5).prop_map(|topic| Step::Trim { topic }),
        3 => (0u16..3).prop_map(Step::Namespace),
        1 => policy.prop_map(Step::Policy),
        2 => (0u64..1_500).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Tend),
    ]
}

fn run(steps: Vec<Step>, memory_bytes_max: usize) {
    let mut bench = Bench::new(memory_bytes_max);
    bench.store.set_bounds(&[Bound { name: "tight".to_owned(), bytes_max: Some(BOUND) }]);
    let topic = |number: usize| format!("topic {number}").into_bytes();
    for (serial, step) in steps.into_iter().enumerate() {
        // Whatever becomes of it: that commands do what they should is for other tests.
        match step {
            Step::Set { key: index, bytes, ttl_seconds } => {
                let _ = bench.set_for(&key(index), &value(serial, bytes), ttl_seconds);
            }
            Step::Delete { key: index } => drop(bench.delete(&key(index))),
            Step::Expire { key: index, ttl_seconds } => {
                let _ = bench.execute(Command::Expire { key: &key(index), ttl_seconds });
            }
            Step::Persist { key: index } => drop(bench.persist(&key(index))),
            Step::Push { key: index, bytes, side } => drop(push(&mut bench, &key(index), &value(serial, bytes), side)),
            Step::Pop { key: index, side } => {
                let _ = bench.execute(Command::Pop { key: &key(index), side, value_bytes_max: usize::MAX });
            }
            Step::Append { topic: number, bytes } => drop(append(&mut bench, &topic(number), &value(serial, bytes))),
            Step::Trim { topic: number } => {
                let command = LogCommand::Trim { before: None };
                let _ = bench.execute(Command::Log { topic: &topic(number), command });
            }
            Step::Namespace(namespace) => bench.namespace = namespace,
            Step::Policy(policy) => bench.store.set_evictions(&[policy; 3]),
            Step::Wait { ms } => bench.now_ns += ms * 1_000_000,
            Step::Tend => drop(bench.store.tend(bench.now_ns)),
        }
        assert!(counted(&bench)[0] <= BOUND);
        assert!(bench.memory_bytes() <= memory_bytes_max);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_counted_is_what_is_there(steps in prop::collection::vec(step(), 100..800)) {
        run(steps, 16 << 20);
    }

    #[test]
    fn what_is_counted_is_what_is_there_when_the_store_is_short_too(
        steps in prop::collection::vec(step(), 100..800),
    ) {
        run(steps, 900_000);
    }
}
