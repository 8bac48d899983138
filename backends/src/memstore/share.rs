//! A namespace's own bound: what belongs to it alone counts for it beside what counts for the store.
//!
//! These are its records and nodes of lists by their slots, its table, the timers of its keys, and the segments and
//! names of its logs. What all share, such as the free part of pages, counts for the store alone. The nodes of a list
//! that is gone count until their memory is given back.

use super::MemStore;
use super::evict::Eviction;
use super::place::{PLACE_BITS, Place};
use super::word::Reference;
use crate::Context;
use crate::limits::{EVICT_LOOKS, LIST_NODES_PER_RECLAIM, SHARE_SAMPLES, TIMERS_PER_RECLAIM};

/// A namespace's own bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bound {
    /// Its name in the configuration, for the messages of failures.
    pub name: String,
    /// The most bytes that it may hold on this shard; without, only the store's bound counts.
    pub bytes_max: Option<usize>,
}

impl MemStore {
    /// Sets each namespace's own bound, by [`Context::namespace`]; those beyond stay as they are. One that holds more
    /// than its new bound keeps it, and its writes fail or drop keys until it holds less.
    pub fn set_bounds(&mut self, bounds: &[Bound]) {
        self.names.resize(self.names.len().max(bounds.len()), String::new());
        for (namespace, bound) in bounds.iter().enumerate() {
            self.names[namespace].clone_from(&bound.name);
            self.budget.bound_share(namespace as u16, bound.bytes_max.unwrap_or(usize::MAX));
        }
    }

    /// Why there is no room within the bound of a namespace.
    pub(super) fn full_namespace(&self, namespace: u16) -> String {
        let name = self.names.get(usize::from(namespace)).map_or("", String::as_str);
        let bytes_max = self.budget.share_bytes_max(namespace);
        format!("the shard's part of namespaces.{name}.memory_bytes_max ({bytes_max} bytes) is in use")
    }

    /// A bounded attempt to free memory of the context's namespace that nobody misses; false when there was none.
    pub(super) fn collect_own(&mut self, context: &Context) -> bool {
        let namespace = context.namespace;
        let before = self.budget.share_used_bytes(namespace);
        let freed = self.arena.free_doomed(&mut self.budget, LIST_NODES_PER_RECLAIM);
        let collected = self.collect_expired(context.now_ns, TIMERS_PER_RECLAIM);
        // Others' may come first. Who can drop keys does not wait for that.
        let may_follow = self.evictions[usize::from(namespace)] == Eviction::None && (freed || collected);
        self.budget.share_used_bytes(namespace) < before || may_follow
    }

    /// Drops the key that expires soonest among some of the namespace's, for the policy that found none among the
    /// store's first timers, which may all be others'; how many bytes its slot had.
    pub(super) fn evict_sampled(&mut self, namespace: u16) -> Option<usize> {
        if self.evictions[usize::from(namespace)] != Eviction::SoonestExpiry {
            return None;
        }
        for _ in 0..SHARE_SAMPLES {
            if let Some(victim) = self.soonest_sampled(namespace) {
                return Some(self.drop_key(namespace, victim));
            }
        }
        None
    }

    /// Goes on round the table with the hand, by one sample.
    fn soonest_sampled(&mut self, namespace: u16) -> Option<Reference> {
        let number = usize::from(namespace);
        let mut hand = self.caches[number].get_or_insert_default().hand;
        let (mut soonest, mut looks): (Option<(u64, Reference)>, _) = (None, 0);
        while looks < EVICT_LOOKS {
            let place = Place::at_step(hand);
            let Self { tables, arena, .. } = self;
            let homed = tables[number].homed(place, |word| {
                looks += 1;
                let record = arena.record(word.reference());
                if let Some(expiry) = record.expiry().filter(|_| !record.is_list())
                    && soonest.is_none_or(|(at_ns, _)| expiry.at_ns < at_ns)
                {
                    soonest = Some((expiry.at_ns, word.reference()));
                }
            });
            let (last_prefix, buckets) = homed?;
            looks += buckets;
            hand = Place { prefix: last_prefix, home: place.home }.step() + 1;
            hand = if hand < 1 << PLACE_BITS { hand } else { 0 };
        }
        self.caches[number].get_or_insert_default().hand = hand;
        soonest.map(|(_, reference)| reference)
    }

    /// What belongs to each namespace alone: as it is counted, and from what is there.
    #[cfg(test)]
    pub(super) fn audit_shares(&self) -> (Vec<usize>, Vec<usize>) {
        let mut there = self.arena.audit_shares(self.tables.len());
        for (namespace, table) in self.tables.iter().enumerate() {
            there[namespace] += table.held_bytes() + self.logs.held_bytes_of(namespace as u16);
        }
        for reference in self.wheel.records() {
            there[usize::from(self.arena.record(reference).namespace())] += super::wheel::TIMER_BYTES;
        }
        let counted = (0..self.tables.len()).map(|namespace| self.budget.share_used_bytes(namespace as u16));
        (counted.collect(), there)
    }
}
