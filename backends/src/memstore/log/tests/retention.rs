//! What goes and when.

use super::*;
use crate::FailureKind;

/// A payload that with its record takes so many bytes.
fn payload(record_bytes: usize) -> Vec<u8> {
    vec![9; record_bytes - 10]
}

#[test]
fn a_log_keeps_its_retention_and_little_less() {
    let mut bench = Bench::new(64 << 20);
    bench.store.set_retention(&[Retention { bytes_max: 256 << 10, age_max_ns: 0 }; 2]);
    for number in 1..20_000u64 {
        bench.append(b"t", &payload(100)).unwrap();
        let Bounds { earliest, latest } = bench.bounds(b"t");
        assert_eq!(latest, number);
        let kept_bytes = (latest - earliest) * 99;
        assert!(kept_bytes <= 256 << 10, "{kept_bytes}");
        assert!(earliest == 0 || kept_bytes > (256 << 10) * 6 / 7, "{kept_bytes}");
    }
    bench.append(b"u", b"").unwrap();
    assert_eq!(bench.bounds(b"u").earliest, 0, "each log has its own");
}

#[test]
fn a_record_larger_than_the_retention_is_refused() {
    let mut bench = Bench::new(64 << 20);
    bench.store.set_retention(&[Retention { bytes_max: 64 << 10, age_max_ns: 0 }; 2]);
    let failure = bench.append(b"t", &payload(64 << 10)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Exhausted);
    assert!(failure.context.contains("retention_bytes"), "{}", failure.context);
    bench.append(b"t", &payload(60 << 10)).unwrap();
    bench.append(b"t", &payload(60 << 10)).unwrap();
    assert_eq!(bench.bounds(b"t"), Bounds { earliest: 1, latest: 2 });
}

#[test]
fn records_go_when_they_are_old() {
    let mut bench = Bench::new(64 << 20);
    let retention = Retention { bytes_max: 64 << 20, age_max_ns: 80 * SECOND };
    bench.store.set_retention(&[Retention::DEFAULT, retention]);
    bench.store.set_retention(&[retention, Retention::DEFAULT]);
    for _ in 0..200u64 {
        bench.append(b"t", b"x").unwrap();
        bench.now_ns += SECOND;
        while bench.store.tend(bench.now_ns) {}
        bench.check();
        let Bounds { earliest, latest } = bench.bounds(b"t");
        assert!(latest - earliest <= 91 && (earliest == 0 || latest - earliest >= 79), "{earliest}..{latest}");
    }
    bench.now_ns += 80 * SECOND;
    while bench.store.tend(bench.now_ns) {}
    assert_eq!(bench.bounds(b"t"), Bounds { earliest: 200, latest: 200 });
}

#[test]
fn half_of_the_memory_goes_to_the_newest() {
    let mut bench = Bench::new(4 << 20);
    for round in 0..300u64 {
        for topic in [b"a", b"b", b"c"] {
            bench.append(topic, &payload(10_000)).unwrap();
        }
        if round == 0 {
            bench.append(b"idle", &payload(10_000)).unwrap();
        }
    }
    let counters = bench.store.counters();
    assert!(counters.log_bytes > counters.log_bytes_max * 7 / 8);
    assert_eq!(bench.bounds(b"idle"), Bounds { earliest: 1, latest: 1 }, "the oldest went first");
    let kept = [b"a", b"b", b"c"].map(|topic| bench.bounds(topic).latest - bench.bounds(topic).earliest);
    assert!(kept.iter().max().unwrap() - kept.iter().min().unwrap() <= 8, "{kept:?}");
}

#[test]
fn when_keys_hold_all_the_memory_the_limit_is_named() {
    let mut bench = Bench::new(1 << 20);
    bench.append(b"t", &payload(50_000)).unwrap();
    for key in 0..100_000u32 {
        let key = key.to_le_bytes();
        let context = bench.context(0, &key);
        let set = Command::Set { key: &key, value: &[1; 100], ttl_seconds: 0 };
        if let Execution::Failed(_) = bench.store.execute(&context, &set) {
            break;
        }
    }
    bench.append(b"t", &payload(40_000)).unwrap();
    assert_eq!(bench.bounds(b"t"), Bounds { earliest: 1, latest: 2 }, "the older record made room");
    let failure = bench.append(b"t", &payload(200_000)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Exhausted);
    assert!(failure.context.contains("backends.memory.memory_bytes_max"), "{}", failure.context);
    let failure = Bench::new(1 << 20).append(b"t", &payload(600_000)).unwrap_err();
    assert!(failure.context.contains("half of the shard's part of backends.memory"), "{}", failure.context);
}

#[test]
fn a_large_trim_goes_on_in_the_background() {
    let mut bench = Bench::new(256 << 20);
    for _ in 0..900 {
        bench.append(b"t", &payload(64 << 10)).unwrap();
    }
    let before = bench.store.counters().log_bytes;
    assert_eq!(bench.trim(b"t", None), Ok(900));
    let after = bench.store.counters().log_bytes;
    assert!(after < before && after > 30 << 20, "a bounded part went at once: {before} {after}");
    assert!(matches!(bench.read(b"t", 899), Reading::Outside(_)));
    while bench.store.tend(bench.now_ns) {
        bench.check();
    }
    assert!(bench.store.counters().log_bytes < 256 << 10);
}

#[test]
fn nothing_is_dropped_for_a_record_that_has_no_room_even_so() {
    let mut bench = Bench::new(400_000);
    for index in 0..50u8 {
        bench.append(b"topic", &[index; 1_000]).unwrap();
    }
    assert_eq!(bench.append(b"topic", &[0; 250_000]).unwrap_err().kind, crate::FailureKind::Exhausted);
    assert_eq!(bench.append(b"other", &[0; 250_000]).unwrap_err().kind, crate::FailureKind::Exhausted);
    let bounds = bench.execute(0, b"topic", LogCommand::Bounds).unwrap();
    assert_eq!(bounds, OwnedLogReply::Bounds(Bounds { earliest: 0, latest: 50 }));
    assert_eq!(bench.append(b"topic", &[7; 1_000]).unwrap().offset, 50);
}
