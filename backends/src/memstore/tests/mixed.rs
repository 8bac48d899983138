//! Everything at once: random commands of all kinds on a store that is short of memory, under each policy.

use super::*;
use crate::command::{Extent, LogCommand, LogReply};
use crate::memstore::{Bounds, Eviction, Retention};
use crate::{Content, FailureKind, Position, Record, Scan, Side};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// The last one does not fit the header of a record.
const NAMESPACES: [u16; 3] = [0, 1, 16];
const MESSAGE_BYTES: usize = 8 << 10;

#[derive(Debug, Clone)]
enum Step {
    Namespace(usize),
    Set { key: usize, bytes: usize, ttl_seconds: i64 },
    Adopt { key: usize, bytes: usize },
    Fill { first: usize, count: usize, bytes: usize, ttl_seconds: i64 },
    Drop { first: usize, count: usize },
    Get { key: usize },
    Delete { key: usize },
    Expire { key: usize, ttl_seconds: i64 },
    Persist { key: usize },
    Push { key: usize, bytes: usize, right: bool, times: usize },
    Pop { key: usize, right: bool, times: usize },
    Scan { entries_max: u32 },
    Append { topic: u8, bytes: usize, times: usize },
    Trim { topic: u8, part: u64 },
    Read { topic: u8 },
    Wait { ms: u64 },
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0usize..30;
    let bytes =
        || prop_oneof![4 => 0usize..200, 2 => 200usize..4_000, 2 => 7_000usize..20_000, 1 => 20_000usize..200_000];
    let ttl = || prop_oneof![2 => Just(0i64), 1 => 1i64..10, 1 => 60i64..200_000];
    let times = || prop_oneof![3 => 1usize..4, 1 => 1usize..80];
    let small = || prop_oneof![3 => 0usize..60, 2 => 60usize..700];
    prop_oneof![
        2 => (0usize..3).prop_map(Step::Namespace),
        6 => (key(), bytes(), ttl()).prop_map(|(key, bytes, ttl_seconds)| Step::Set { key, bytes, ttl_seconds }),
        4 => (key(), MESSAGE_BYTES..150_000).prop_map(|(key, bytes)| Step::Adopt { key, bytes }),
        3 => (100usize..2_000, 1usize..600, small(), ttl())
            .prop_map(|(first, count, bytes, ttl_seconds)| Step::Fill { first, count, bytes, ttl_seconds }),
        1 => (100usize..2_000, 1usize..600).prop_map(|(first, count)| Step::Drop { first, count }),
        4 => key().prop_map(|key| Step::Get { key }),
        3 => key().prop_map(|key| Step::Delete { key }),
        3 => (key(), 0i64..10).prop_map(|(key, ttl_seconds)| Step::Expire { key, ttl_seconds }),
        2 => key().prop_map(|key| Step::Persist { key }),
        6 => (key(), small(), any::<bool>(), times())
            .prop_map(|(key, bytes, right, times)| Step::Push { key, bytes, right, times }),
        2 => (key(), bytes(), any::<bool>()).prop_map(|(key, bytes, right)| Step::Push { key, bytes, right, times: 1 }),
        5 => (key(), any::<bool>(), times()).prop_map(|(key, right, times)| Step::Pop { key, right, times }),
        1 => (1u32..40).prop_map(|entries_max| Step::Scan { entries_max }),
        4 => (0u8..4, bytes(), 1usize..8).prop_map(|(topic, bytes, times)| Step::Append { topic, bytes, times }),
        1 => (0u8..4, 0u64..5).prop_map(|(topic, part)| Step::Trim { topic, part }),
        1 => (0u8..4).prop_map(|topic| Step::Read { topic }),
        2 => (0u64..1_500).prop_map(|ms| Step::Wait { ms }),
        2 => Just(Step::Tend),
    ]
}

/// What a key holds, and when it expires.
#[derive(Debug, Clone)]
struct Held {
    value: Result<Vec<u8>, VecDeque<Vec<u8>>>,
    expiry_ns: Option<u64>,
}

/// A store and what should be in it.
struct Pair {
    bench: Bench,
    evictions: [Eviction; 3],
    keys: HashMap<(u16, usize), Held>,
    /// The payloads of all records ever appended, by offset.
    logs: HashMap<(u16, u8), Vec<Vec<u8>>>,
    serial: usize,
    empty_bytes: usize,
}

