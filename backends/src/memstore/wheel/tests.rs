//! The wheel against an ordered map, and its bounds.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// A wheel whose timers' records are numbers.
struct Bench {
    wheel: Wheel,
    budget: Budget,
    /// By record: when it expires, and the number of its timer.
    records: HashMap<u64, (u64, u32)>,
    steps: usize,
}

impl Bench {
    fn new() -> Self {
        Self { wheel: Wheel::new(), budget: Budget::new(1 << 30), records: HashMap::new(), steps: 0 }
    }

    fn insert(&mut self, record: u64, tick: u64) {
        self.wheel.reserve(&mut self.budget).expect("there is memory");
        self.records.insert(record, (tick, self.wheel.next_number()));
        self.wheel.insert(Reference::from_bits(record), tick);
    }

    fn remove(&mut self, record: u64) {
        let (_, number) = self.records.remove(&record).expect("it has a timer");
        if let Some(moved) = self.wheel.remove(&mut self.budget, number) {
            self.records.get_mut(&moved.to_bits()).expect("its record is there").1 = number;
        }
    }

    /// Changes when a record expires, as the store does it: later is not worth a change.
    fn change(&mut self, record: u64, tick: u64) {
        let (old, number) = self.records[&record];
        if tick < old {
            self.wheel.set(number, tick);
        }
        self.records.insert(record, (tick, number));
    }

    /// Steps at most so often towards a tick; returns what expired, and whether it got there.
    fn turn(&mut self, tick: u64, steps: usize) -> (Vec<u64>, bool) {
        let mut expired = Vec::new();
        for _ in 0..steps {
            self.steps += 1;
            let records = &self.records;
            match self.wheel.step(tick, |reference| records[&reference.to_bits()].0) {
                Step::Idle => return (expired, true),
                Step::Nearer => {}
                Step::Due(number, reference) => {
                    let (expiry, known) = self.records[&reference.to_bits()];
                    assert_eq!(known, number, "the record knows its timer");
                    if expiry <= tick {
                        self.remove(reference.to_bits());
                        expired.push(reference.to_bits());
                    } else {
                        self.wheel.set(number, expiry);
                    }
                }
            }
        }
        (expired, false)
    }
}

#[derive(Debug, Clone)]
enum Action {
    Insert(u64, u64),
    Remove(u64),
    Change(u64, u64),
    Turn(u64, usize),
}

fn action() -> impl Strategy<Value = Action> {
    let record = 0u64..200;
    // From now to beyond the last level.
    let delay = (0u32..64, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1));
    let pause = (0u32..20, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1));
    prop_oneof![
        6 => (record.clone(), delay.clone()).prop_map(|(record, delay)| Action::Insert(record, delay)),
        2 => record.clone().prop_map(Action::Remove),
        3 => (record, delay).prop_map(|(record, delay)| Action::Change(record, delay)),
        2 => (pause, 0usize..100).prop_map(|(pause, steps)| Action::Turn(pause, steps)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_due_comes_when_it_is_due_and_nothing_else(
        start in any::<u64>(),
        actions in prop::collection::vec(action(), 1..400),
    ) {
        let mut bench = Bench::new();
        // Sorted by expiry, as a store would do it that had all the time in the world.
        let mut model: BTreeMap<u64, u64> = BTreeMap::new();
        let mut now = start & (TICK_MAX >> 20);
        for action in actions {
            match action {
                Action::Insert(record, delay) | Action::Change(record, delay) => {
                    let tick = tick_after((now * TICK_NS).saturating_add(delay));
                    if model.insert(record, tick).is_some() {
                        bench.change(record, tick);
                    } else {
                        bench.insert(record, tick);
                    }
                }
                Action::Remove(record) => {
                    if model.remove(&record).is_some() {
                        bench.remove(record);
                    }
                }
                Action::Turn(pause, steps) => {
                    now += pause;
                    let (expired, is_there) = bench.turn(now, steps);
                    for record in expired {
                        let expiry = model.remove(&record);
                        prop_assert!(expiry.is_some_and(|expiry| expiry <= now), "{record} at {now}: {expiry:?}");
                    }
                    let due = model.values().filter(|expiry| **expiry <= now).count();
                    prop_assert!(!is_there || due == 0, "{due} are left at {now}");
                    prop_assert!(bench.wheel.backlog(now) >= due as u64);
                }
            }
            prop_assert_eq!(bench.wheel.timers, model.len());
        }
        now += TICK_MAX;
        let (expired, is_there) = bench.turn(now, usize::MAX);
        prop_assert!(is_there && expired.len() == model.len());
        prop_assert_eq!((bench.wheel.backlog(now), bench.wheel.occupied), (0, [0; LEVELS]));
    }
}

#[test]
fn a_timer_moves_at_most_once_for_each_level_and_time_alone_costs_nothing() {
    let mut bench = Bench::new();
    for record in 0..10_000 {
        bench.insert(record, 1 + record * record * record * 17);
    }
    let last = 1 + 9_999_u64.pow(3) * 17;
    let mut now = 0;
    while now < last {
        now += last / 100;
        bench.turn(now, usize::MAX);
    }
    assert!(bench.records.is_empty());
    assert!(bench.steps <= 10_000 * (LEVELS + 1) + 101, "{}", bench.steps);
    bench.steps = 0;
    assert!(bench.turn(now + (1 << 40), usize::MAX).1);
    assert_eq!(bench.steps, 1);
}

#[test]
fn the_backlog_is_what_is_due_and_memory_comes_back() {
    let mut bench = Bench::new();
    for record in 0..5_000 {
        bench.insert(record, 1_000);
    }
    let full = bench.budget.used_bytes();
    assert!(full < 5_000 * 16 + 3 * PAGE_COST_BYTES, "{full} bytes");
    assert_eq!(bench.wheel.backlog(500), 0);
    assert_eq!(bench.wheel.backlog(1_000), 5_000);
    let (expired, is_there) = bench.turn(1_000, 2_000);
    assert_eq!((expired.len(), is_there, bench.wheel.backlog(1_000)), (2_000, false, 3_000));
    while !bench.turn(1_000, 10).1 {}
    assert_eq!(bench.wheel.backlog(1_000), 0);
    while bench.wheel.drop_spare(&mut bench.budget) {}
    assert!(bench.budget.used_bytes() < size_of::<Slots>() + 1_000, "{}", bench.budget.used_bytes());
}

#[test]
fn without_memory_there_is_no_timer() {
    let mut bench = Bench::new();
    bench.budget = Budget::new(size_of::<Slots>() + PAGE_COST_BYTES + 1_000);
    for record in 0..TIMERS_PER_PAGE as u64 {
        bench.insert(record, record);
    }
    assert_eq!(bench.wheel.reserve(&mut bench.budget), Err(Shortage::Memory));
}
