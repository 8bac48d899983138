//! Random commands against the standard library's map.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Debug, Clone)]
enum Step {
    Set { key: usize, bytes: usize, ttl_seconds: i64 },
    Get { key: usize },
    Delete { key: usize },
    Exists { key: usize },
    Expire { key: usize, ttl_seconds: i64 },
    Ttl { key: usize },
    Persist { key: usize },
    Namespace(u16),
    Wait { ms: u64 },
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0usize..300;
    let bytes = prop_oneof![4 => 0usize..200, 2 => 200usize..4000, 1 => 7000usize..20_000];
    let ttl_seconds = prop_oneof![2 => Just(0i64), 1 => 1i64..10];
    prop_oneof![
        8 => (key.clone(), bytes, ttl_seconds)
            .prop_map(|(key, bytes, ttl_seconds)| Step::Set { key, bytes, ttl_seconds }),
        4 => key.clone().prop_map(|key| Step::Get { key }),
        3 => key.clone().prop_map(|key| Step::Delete { key }),
        1 => key.clone().prop_map(|key| Step::Exists { key }),
        2 => (key.clone(), -1i64..10).prop_map(|(key, ttl_seconds)| Step::Expire { key, ttl_seconds }),
        2 => key.clone().prop_map(|key| Step::Ttl { key }),
        1 => key.prop_map(|key| Step::Persist { key }),
        1 => (0u16..3).prop_map(Step::Namespace),
        1 => (0u64..1500).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Tend),
    ]
}

/// What the store should hold: the value and when it expires.
type Model = HashMap<(u16, usize), (Vec<u8>, Option<u64>)>;

fn run(steps: Vec<Step>, memory_bytes_max: usize, hash_mask: u64) {
    let mut bench = Bench::new(memory_bytes_max);
    let mut model = Model::new();
    for (serial, step) in steps.into_iter().enumerate() {
        let (now_ns, namespace) = (bench.now_ns, bench.namespace);
        model.retain(|_, (_, expiry)| expiry.is_none_or(|expiry| expiry > now_ns));
        let mut hash_of = |index: usize| bench.hash = Some(bench.hasher.hash(namespace, &key(index)) & hash_mask);
        match step {
            Step::Set { key: index, bytes, ttl_seconds } => {
                hash_of(index);
                if bench.set_for(&key(index), &value(serial, bytes), ttl_seconds).is_ok() {
                    let expiry = (ttl_seconds > 0).then(|| now_ns + ttl_seconds as u64 * SECOND);
                    model.insert((namespace, index), (value(serial, bytes), expiry));
                }
            }
            Step::Get { key: index } => {
                hash_of(index);
                assert_eq!(bench.get(&key(index)).as_ref(), model.get(&(namespace, index)).map(|(value, _)| value));
            }
            Step::Delete { key: index } => {
                hash_of(index);
                assert_eq!(bench.delete(&key(index)), model.remove(&(namespace, index)).is_some());
            }
            Step::Exists { key: index } => {
                hash_of(index);
                assert_eq!(bench.exists(&key(index)), model.contains_key(&(namespace, index)));
            }
            Step::Expire { key: index, ttl_seconds } => {
                hash_of(index);
                // Without room for it the time to live stays as it was.
                if let Ok(reply) = bench.execute(Command::Expire { key: &key(index), ttl_seconds }) {
                    assert_eq!(reply, Reply::Expire(model.contains_key(&(namespace, index))));
                    if ttl_seconds <= 0 {
                        model.remove(&(namespace, index));
                    } else if let Some((_, expiry)) = model.get_mut(&(namespace, index)) {
                        *expiry = Some(now_ns + ttl_seconds as u64 * SECOND);
                    }
                }
            }
            Step::Ttl { key: index } => {
                hash_of(index);
                let seconds = |expiry: u64| (expiry - now_ns).div_ceil(SECOND) as i64;
                let expected = model.get(&(namespace, index)).map(|(_, expiry)| expiry.map_or(-1, seconds));
                assert_eq!(bench.ttl(&key(index)), expected.unwrap_or(-2));
            }
            Step::Persist { key: index } => {
                hash_of(index);
                let removed = model.get_mut(&(namespace, index)).and_then(|(_, expiry)| expiry.take());
                assert_eq!(bench.persist(&key(index)), removed.is_some());
            }
            Step::Namespace(namespace) => bench.namespace = namespace,
            Step::Wait { ms } => bench.now_ns += ms * 1_000_000,
            Step::Tend => drop(bench.store.tend(bench.now_ns)),
        }
        assert!(bench.memory_bytes() <= memory_bytes_max);
        let expiring = model.values().filter(|(_, expiry)| expiry.is_some()).count() as u64;
        assert!(bench.store.counters().expiring >= expiring);
        assert!(bench.keys() >= model.len() as u64);
    }
    let now_ns = bench.now_ns;
    model.retain(|_, (_, expiry)| expiry.is_none_or(|expiry| expiry > now_ns));
    for namespace in 0..3 {
        bench.namespace = namespace;
        for index in 0..300 {
            bench.hash = Some(bench.hasher.hash(namespace, &key(index)) & hash_mask);
            assert_eq!(bench.get(&key(index)).as_ref(), model.get(&(namespace, index)).map(|(value, _)| value));
        }
    }
    assert_eq!(bench.keys(), model.len() as u64, "every other key was collected by looking");
    bench.now_ns += 100 * SECOND;
    while bench.store.tend(bench.now_ns) {}
    let lasting = model.values().filter(|(_, expiry)| expiry.is_none()).count() as u64;
    assert_eq!((bench.keys(), bench.store.counters().expiring), (lasting, 0), "each timer has found its key");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_map(steps in prop::collection::vec(step(), 1..600)) {
        run(steps, 16 << 20, u64::MAX);
    }

    #[test]
    fn behaves_like_a_map_when_memory_is_short(steps in prop::collection::vec(step(), 100..1500)) {
        run(steps, 700_000, u64::MAX);
    }

    #[test]
    fn behaves_like_a_map_when_hashes_collide(steps in prop::collection::vec(step(), 100..1000)) {
        run(steps, 16 << 20, 0x0000_000B_6000_0200);
    }
}