impl Pair {
    fn new(memory_bytes_max: usize, evictions: [Eviction; 3]) -> Self {
        let mut bench = Bench::new(memory_bytes_max);
        bench.store.extend_namespaces(17);
        let empty_bytes = bench.memory_bytes();
        let mut by_namespace = [Eviction::None; 17];
        NAMESPACES.iter().zip(evictions).for_each(|(at, eviction)| by_namespace[usize::from(*at)] = eviction);
        bench.store.set_evictions(&by_namespace);
        let short = Retention { bytes_max: 100_000, age_max_ns: 3 * SECOND };
        bench.store.set_retention(&[Retention::DEFAULT, short]);
        Self { bench, evictions, keys: HashMap::new(), logs: HashMap::new(), serial: 0, empty_bytes }
    }

    fn name(&self, index: usize) -> (u16, usize) {
        (self.bench.namespace, index)
    }

    /// Whether the policy may drop what this namespace holds here.
    fn may_go(&self, namespace: u16, held: &Held) -> bool {
        let at = NAMESPACES.iter().position(|other| *other == namespace).unwrap();
        held.value.is_ok()
            && match self.evictions[at] {
                Eviction::None => false,
                Eviction::S3Fifo => true,
                Eviction::SoonestExpiry => held.expiry_ns.is_some(),
            }
    }

    /// Forgets a key that was dropped, if that was allowed, and one that has expired.
    fn meet(&mut self, (namespace, index): (u16, usize)) {
        let Some(held) = self.keys.get(&(namespace, index)) else { return };
        let name = key(index);
        let hash = self.bench.hasher.hash(namespace, &name);
        let context = Context { now_ns: self.bench.now_ns, namespace, hash, call: 0 };
        let has_expired = held.expiry_ns.is_some_and(|expiry_ns| expiry_ns <= self.bench.now_ns);
        if !has_expired && self.bench.store.lookup(&context, &name).is_none() {
            assert!(self.may_go(namespace, held), "{namespace}/{index} is gone");
        } else if !has_expired {
            return;
        }
        self.keys.remove(&(namespace, index));
    }

    fn set(&mut self, index: usize, bytes: usize, ttl_seconds: i64, adopt: bool) {
        self.serial += 1;
        let (value, name) = (value(self.serial, bytes), self.name(index));
        let (mut message, set) = adopt::message(&key(index), &value);
        let adopted = if adopt { self.bench.adopt(&mut message, &set) } else { None };
        let outcome = adopted.unwrap_or_else(|| {
            self.bench.execute(Command::Set { key: &key(index), value: &value, ttl_seconds }).map(drop)
        });
        match outcome {
            Ok(()) => {
                let expiry_ns = (ttl_seconds > 0).then(|| self.bench.now_ns + ttl_seconds as u64 * SECOND);
                assert_eq!(self.bench.get(&key(index)).as_ref(), Some(&value), "what was written is there");
                self.keys.insert(name, Held { value: Ok(value), expiry_ns });
            }
            Err(failure) => assert_eq!(failure.kind, FailureKind::Exhausted),
        }
    }

    fn get(&mut self, index: usize) {
        let name = self.name(index);
        self.meet(name);
        assert_eq!(self.bench.exists(&key(index)), self.keys.contains_key(&name));
        match self.keys.get(&name).map(|held| &held.value) {
            Some(Ok(value)) => assert!(self.bench.get(&key(index)).as_ref() == Some(value)),
            Some(Err(list)) => {
                assert!(self.bench.execute(Command::Get { key: &key(index) }).is_err());
                assert_eq!(self.bench.length(&key(index)), list.len() as i64);
            }
            None => assert_eq!(self.bench.get(&key(index)), None),
        }
        let seconds = |at: u64| (at - self.bench.now_ns).div_ceil(SECOND) as i64;
        let expected = self.keys.get(&name).map_or(-2, |held| held.expiry_ns.map_or(-1, seconds));
        assert_eq!(self.bench.ttl(&key(index)), expected);
    }

    fn expire(&mut self, index: usize, ttl_seconds: i64) {
        let name = self.name(index);
        self.meet(name);
        let Ok(reply) = self.bench.execute(Command::Expire { key: &key(index), ttl_seconds }) else { return };
        match (reply == Reply::Expire(true), self.keys.get_mut(&name)) {
            (true, None) => panic!("{name:?} was not there"),
            (false, None) => {}
            // Gone while room was made.
            (false, Some(_)) => self.meet(name),
            (true, Some(_)) if ttl_seconds == 0 => drop(self.keys.remove(&name)),
            (true, Some(held)) => held.expiry_ns = Some(self.bench.now_ns + ttl_seconds as u64 * SECOND),
        }
    }

