//! Lists, against the standard library's.

use super::*;
use crate::limits::LIST_INLINE_BYTES_MAX;
use crate::{Content, FailureKind, Position, Scan, Side};
use proptest::prelude::*;
use std::collections::{HashMap, VecDeque};

impl Bench {
    pub(super) fn push(&mut self, key: &[u8], value: &[u8], side: Side) -> Result<i64, Failure> {
        match self.execute(Command::Push { key, value, side })? {
            Reply::Length(length) => Ok(length),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn pop(&mut self, key: &[u8], side: Side) -> Option<Vec<u8>> {
        match self.execute(Command::Pop { key, side, value_bytes_max: usize::MAX }) {
            Ok(Reply::Pop(value)) => value.map(<[u8]>::to_vec),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn length(&mut self, key: &[u8]) -> i64 {
        match self.execute(Command::Length { key }) {
            Ok(Reply::Length(length)) => length,
            other => panic!("{other:?}"),
        }
    }
}

fn side(right: bool) -> Side {
    if right { Side::Right } else { Side::Left }
}

#[derive(Debug, Clone)]
enum Step {
    Push { key: usize, bytes: usize, right: bool, times: usize },
    Pop { key: usize, right: bool, times: usize },
    Length { key: usize },
    Set { key: usize, bytes: usize },
    Delete { key: usize },
    Expire { key: usize, ttl_seconds: i64 },
    Persist { key: usize },
    Wait { ms: u64 },
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0usize..12;
    let small = || prop_oneof![3 => 0usize..40, 2 => 40usize..600];
    let bytes = move || prop_oneof![10 => small(), 2 => 600usize..9_000, 1 => Just(70_000), 1 => Just(1usize << 20)];
    let times = prop_oneof![3 => 1usize..3, 1 => 1usize..60];
    prop_oneof![
        10 => (key.clone(), bytes(), any::<bool>(), times.clone()).prop_map(|(key, bytes, right, times)| {
            let times = if bytes > 5_000 { 1 } else { times };
            Step::Push { key, bytes, right, times }
        }),
        8 => (key.clone(), any::<bool>(), times).prop_map(|(key, right, times)| Step::Pop { key, right, times }),
        1 => key.clone().prop_map(|key| Step::Length { key }),
        1 => (key.clone(), bytes()).prop_map(|(key, bytes)| Step::Set { key, bytes }),
        1 => key.clone().prop_map(|key| Step::Delete { key }),
        1 => (key.clone(), 0i64..10).prop_map(|(key, ttl_seconds)| Step::Expire { key, ttl_seconds }),
        1 => key.prop_map(|key| Step::Persist { key }),
        1 => (0u64..1500).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Tend),
    ]
}

/// What a key holds, and when it expires.
struct Held {
    value: Result<Vec<u8>, VecDeque<Vec<u8>>>,
    expiry_ns: Option<u64>,
}

/// A store and what should be in it.
struct Pair {
    bench: Bench,
    model: HashMap<usize, Held>,
    serial: usize,
}

impl Pair {
    pub(super) fn push(&mut self, index: usize, bytes: usize, right: bool) {
        self.serial += 1;
        let value = value(self.serial, bytes);
        let outcome = self.bench.push(&key(index), &value, side(right));
        let held = self.model.get_mut(&index);
        match (outcome, held.map(|held| &mut held.value)) {
            (Err(failure), Some(Ok(_))) => {
                assert_eq!(failure.kind, FailureKind::Precondition);
                assert!(failure.context.contains(&format!("{index:012}")), "{failure:?}");
            }
            (Err(failure), _) => assert_eq!(failure.kind, FailureKind::Exhausted),
            (Ok(_), Some(Ok(_))) => panic!("{index} holds a value"),
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
                self.model.insert(index, Held { value: Err(VecDeque::from([value])), expiry_ns: None });
            }
        }
    }

    fn pop(&mut self, index: usize, right: bool) {
        let key = key(index);
        let Some(held) = self.model.get_mut(&index) else {
            return assert_eq!(self.bench.pop(&key, side(right)), None);
        };
        let Err(list) = &mut held.value else {
            let failure = self.bench.execute(Command::Pop { key: &key, side: side(right), value_bytes_max: 9 });
            return assert_eq!(failure.unwrap_err().kind, FailureKind::Precondition);
        };
        let value = if right { list.pop_back() } else { list.pop_front() }.unwrap();
        if !value.is_empty() {
            let short = Command::Pop { key: &key, side: side(right), value_bytes_max: value.len() - 1 };
            assert_eq!(self.bench.execute(short), Ok(Reply::PopTooLong(value.len())));
        }
        assert!(self.bench.pop(&key, side(right)).as_ref() == Some(&value), "{index}");
        if list.is_empty() {
            self.model.remove(&index);
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Push { key, bytes, right, times } => (0..times).for_each(|_| self.push(key, bytes, right)),
            Step::Pop { key, right, times } => (0..times).for_each(|_| self.pop(key, right)),
            Step::Length { key: index } => match self.model.get(&index).map(|held| &held.value) {
                Some(Ok(_)) => assert!(self.bench.execute(Command::Length { key: &key(index) }).is_err()),
                Some(Err(list)) => assert_eq!(self.bench.length(&key(index)), list.len() as i64),
                None => assert_eq!(self.bench.length(&key(index)), 0),
            },
            Step::Set { key: index, bytes } => {
                self.serial += 1;
                let value = value(self.serial, bytes);
                if self.bench.set(&key(index), &value).is_ok() {
                    self.model.insert(index, Held { value: Ok(value), expiry_ns: None });
                }
            }
            Step::Delete { key: index } => {
                assert_eq!(self.bench.delete(&key(index)), self.model.remove(&index).is_some());
            }
            Step::Expire { key: index, ttl_seconds } => {
                let expire = self.bench.execute(Command::Expire { key: &key(index), ttl_seconds });
                if expire.is_ok() {
                    if ttl_seconds == 0 {
                        self.model.remove(&index);
                    } else if let Some(held) = self.model.get_mut(&index) {
                        held.expiry_ns = Some(self.bench.now_ns + ttl_seconds as u64 * SECOND);
                    }
                }
            }
            Step::Persist { key: index } => {
                let removed = self.model.get_mut(&index).and_then(|held| held.expiry_ns.take());
                assert_eq!(self.bench.persist(&key(index)), removed.is_some());
            }
            Step::Wait { ms } => self.bench.now_ns += ms * 1_000_000,
            Step::Tend => drop(self.bench.store.tend(self.bench.now_ns)),
        }
    }

    /// Takes everything out again.
    fn empty(mut self) {
        while let Some(&index) = self.model.keys().next() {
            assert!(self.bench.exists(&key(index)));
            match &self.model[&index].value {
                Ok(value) => {
                    assert!(self.bench.get(&key(index)).as_ref() == Some(value));
                    self.bench.delete(&key(index));
                    self.model.remove(&index);
                }
                Err(list) => {
                    assert_eq!(self.bench.length(&key(index)), list.len() as i64);
                    let get = self.bench.execute(Command::Get { key: &key(index) });
                    assert_eq!(get.unwrap_err().kind, FailureKind::Precondition);
                    self.pop(index, index % 2 == 0);
                }
            }
        }
        // Those that have expired, too.
        self.bench.now_ns += 100 * SECOND;
        while self.bench.store.tend(self.bench.now_ns) {}
        assert_eq!((self.bench.keys(), self.bench.store.counters().expiring), (0, 0));
        while self.bench.store.reclaim(self.bench.now_ns) {}
        assert!(self.bench.memory_bytes() < 40_000, "{} bytes are left of nothing", self.bench.memory_bytes());
    }
}

fn run(steps: Vec<Step>, memory_bytes_max: usize) {
    let mut pair = Pair { bench: Bench::new(memory_bytes_max), model: HashMap::new(), serial: 0 };
    for step in steps {
        pair.apply(step);
        let now_ns = pair.bench.now_ns;
        pair.model.retain(|_, held| held.expiry_ns.is_none_or(|expiry_ns| expiry_ns > now_ns));
        assert!(pair.bench.memory_bytes() <= memory_bytes_max);
    }
    pair.empty();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn behave_like_the_standard_librarys(steps in prop::collection::vec(step(), 1..300)) {
        run(steps, 256 << 20);
    }

    #[test]
    fn behave_like_it_when_memory_is_short(steps in prop::collection::vec(step(), 100..800)) {
        run(steps, 600_000);
    }
}

#[test]
fn a_short_list_costs_little_more_than_a_value() {
    let held = |store: &dyn Fn(&mut Bench, usize)| {
        let mut bench = Bench::new(1 << 30);
        (0..200_000).for_each(|index| store(&mut bench, index));
        bench.memory_bytes() as f64 / 200_000.0
    };
    let value = held(&|bench, index| bench.set(&key(index), &[7; 24]).unwrap());
    let list = held(&|bench, index| {
        (0..3).for_each(|_| drop(bench.push(&key(index), &[7; 8], Side::Right)));
    });
    assert!(list - value <= 18.0, "{list} bytes in place of {value}");
}

#[test]
fn a_long_list_costs_little_more_than_its_bytes() {
    for (bytes, count, most) in [(10, 200_000, 1.25), (100, 50_000, 1.1), (1_500, 5_000, 1.4), (20_000, 500, 1.02)] {
        let mut bench = Bench::new(1 << 30);
        for index in 0..count {
            bench.push(b"list", &value(index, bytes), side(index % 3 > 0)).unwrap();
        }
        // Beside a page of each size of node that it had while it grew.
        let ratio = (bench.memory_bytes() - 6 * 65_600) as f64 / (bytes * count) as f64;
        assert!(ratio <= most, "{ratio} for elements of {bytes}");
        // A list of nodes is given back in bounded pieces.
        assert!(bench.delete(b"list"));
        let (mut turns, mut last) = (0, bench.memory_bytes());
        while bench.store.tend(bench.now_ns) {
            assert!(last - bench.memory_bytes() <= 64 * (bytes.max(4_096) + 100) + 3 * 65_600);
            (turns, last) = (turns + 1, bench.memory_bytes());
        }
        assert!(bench.memory_bytes() < 100_000 && turns > 0, "{turns} turns, {} bytes", bench.memory_bytes());
    }
}

#[test]
fn a_queue_of_any_age_stays_small() {
    let mut bench = Bench::new(1 << 30);
    for bytes in [1, 50, 900, 5_000] {
        (0..100).for_each(|index| drop(bench.push(b"queue", &value(index, bytes), Side::Right)));
        let before = bench.memory_bytes();
        for index in 100..20_000 {
            bench.push(b"queue", &value(index, bytes), Side::Right).unwrap();
            assert_eq!(bench.pop(b"queue", Side::Left), Some(value(index - 100, bytes)));
        }
        assert!(bench.memory_bytes() <= before + 3 * 65_600, "{} after {before}", bench.memory_bytes());
        while bench.pop(b"queue", Side::Left).is_some() {}
    }
    assert_eq!(bench.keys(), 0);
}

#[test]
fn a_list_keeps_its_time_to_live_through_pushes_and_pops() {
    let mut bench = Bench::new(8 << 20);
    for bytes in [3, 200, 2_000] {
        bench.push(b"list", &[0; 2], Side::Left).unwrap();
        assert!(bench.expire(b"list", 10));
        for _ in 0..20 {
            bench.push(b"list", &value(bytes, bytes), Side::Right).unwrap();
            assert_eq!(bench.ttl(b"list"), 10);
        }
        (0..20).for_each(|_| drop(bench.pop(b"list", Side::Right)));
        assert_eq!((bench.ttl(b"list"), bench.length(b"list")), (10, 1));
        bench.now_ns += 10 * SECOND;
        assert_eq!((bench.length(b"list"), bench.exists(b"list"), bench.keys()), (0, false, 0));
        assert_eq!(bench.push(b"list", b"new", Side::Left), Ok(1));
        assert_eq!((bench.ttl(b"list"), bench.pop(b"list", Side::Left)), (-1, Some(b"new".to_vec())));
    }
}

#[test]
fn a_list_that_has_shrunk_is_short_again() {
    let mut bench = Bench::new(8 << 20);
    bench.push(b"list", &[1; 10], Side::Left).unwrap();
    let before = bench.memory_bytes();
    for _ in 0..LIST_INLINE_BYTES_MAX {
        bench.push(b"list", &[2; 30], Side::Right).unwrap();
    }
    assert!(bench.memory_bytes() > before + 30 * LIST_INLINE_BYTES_MAX);
    for _ in 0..LIST_INLINE_BYTES_MAX {
        assert_eq!(bench.pop(b"list", Side::Right), Some(vec![2; 30]));
    }
    assert!(bench.store.arena.nodes(bench.store.lookup(&bench.context(b"list"), b"list").unwrap().1).is_none());
    assert_eq!((bench.length(b"list"), bench.pop(b"list", Side::Left)), (1, Some(vec![1; 10])));
}

#[test]
fn a_scan_passes_lists_by() {
    let mut bench = Bench::new(8 << 20);
    for index in 0..50 {
        bench.set(&key(index), b"value").unwrap();
        bench.push(&key(100 + index), &value(index, index * 100), Side::Right).unwrap();
    }
    let (mut keys, mut next) = (Vec::new(), Some((0, Vec::new())));
    while let Some((place, after)) = next {
        let scan = Scan {
            prefix: b"",
            from: Position { place, key: &after },
            content: Content::Entries,
            entries_max: u32::MAX,
            bytes_max: 1 << 20,
            first_bytes_max: 1 << 20,
        };
        let Ok(Reply::Scan(page)) = bench.execute(Command::Scan(scan)) else { panic!("a scan is answered by a page") };
        keys.extend(page.entries().map(|entry| entry.key.to_vec()));
        next = page.next().map(|position| (position.place, position.key.to_vec()));
    }
    keys.sort_unstable();
    assert_eq!(keys, (0..50).map(key).collect::<Vec<_>>());
}
