//! The comparison as JSON: memory, growth, and each operation's ratio.

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};

use crate::Options;
use crate::measure::{Keys, Operation, round};
use crate::subject::{Boxed, Store, Subject};
use crate::warm::Warm;

/// Everything, in the order in which it has to happen: memory first, while nothing else was ever allocated.
pub(crate) fn compare(options: &Options) -> Value {
    let keys = Keys::new(options.keys, options.seed);
    let (mut store, mut boxed) = (Store::new(), Boxed::new());
    let mut growth = Growth { least_ns: vec![u32::MAX; options.keys], ..Growth::default() };
    let before_bytes = resident_bytes();
    let first_worst_ns = growth.fill(&mut store, None);
    let store_bytes = resident_bytes() - before_bytes;
    let boxed_ns = fill(&mut boxed, options.keys);
    let boxed_bytes = resident_bytes() - before_bytes - store_bytes;
    let ratios = ratios(options, &keys, &mut store, &mut boxed);
    let counted_bytes = store.memory_bytes();
    drop((store, boxed));
    for _ in 1..options.fills {
        growth.fill(&mut Store::new(), Some(Warm::new(counted_bytes)));
    }
    json!({
        "keys": options.keys,
        "operations_per_round": options.operations,
        "unit": "ns of CPU time per operation; bytes",
        "ratios": ratios,
        "resident_bytes": {
            "memstore": store_bytes,
            "hashbrown": boxed_bytes,
            "ratio": store_bytes as f64 / boxed_bytes as f64,
            "memstore_counted_at_the_end": counted_bytes,
        },
        "growth": {
            "entries_moved_max": growth.entries_moved_max,
            "bytes_zeroed_max": growth.bytes_zeroed_max,
            "directory_bytes_copied_max": growth.directory_bytes_copied_max,
            "entries_moved_per_key": growth.entries_moved as f64 / options.keys as f64,
            "worst_wall_ns": growth.least_ns.iter().max(),
            "worst_wall_ns_of_one_fill": first_worst_ns,
            "fills": options.fills,
            "hashbrown_worst_wall_ns": boxed_ns,
        },
    })
}

/// The most that one operation did while the table grew.
#[derive(Default)]
struct Growth {
    /// Wall time of each operation, in the fill in which it was least: the work is the same in each.
    least_ns: Vec<u32>,
    entries_moved: u64,
    entries_moved_max: u64,
    bytes_zeroed_max: u64,
    directory_bytes_copied_max: u64,
}

impl Growth {
    /// Sets all keys, where there is warm memory with that; the worst wall time of one.
    fn fill(&mut self, store: &mut Store, mut warm: Option<Warm>) -> u32 {
        let mut last = store.growth();
        let mut worst_ns = 0;
        for (index, least_ns) in self.least_ns.iter_mut().enumerate() {
            if let Some(warm) = &mut warm {
                warm.keep_ahead(store.memory_bytes());
            }
            let key = Keys::key(index);
            let begun = Instant::now();
            store.set(&key, 0);
            let ns = u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX);
            *least_ns = ns.min(*least_ns);
            worst_ns = worst_ns.max(ns);
            let growth = store.growth();
            self.entries_moved_max = self.entries_moved_max.max(growth.entries_moved - last.entries_moved);
            self.bytes_zeroed_max = self.bytes_zeroed_max.max(growth.bytes_zeroed - last.bytes_zeroed);
            let copied = growth.directory_bytes_copied - last.directory_bytes_copied;
            self.directory_bytes_copied_max = self.directory_bytes_copied_max.max(copied);
            last = growth;
        }
        self.entries_moved = last.entries_moved;
        worst_ns
    }
}

/// Sets all keys; the worst wall time of one.
fn fill(boxed: &mut Boxed, keys: usize) -> u64 {
    let timed = |index| {
        let key = Keys::key(index);
        let begun = Instant::now();
        boxed.set(&key, 0);
        begun.elapsed().as_nanos() as u64
    };
    (0..keys).map(timed).max().unwrap_or(0)
}

/// Both in turn, round after round.
fn ratios(options: &Options, keys: &Keys, store: &mut Store, boxed: &mut Boxed) -> Value {
    let mut ratios = serde_json::Map::new();
    for (operation, name) in Operation::ALL {
        let mut rounds: Vec<[f64; 2]> = Vec::new();
        for number in 0..options.rounds {
            let keys = keys.slice(number, options.operations);
            // hashbrown has no turns: what it is compared with are Gets one by one.
            let other = if operation == Operation::Turn { Operation::Get } else { operation };
            rounds.push([round(operation, store, keys), round(other, boxed, keys)]);
        }
        ratios.insert(name.to_owned(), summary(&rounds));
    }
    ratios.into()
}

fn summary(rounds: &[[f64; 2]]) -> Value {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        [values[values.len() / 2], values[0], values[values.len() - 1]]
    };
    let [store, boxed] = [0, 1].map(|side| median(rounds.iter().map(|round| round[side]).collect())[0]);
    let [ratio, least, greatest] = median(rounds.iter().map(|round| round[0] / round[1]).collect());
    json!({ "median": ratio, "least": least, "greatest": greatest, "memstore_ns": store, "hashbrown_ns": boxed })
}

/// Memory of this process that is there.
fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