    fn push(&mut self, index: usize, bytes: usize, right: bool) {
        let name = self.name(index);
        self.meet(name);
        self.serial += 1;
        let value = value(self.serial, bytes);
        let side = if right { Side::Right } else { Side::Left };
        let pushed = self.bench.push(&key(index), &value, side);
        let held = self.keys.get_mut(&name).map(|held| &mut held.value);
        match (pushed, held) {
            (Err(failure), Some(Ok(_))) => assert_eq!(failure.kind, FailureKind::Precondition),
            (Err(failure), _) => assert_eq!(failure.kind, FailureKind::Exhausted),
            (Ok(_), Some(Ok(_))) => panic!("{name:?} holds a value"),
            (Ok(length), Some(Err(list))) => {
                if right {
                    list.push_back(value);
                } else {
                    list.push_front(value);
                }
                assert_eq!(length, list.len() as i64);
            }
            (Ok(length), None) => {
                assert_eq!(length, 1);
                self.keys.insert(name, Held { value: Err(VecDeque::from([value])), expiry_ns: None });
            }
        }
    }

    fn pop(&mut self, index: usize, right: bool) {
        let name = self.name(index);
        self.meet(name);
        let side = if right { Side::Right } else { Side::Left };
        let Some(Held { value: Err(list), .. }) = self.keys.get_mut(&name) else {
            let reply = self.bench.execute(Command::Pop { key: &key(index), side, value_bytes_max: 9 });
            return assert!(reply == Ok(Reply::Pop(None)) || reply.is_err() && self.keys.contains_key(&name));
        };
        let value = if right { list.pop_back() } else { list.pop_front() }.unwrap();
        if !value.is_empty() {
            let short = Command::Pop { key: &key(index), side, value_bytes_max: value.len() - 1 };
            assert_eq!(self.bench.execute(short), Ok(Reply::PopTooLong(value.len())));
        }
        assert!(self.bench.pop(&key(index), side).as_ref() == Some(&value), "{name:?}");
        if list.is_empty() {
            self.keys.remove(&name);
        }
    }

    fn scan(&mut self, entries_max: u32) {
        self.meet_all();
        let mut from = Some((0, Vec::new()));
        let mut seen = BTreeSet::new();
        while let Some((place, after)) = from {
            let scan = Scan {
                prefix: b"",
                from: Position { place, key: &after },
                content: Content::Entries,
                entries_max,
                bytes_max: 10_000,
                first_bytes_max: 1 << 20,
            };
            let namespace = self.bench.namespace;
            let Ok(Reply::Scan(page)) = self.bench.execute(Command::Scan(scan)) else { panic!("a page is the answer") };
            for entry in page.entries() {
                let index = String::from_utf8_lossy(&entry.key[4..]).parse().unwrap();
                let held = &self.keys[&(namespace, index)];
                assert!(held.value.as_deref() == Ok(entry.value) && seen.insert(index), "{index}");
            }
            from = page.next().map(|next| (next.place, next.key.to_vec()));
        }
        let ours = self.keys.iter().filter(|((at, _), held)| *at == self.bench.namespace && held.value.is_ok());
        assert_eq!(seen, ours.map(|((_, index), _)| *index).collect());
    }

