//! Logs through the store's commands, against plain vectors of records.

mod model;
mod retention;

use super::super::{Config, MemStore};
use super::*;
use crate::{
    Backend as _, Command, Context, Execution, Extent, Failure, KeyHasher, LogCommand, OwnedLogReply, Record, Reply,
};

const SECOND: u64 = 1_000_000_000;
/// The time of the first record.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// A store with a clock in hand.
struct Bench {
    store: MemStore,
    hasher: KeyHasher,
    now_ns: u64,
}

impl Bench {
    fn new(memory_bytes_max: usize) -> Self {
        let config = Config { name: "memory".to_owned(), memory_bytes_max, namespaces: 2 };
        Self { store: MemStore::new(config), hasher: KeyHasher::fixed(7), now_ns: 5 * SECOND }
    }

    fn context(&self, namespace: u16, key: &[u8]) -> Context {
        Context { now_ns: self.now_ns, namespace, hash: self.hasher.hash(namespace, key), call: 0 }
    }

    fn execute(&mut self, namespace: u16, topic: &[u8], command: LogCommand<'_>) -> Result<OwnedLogReply, Failure> {
        let context = self.context(namespace, topic);
        let outcome = match self.store.execute(&context, &Command::Log { topic, command }) {
            Execution::Done(Reply::Log(reply)) => Ok(reply.into()),
            Execution::Failed(failure) => Err(failure),
            other => panic!("{other:?}"),
        };
        self.check();
        outcome
    }

    /// No bound is exceeded, and what is counted is what is there.
    fn check(&self) {
        let counters = self.store.counters();
        assert!(counters.memory_bytes <= counters.memory_bytes_max, "{counters:?}");
        assert!(counters.log_bytes <= counters.log_bytes_max, "{counters:?}");
        assert_eq!(counters.log_bytes, self.store.logs.audit());
    }

    fn append(&mut self, topic: &[u8], payload: &[u8]) -> Result<Appended, Failure> {
        let timestamp_ms = EPOCH_MS + self.now_ns / 1_000_000;
        let record = Record { timestamp_ms, key: b"", metadata: b"", payload };
        match self.execute(0, topic, LogCommand::Append { record })? {
            OwnedLogReply::Appended(appended) => Ok(appended),
            other => panic!("{other:?}"),
        }
    }

    fn bounds(&self, topic: &[u8]) -> Bounds {
        self.store.logs.bounds(&self.address(0, topic))
    }

    fn trim(&mut self, topic: &[u8], before: Option<u64>) -> Result<u64, Failure> {
        match self.execute(0, topic, LogCommand::Trim { before })? {
            OwnedLogReply::Trimmed(low) => Ok(low),
            other => panic!("{other:?}"),
        }
    }

    fn address<'a>(&self, namespace: u16, topic: &'a [u8]) -> Address<'a> {
        Address { namespace, hash: self.hasher.hash(namespace, topic), topic }
    }

    fn read(&self, topic: &[u8], from: u64) -> Reading<'_> {
        self.store.logs.read(&self.address(0, topic), from, &Extent::WHOLE)
    }
}

#[test]
fn offsets_count_from_0_and_times_do_not_go_back() {
    let mut bench = Bench::new(1 << 20);
    assert_eq!(bench.append(b"t", b"one").unwrap(), Appended { offset: 0, timestamp_ms: EPOCH_MS + 5_000 });
    bench.now_ns -= 3 * SECOND;
    assert_eq!(bench.append(b"t", b"").unwrap(), Appended { offset: 1, timestamp_ms: EPOCH_MS + 5_000 });
    assert_eq!(bench.append(b"u", b"").unwrap(), Appended { offset: 0, timestamp_ms: EPOCH_MS + 2_000 });
    assert_eq!(bench.bounds(b"t"), Bounds { earliest: 0, latest: 2 });
    assert_eq!(bench.bounds(b"u"), Bounds { earliest: 0, latest: 1 });
}

#[test]
fn an_absent_log_is_empty_and_stays_absent() {
    let mut bench = Bench::new(1 << 20);
    assert_eq!(bench.bounds(b"t"), Bounds::default());
    assert!(matches!(bench.read(b"t", 0), Reading::Records(records) if { records }.count() == 0));
    assert!(matches!(bench.read(b"t", 1), Reading::Outside(Bounds { earliest: 0, latest: 0 })));
    assert_eq!(bench.trim(b"t", None), Ok(0));
    assert_eq!(bench.trim(b"t", Some(1)).unwrap_err().kind, crate::FailureKind::OutOfRange);
    assert_eq!(bench.store.counters().logs, 0);
}

