//! What a shard of the proxy counts beside what its runtime does, and the lines that say it.

use prism_backends::memstore;
use prism_proto::h2::server::{Count, Counts};
use prism_shard::{CounterText, Counters, Statistics};

/// Turns in which a connection had more to do than its share.
const SHARES_USED_UP: CounterText =
    ("shares_used_up", "Turns in which a connection had more to do than its share, and went on in the next.");
/// Calls refused for their connection's sake.
const CALLS_OVER_SHARE: CounterText =
    ("calls_over_share", "Calls refused because as many of their connection waited for other shards already.");
/// Pages of streamed answers.
const PAGES: CounterText = ("pages", "Pages made of what is streamed: of scans and the like.");
/// Pages handed on.
const DELIVERED: CounterText =
    ("tail_pages_delivered", "Pages of new records handed to readers that waited for them, one for each reader.");
/// The most that was ever copied for those who follow logs in one turn.
const TAIL_BYTES_MOST: CounterText = (
    "tail_bytes_most",
    "The most bytes that were ever copied in one turn for those who wait at the ends of logs, shards and readers.",
);
/// The most that was ever done for pages in one turn.
const PULL_WORK_MOST: CounterText =
    ("pull_work_most", "The most work that was ever done in one turn for pages, in entries and the like.");

/// What the memstores of a shard hold and have done, in the order of [`set_memory`].
const MEMORY: [CounterText; 7] = [
    ("memstore_keys", "Keys held by the memstores, those included that have expired and are not collected yet."),
    ("memstore_expiring", "Of these, keys with a time to live."),
    ("memstore_bytes", "Bytes that count against the memstores' memory_bytes_max."),
    ("memstore_expired", "Keys collected because their time to live was over."),
    ("memstore_expiry_backlog", "Timers of keys that are due and not taken in hand yet; some are only due soon."),
    ("memstore_rejected", "Writes refused because a memstore was full."),
    ("memstore_evicted", "Keys dropped to make room for others."),
];

const COUNT: usize = Count::TEXTS.len();

/// The index of each counter that is not of the engine.
pub(crate) const SHARES_USED_UP_AT: usize = COUNT;
pub(crate) const CALLS_OVER_SHARE_AT: usize = COUNT + 1;
pub(crate) const PAGES_AT: usize = COUNT + 2;
pub(crate) const PULL_WORK_MOST_AT: usize = COUNT + 3;
pub(crate) const DELIVERED_AT: usize = COUNT + 4;
pub(crate) const TAIL_BYTES_MOST_AT: usize = COUNT + 5;
const MEMORY_AT: usize = COUNT + 6;

/// Everything that the proxy counts on each shard: first what the engine counts, in its order.
pub(crate) const COUNTERS: &[CounterText] = &{
    let mut all = [("", ""); MEMORY_AT + MEMORY.len()];
    let mut index = 0;
    while index < COUNT {
        all[index] = Count::TEXTS[index];
        index += 1;
    }
    all[SHARES_USED_UP_AT] = SHARES_USED_UP;
    all[CALLS_OVER_SHARE_AT] = CALLS_OVER_SHARE;
    all[PAGES_AT] = PAGES;
    all[PULL_WORK_MOST_AT] = PULL_WORK_MOST;
    all[DELIVERED_AT] = DELIVERED;
    all[TAIL_BYTES_MOST_AT] = TAIL_BYTES_MOST;
    let mut index = 0;
    while index < MEMORY.len() {
        all[MEMORY_AT + index] = MEMORY[index];
        index += 1;
    }
    all
};

/// Says what the memstores of the shard hold and have done.
pub(crate) fn set_memory(counters: &mut Counters, memory: &memstore::Counters) {
    let memstore::Counters { keys, expiring, memory_bytes, expired, backlog, rejected, evictions, .. } = *memory;
    let values = [keys, expiring, memory_bytes as u64, expired, backlog, rejected, evictions];
    for (index, value) in values.into_iter().enumerate() {
        counters.set_own(MEMORY_AT + index, value);
    }
}

/// Adds what a connection has counted.
#[cold]
pub(crate) fn add(counters: &mut Counters, counts: &Counts) {
    for (count, number) in counts.iter() {
        counters.add_own(count as usize, u64::from(number));
    }
}

/// Logs one line for each shard: every counter that is not 0, as `name=value`.
pub(crate) fn log(statistics: &Statistics) {
    for (shard, snapshot) in statistics.snapshots().iter().enumerate() {
        let values = snapshot.iter().filter(|(_, value)| *value > 0);
        let counters: Vec<String> = values.map(|((name, _), value)| format!("{name}={value}")).collect();
        tracing::info!(shard, counters = counters.join(" "), "statistics");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use prism_shard::Counter;

    use super::*;

    #[test]
    fn every_counter_of_a_shard_has_its_own_name_and_a_help() {
        let runtime = Counter::ALL.iter().map(|counter| (counter.name(), counter.description()));
        let all: Vec<CounterText> = runtime.chain(COUNTERS.iter().copied()).collect();
        assert!(all.iter().all(|(_, help)| help.ends_with('.')));
        assert_eq!(all.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), all.len());
    }
}