    fn log(&mut self, topic: u8, command: LogCommand<'_>) -> Result<LogReply<'_>, Failure> {
        match self.bench.execute(Command::Log { topic: &[topic], command })? {
            Reply::Log(reply) => Ok(reply),
            other => panic!("{other:?}"),
        }
    }

    fn append(&mut self, topic: u8, bytes: usize) {
        self.serial += 1;
        let payload = value(self.serial, bytes);
        let record = Record { timestamp_ms: 1, key: b"", metadata: b"", payload: &payload };
        match self.log(topic, LogCommand::Append { record }).map(|reply| matches!(reply, LogReply::Appended(_))) {
            Ok(appended) => {
                assert!(appended);
                let name = (self.bench.namespace, topic);
                self.logs.entry(name).or_default().push(payload);
            }
            Err(failure) => assert_eq!(failure.kind, FailureKind::Exhausted),
        }
    }

    fn bounds(&mut self, topic: u8) -> Bounds {
        match self.log(topic, LogCommand::Bounds) {
            Ok(LogReply::Bounds(bounds)) => bounds,
            other => panic!("{other:?}"),
        }
    }

    fn trim(&mut self, topic: u8, part: u64) {
        let Bounds { earliest, latest } = self.bounds(topic);
        let before = earliest + (latest - earliest) * part / 4;
        assert_eq!(self.log(topic, LogCommand::Trim { before: Some(before) }), Ok(LogReply::Trimmed(before)));
    }

    fn read(&mut self, topic: u8) {
        let Bounds { earliest, latest } = self.bounds(topic);
        let expected = self.logs.get(&(self.bench.namespace, topic)).cloned().unwrap_or_default();
        assert_eq!(latest, expected.len() as u64);
        let Ok(LogReply::Page(page)) = self.log(topic, LogCommand::Read { from: earliest, extent: Extent::WHOLE })
        else {
            panic!("what lies between the bounds can be read")
        };
        let found = page.records().map(|(offset, record)| (offset, record.payload));
        assert!(found.eq((earliest..latest).map(|offset| (offset, &expected[offset as usize][..]))));
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Namespace(at) => self.bench.namespace = NAMESPACES[at],
            Step::Set { key, bytes, ttl_seconds } => self.set(key, bytes, ttl_seconds, false),
            Step::Adopt { key, bytes } => self.set(key, bytes, 0, true),
            Step::Fill { first, count, bytes, ttl_seconds } => {
                (first..first + count).for_each(|index| self.set(index, bytes, ttl_seconds, false));
            }
            Step::Drop { first, count } => (first..first + count).for_each(|index| self.delete(index)),
            Step::Get { key } => self.get(key),
            Step::Delete { key } => self.delete(key),
            Step::Expire { key, ttl_seconds } => self.expire(key, ttl_seconds),
            Step::Persist { key: index } => {
                let name = self.name(index);
                self.meet(name);
                let removed = self.keys.get_mut(&name).and_then(|held| held.expiry_ns.take());
                assert_eq!(self.bench.persist(&key(index)), removed.is_some());
            }
            Step::Push { key, bytes, right, times } => (0..times).for_each(|_| self.push(key, bytes, right)),
            Step::Pop { key, right, times } => (0..times).for_each(|_| self.pop(key, right)),
            Step::Scan { entries_max } => self.scan(entries_max),
            Step::Append { topic, bytes, times } => (0..times).for_each(|_| self.append(topic, bytes)),
            Step::Trim { topic, part } => self.trim(topic, part),
            Step::Read { topic } => self.read(topic),
            Step::Wait { ms } => self.bench.now_ns += ms * 1_000_000,
            Step::Tend => drop(self.bench.store.tend(self.bench.now_ns)),
        }
    }

    fn delete(&mut self, index: usize) {
        let name = self.name(index);
        self.meet(name);
        assert_eq!(self.bench.delete(&key(index)), self.keys.remove(&name).is_some());
    }

    fn meet_all(&mut self) {
        let names: Vec<_> = self.keys.keys().copied().collect();
        names.into_iter().for_each(|name| self.meet(name));
    }

    fn check(&self) {
        let counters = self.bench.store.counters();
        assert!(counters.memory_bytes <= counters.memory_bytes_max && counters.log_bytes <= counters.log_bytes_max);
        self.bench.store.audit(self.empty_bytes);
    }

    /// Looks at everything, then has it all expire.
    fn end(mut self) {
        for namespace in NAMESPACES {
            self.bench.namespace = namespace;
            (0..30).for_each(|index| self.get(index));
            self.scan(100);
            (0..4).for_each(|topic| self.read(topic));
        }
        self.meet_all();
        let now_ns = self.bench.now_ns;
        while self.bench.store.tend(now_ns) {}
        // The last millisecond is not over.
        assert!(self.bench.keys() - self.keys.len() as u64 <= 700);
        self.bench.now_ns += 300_000 * SECOND;
        while self.bench.store.tend(self.bench.now_ns) {}
        self.meet_all();
        assert_eq!((self.bench.keys(), self.bench.store.counters().expiring), (self.keys.len() as u64, 0));
        self.check();
    }
}

fn evictions() -> impl Strategy<Value = [Eviction; 3]> {
    const POLICIES: [Eviction; 3] = [Eviction::None, Eviction::S3Fifo, Eviction::SoonestExpiry];
    prop_oneof![
        1 => Just([Eviction::None; 3]),
        3 => prop::array::uniform3(0usize..3).prop_map(|policies| policies.map(|policy| POLICIES[policy])),
    ]
}

/// Few, unless PROPTEST_CASES asks for more.
fn cases() -> u32 {
    let default = ProptestConfig::default().cases;
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { 24 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn everything_at_once_agrees_with_a_model(
        steps in prop::collection::vec(step(), 50..300),
        memory_bytes_max in prop_oneof![Just(700_000usize), Just(1_200_000), Just(4_000_000)],
        evictions in evictions(),
    ) {
        let mut pair = Pair::new(memory_bytes_max, evictions);
        for (number, step) in steps.into_iter().enumerate() {
            pair.apply(step);
            if number % 8 == 0 {
                pair.check();
            }
        }
        pair.end();
    }
}