#[test]
fn a_refused_record_leaves_no_log() {
    let mut bench = Bench::new(1 << 20);
    let shares = |bench: &Bench| bench.store.audit_shares();
    for number in 0..100u64 {
        bench.append(&number.to_le_bytes(), b"payload").unwrap();
    }
    // Larger than the logs' part of the store, or than its log may hold; nothing goes for its sake.
    let refused = bench.append(b"t", &vec![0; 600 << 10]).unwrap_err();
    assert_eq!(refused.kind, crate::FailureKind::Exhausted);
    bench.store.set_retention(&[Retention { bytes_max: 64 << 10, age_max_ns: 0 }; 2]);
    let counters = bench.store.counters();
    for number in 0..1_000u64 {
        let topic = [b"refused", &number.to_le_bytes()[..]].concat();
        let refused = bench.append(&topic, &vec![0; 100 << 10]).unwrap_err();
        assert_eq!(refused.kind, crate::FailureKind::Exhausted);
        assert_eq!(bench.bounds(&topic), Bounds::default());
    }
    let after = bench.store.counters();
    assert_eq!((after.logs, after.rejected), (100, counters.rejected + 1_000));
    assert!(after.log_bytes < counters.log_bytes + (4 << 10), "their names are not kept: {after:?}");
    let (counted, there) = shares(&bench);
    assert_eq!(counted, there);
    // The place of one that was taken back is another's, and its own is free.
    for number in 0..100u64 {
        let topic = [b"refused", &number.to_le_bytes()[..]].concat();
        assert_eq!(bench.append(&topic, b"").unwrap().offset, 0);
    }
    assert_eq!(bench.store.counters().logs, 200);
    assert_eq!(bench.append(&7u64.to_le_bytes(), b"").unwrap().offset, 1);
}

#[test]
fn a_topic_and_a_key_of_the_same_name_are_different_things() {
    let mut bench = Bench::new(1 << 20);
    let context = bench.context(0, b"name");
    let set = Command::Set { key: b"name", value: b"value", ttl_seconds: 0 };
    assert!(matches!(bench.store.execute(&context, &set), Execution::Done(_)));
    bench.append(b"name", b"payload").unwrap();
    let Execution::Done(reply) = bench.store.execute(&context, &Command::Get { key: b"name" }) else { panic!() };
    assert_eq!(reply, Reply::Get(Some(b"value")));
}

#[test]
fn trim_is_exact_and_gives_memory_back() {
    let mut bench = Bench::new(4 << 20);
    for number in 0..1000u64 {
        bench.append(b"t", &number.to_le_bytes()).unwrap();
    }
    let full = bench.store.counters().log_bytes;
    assert_eq!(bench.trim(b"t", Some(333)), Ok(333));
    assert_eq!(bench.trim(b"t", Some(10)), Ok(333), "a lower mark changes nothing");
    assert!(matches!(bench.read(b"t", 332), Reading::Outside(Bounds { earliest: 333, latest: 1000 })));
    let Reading::Records(mut records) = bench.read(b"t", 333) else { panic!() };
    assert_eq!(records.next().unwrap().1.payload, 333u64.to_le_bytes());
    assert_eq!(records.count(), 666);
    assert_eq!(bench.trim(b"t", None), Ok(1000));
    assert!(bench.store.counters().log_bytes < full - 1000 * 9);
    assert_eq!(bench.append(b"t", b"").unwrap().offset, 1000, "offsets go on");
    let sentence = bench.trim(b"t", Some(1002)).unwrap_err().context;
    assert_eq!(sentence, "before_offset 1002 of stream \"t\" is above the latest offset, 1001");
}

#[test]
fn an_empty_log_costs_little() {
    let mut bench = Bench::new(64 << 20);
    for number in 0..2_000u64 {
        bench.execute(0, &number.to_le_bytes(), LogCommand::Create).unwrap();
    }
    bench.check();
    let each = bench.store.counters().log_bytes / 2_000;
    assert!(each < 260, "{each} bytes");
}

#[test]
fn a_log_in_another_namespace_is_another_log() {
    let mut bench = Bench::new(1 << 20);
    let record = Record { timestamp_ms: 1, key: b"k", metadata: b"m", payload: b"p" };
    bench.execute(1, b"t", LogCommand::Append { record }).unwrap();
    assert_eq!(bench.bounds(b"t"), Bounds::default());
    let address = bench.address(1, b"t");
    let extent = Extent { entries_max: 1, bytes_max: 0, ..Extent::WHOLE };
    let Reading::Records(mut records) = bench.store.logs.read(&address, 0, &extent) else { panic!() };
    assert_eq!(records.next(), Some((0, record)), "one record comes alone when it may");
    let extent = Extent { first_bytes_max: record.encoded_bytes() + 4, bytes_max: 0, entries_max: 1, entry_bytes: 5 };
    let too_long = bench.store.logs.read(&address, 0, &extent);
    assert_eq!(too_long, Reading::TooLong(record.encoded_bytes() + 5));
}
