//! What a run is to do, checked: the command line makes one, and so do tests.

use super::address::{Address, Resolved};
use super::arrivals::Arrivals;
use super::keys::KeyDistribution;
use super::mix::Mix;
use super::values::ValueBytes;

/// What a run is to do. Times are in nanoseconds.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server as it was named.
    pub proxy: Address,
    /// Where it is.
    pub address: Resolved,
    /// Calls a second over all cores; 0: a closed loop.
    pub rps: f64,
    /// How an open loop's calls are spread over time.
    pub arrivals: Arrivals,
    /// The most calls in flight over all cores.
    pub concurrency: usize,
    /// Connections over all cores, at least one for each.
    pub connections: usize,
    /// The cores, at least one; a thread is pinned to each.
    pub cores: Vec<usize>,
    /// What comes first and is not counted.
    pub warmup_ns: u64,
    /// What is measured.
    pub duration_ns: u64,
    /// How long a call may take.
    pub timeout_ns: u64,
    /// What everything random follows from.
    pub seed: u64,
    /// What is called.
    pub mix: Mix,
    /// How many keys there are, at least 1.
    pub keys: u64,
    /// How calls are spread over them.
    pub key_distribution: KeyDistribution,
    /// How long values are.
    pub value_bytes: ValueBytes,
    /// The most keys that a scan returns.
    pub scan_limit: i32,
    /// The namespace of the keys.
    pub namespace: String,
    /// Metadata of every call.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Whether every key is written before the run.
    pub prefill: bool,
    /// Whether each value read must be the one that was written.
    pub verify: bool,
}

impl Plan {
    /// Whether calls wait for answers.
    pub fn is_closed(&self) -> bool {
        self.rps == 0.0
    }
}

/// The part of core `core` when `total` things are divided over `cores` evenly.
pub(super) const fn share(total: usize, core: usize, cores: usize) -> usize {
    total / cores + if core < total % cores { 1 } else { 0 }
}
