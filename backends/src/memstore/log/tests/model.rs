//! Random commands on a few logs against plain vectors.

use super::*;
use proptest::prelude::*;

const TOPICS: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Append { topic: usize, key_bytes: usize, payload_bytes: usize },
    Trim { topic: usize, part: f64 },
    Read { topic: usize, part: f64, entries_max: usize, bytes_max: usize },
    Set { key: u32, bytes: usize },
    Wait { ms: u64 },
    Tend,
    Retain { bytes_max: usize, age_s: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let payload = prop_oneof![6 => 0usize..200, 2 => 200usize..5000, 1 => 5000usize..100_000];
    prop_oneof![
        12 => (0..TOPICS, prop_oneof![2 => Just(0usize), 1 => 0usize..40], payload)
            .prop_map(|(topic, key_bytes, payload_bytes)| Step::Append { topic, key_bytes, payload_bytes }),
        1 => (0..TOPICS, 0.0..1.0f64).prop_map(|(topic, part)| Step::Trim { topic, part }),
        3 => (0..TOPICS, 0.0..1.2f64, 1usize..40, 0usize..20_000)
            .prop_map(|(topic, part, entries_max, bytes_max)| Step::Read { topic, part, entries_max, bytes_max }),
        1 => (0u32..500, 0usize..3000).prop_map(|(key, bytes)| Step::Set { key, bytes }),
        1 => (0u64..3000).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Tend),
        1 => (64usize << 10..1 << 20, prop_oneof![Just(0u64), 1u64..60])
            .prop_map(|(bytes_max, age_s)| Step::Retain { bytes_max, age_s }),
    ]
}

/// What was appended, from offset 0 on, and the highest low watermark seen.
#[derive(Default)]
struct Model {
    records: Vec<(u64, Vec<u8>, Vec<u8>)>,
    low: u64,
}

fn name(topic: usize) -> Vec<u8> {
    format!("topic-{topic}").into_bytes()
}

fn part_of(bounds: Bounds, part: f64) -> u64 {
    bounds.earliest + ((bounds.latest - bounds.earliest) as f64 * part) as u64
}

fn run(steps: Vec<Step>, memory_bytes_max: usize) {
    let mut bench = Bench::new(memory_bytes_max);
    let mut models: [Model; TOPICS] = Default::default();
    for (serial, step) in steps.into_iter().enumerate() {
        match step {
            Step::Append { topic, key_bytes, payload_bytes } => {
                let (key, payload) = (vec![serial as u8; key_bytes], vec![serial as u8; payload_bytes]);
                let record = Record { timestamp_ms: bench.now_ns, key: &key, metadata: b"meta", payload: &payload };
                if let Ok(reply) = bench.execute(0, &name(topic), LogCommand::Append { record }) {
                    let offset = models[topic].records.len() as u64;
                    assert_eq!(reply, OwnedLogReply::Appended(Appended { offset, timestamp_ms: bench.now_ns }));
                    models[topic].records.push((bench.now_ns, key, payload));
                }
            }
            Step::Trim { topic, part } => {
                let before = part_of(bench.bounds(&name(topic)), part);
                assert_eq!(bench.trim(&name(topic), Some(before)), Ok(before));
                assert_eq!(bench.bounds(&name(topic)).earliest, before);
            }
            Step::Read { topic, part, entries_max, bytes_max } => {
                let from = part_of(bench.bounds(&name(topic)), part);
                check_read(&bench, &models[topic], &name(topic), from, entries_max, bytes_max);
            }
            Step::Set { key, bytes } => {
                let key = key.to_le_bytes();
                let context = bench.context(0, &key);
                let value = vec![1; bytes];
                let _ = bench.store.execute(&context, &Command::Set { key: &key, value: &value, ttl_seconds: 0 });
            }
            Step::Wait { ms } => bench.now_ns += ms * 1_000_000,
            Step::Tend => drop(bench.store.tend(bench.now_ns)),
            Step::Retain { bytes_max, age_s } => {
                bench.store.set_retention(&[Retention { bytes_max, age_max_ns: age_s * SECOND }]);
            }
        }
        bench.check();
        for (topic, model) in models.iter_mut().enumerate() {
            let bounds = bench.bounds(&name(topic));
            assert_eq!(bounds.latest, model.records.len() as u64);
            assert!(bounds.earliest >= model.low && bounds.earliest <= bounds.latest);
            model.low = bounds.earliest;
        }
    }
    for (topic, model) in models.iter().enumerate() {
        check_read(&bench, model, &name(topic), model.low, usize::MAX, usize::MAX);
    }
}

fn check_read(bench: &Bench, model: &Model, topic: &[u8], from: u64, entries_max: usize, bytes_max: usize) {
    let bounds = bench.bounds(topic);
    let extent = Extent { entries_max, bytes_max, ..Extent::WHOLE };
    let records = match bench.store.logs.read(&bench.address(0, topic), from, &extent) {
        Reading::Records(records) => records,
        Reading::Outside(found) => {
            assert!(found == bounds && (from < bounds.earliest || from > bounds.latest));
            return;
        }
        Reading::TooLong(bytes) => panic!("any first record may come, one of {bytes} bytes too"),
    };
    let (mut expected, mut bytes) = (from, 0);
    for (offset, record) in records {
        let (timestamp_ms, key, payload) = &model.records[expected as usize];
        let wanted = Record { timestamp_ms: *timestamp_ms, key, metadata: b"meta", payload };
        assert_eq!((offset, record), (expected, wanted));
        expected += 1;
        bytes += record.encoded_bytes();
        assert!(bytes <= bytes_max || expected == from + 1);
    }
    let count = (expected - from) as usize;
    assert!(count <= entries_max);
    if expected < bounds.latest && count < entries_max {
        let (_, key, payload) = &model.records[expected as usize];
        let next = Record { timestamp_ms: 0, key, metadata: b"meta", payload }.encoded_bytes();
        assert!(bytes + next > bytes_max, "it ends only at a bound");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_vectors(steps in prop::collection::vec(step(), 1..400)) {
        run(steps, 64 << 20);
    }

    #[test]
    fn behaves_like_vectors_when_memory_is_short(steps in prop::collection::vec(step(), 100..600)) {
        run(steps, 700_000);
    }
}
