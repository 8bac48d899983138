//! Collecting what has expired: round and round through the buckets, a few at a time.
//!
//! A lap looks only at entries whose slot says that they expire, and notes the soonest expiry of those it leaves; until
//! that moment there is nothing to do, and no lap begins.

use super::MemStore;
use super::table::Found;
use crate::limits::{SEGMENT_BUCKETS, SWEEP_BUCKETS_PER_TEND, SWEEP_REST_NS};

/// How far the sweep is.
#[derive(Debug)]
pub(super) struct Sweep {
    namespace: u16,
    segment: usize,
    bucket: usize,
    /// No key expires sooner than this.
    soonest_ns: u64,
    /// The same of what the lap has seen, and of what was written since it began.
    lap_soonest_ns: u64,
    lap_found: bool,
    /// The next lap begins no sooner than this.
    rest_until_ns: u64,
}

impl Sweep {
    pub(super) const fn new() -> Self {
        Self {
            namespace: 0,
            segment: 0,
            bucket: 0,
            soonest_ns: u64::MAX,
            lap_soonest_ns: u64::MAX,
            lap_found: false,
            rest_until_ns: 0,
        }
    }

    /// A key was written that expires then.
    pub(super) fn expires_at(&mut self, expiry_ns: u64) {
        self.soonest_ns = self.soonest_ns.min(expiry_ns);
        self.lap_soonest_ns = self.lap_soonest_ns.min(expiry_ns);
    }

    /// Entries of a segment moved to earlier buckets: if the sweep is there it may miss some, so what it knows at the
    /// end of the lap is not enough to rest on.
    pub(super) fn moved_in(&mut self, namespace: u16, segment: usize) {
        if (self.namespace, self.segment) == (namespace, segment) {
            self.lap_soonest_ns = 0;
        }
    }

    /// A segment was split, maybe the one where the sweep is.
    pub(super) fn split(&mut self) {
        self.lap_soonest_ns = 0;
    }

    fn end_lap(&mut self, now_ns: u64) {
        let rest_until_ns = if self.lap_found { now_ns } else { now_ns.saturating_add(SWEEP_REST_NS) };
        *self = Self { soonest_ns: self.lap_soonest_ns, rest_until_ns, ..Self::new() };
    }
}

impl MemStore {
    /// Sweeps a little if something may have expired; returns whether a lap that found something is under way.
    pub(super) fn sweep_when_due(&mut self, now_ns: u64) -> bool {
        if now_ns < self.sweep.rest_until_ns {
            return false;
        }
        self.collect_expired(now_ns, SWEEP_BUCKETS_PER_TEND);
        self.sweep.lap_found
    }

    /// Looks through some buckets, to the end of the lap at most; returns whether anything had expired.
    pub(super) fn collect_expired(&mut self, now_ns: u64, buckets: usize) -> bool {
        if self.counters.expiring == 0 {
            self.sweep = Sweep::new();
            return false;
        }
        if now_ns < self.sweep.soonest_ns {
            return false;
        }
        let before = self.counters.expired;
        for _ in 0..buckets {
            let Some(table) = self.tables.get(usize::from(self.sweep.namespace)) else {
                self.sweep.end_lap(now_ns);
                break;
            };
            if self.sweep.segment == table.segments() {
                self.sweep.namespace += 1;
                self.sweep.segment = 0;
                continue;
            }
            self.collect_bucket(now_ns);
            self.sweep.bucket += 1;
            if self.sweep.bucket == SEGMENT_BUCKETS {
                self.sweep.bucket = 0;
                self.sweep.segment += 1;
            }
        }
        self.counters.expired > before
    }

    /// Removes the expired entries of the sweep's bucket, those included that come into it meanwhile.
    fn collect_bucket(&mut self, now_ns: u64) {
        while let Some(found) = self.expired_in_bucket(now_ns) {
            let lap_soonest_ns = self.sweep.lap_soonest_ns;
            self.collect(self.sweep.namespace, found);
            // What moved came to this bucket, which is looked at again, or to later ones.
            self.sweep.lap_soonest_ns = lap_soonest_ns;
            self.sweep.lap_found = true;
        }
    }

    fn expired_in_bucket(&mut self, now_ns: u64) -> Option<Found> {
        let sweep = &mut self.sweep;
        let table = &self.tables[usize::from(sweep.namespace)];
        for (found, word) in table.entries(sweep.segment, sweep.bucket).filter(|(_, word)| word.expires()) {
            let expiry_ns = self.arena.record(word.reference()).expiry_ns().expect("its slot says so");
            if expiry_ns <= now_ns {
                return Some(found);
            }
            sweep.lap_soonest_ns = sweep.lap_soonest_ns.min(expiry_ns);
        }
        None
    }
}
