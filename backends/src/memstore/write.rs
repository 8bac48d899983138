//! Writing: where the record goes, and finding room for it.

use super::MemStore;
use super::arena::Mark;
use super::budget::Shortage;
use super::place::Place;
use super::record::{Draft, Expiry};
use super::table::Found;
use super::ttl::expiry_ns;
use super::wheel::TIMER_BYTES;
use super::word::Reference;
use crate::limits::{
    KEY_BYTES_MAX, LIST_NODES_PER_RECLAIM, PAGE_BYTES, RECLAIM_ATTEMPTS, RECLAIM_ATTEMPTS_PER_PAGE, TIMERS_PER_RECLAIM,
    VALUE_BYTES_MAX,
};
use crate::{Context, Failure, FailureKind};

impl MemStore {
    /// Stores a value and its expiry in place of what the key held; that is left as it was when this fails.
    #[inline]
    pub(super) fn set(&mut self, context: &Context, key: &[u8], value: &[u8], ttl_seconds: i64) -> Result<(), Failure> {
        if ttl_seconds == 0 && self.overwrite(context, key, value) {
            return Ok(());
        }
        self.store(context, key, value, ttl_seconds)
    }

    /// Writes a value over another of the same length, where both records are plain: nothing else changes. False when
    /// that is not so, and nothing has happened.
    #[inline]
    fn overwrite(&mut self, context: &Context, key: &[u8], value: &[u8]) -> bool {
        let Some((reference, there)) = self.likely(context, key) else { return false };
        if there.len() != value.len() {
            return false;
        }
        self.arena.overwrite_plain(reference, there.start, value);
        if self.tracks_visits {
            self.arena.mark(reference, Mark::Visited);
        }
        true
    }

    /// The same by the rules, whatever there is.
    #[inline(never)]
    fn store(&mut self, context: &Context, key: &[u8], value: &[u8], ttl_seconds: i64) -> Result<(), Failure> {
        if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
            let sentence = format!("the memstore's keys have at most {KEY_BYTES_MAX} bytes, values {VALUE_BYTES_MAX}");
            return Err(Failure::new(FailureKind::Invalid, sentence));
        }
        let Ok(ttl_seconds) = u64::try_from(ttl_seconds) else {
            return Err(Failure::new(FailureKind::Invalid, "ttl_seconds is negative"));
        };
        let at_ns = (ttl_seconds > 0).then(|| expiry_ns(context.now_ns, ttl_seconds));
        let draft = Draft {
            namespace: context.namespace,
            place: Place::of(context.hash),
            key,
            value,
            is_list: false,
            expiry: at_ns.map(|at_ns| Expiry { at_ns, timer: 0 }),
        };
        let outcome = self.with_room(context, draft.bytes(), |store| store.try_set(context, draft));
        outcome.map_err(|shortage| self.refuse(shortage, "the value is not stored"))
    }

    /// Tries what needs up to `bytes` of memory until there is room for it, or none is to be had.
    pub(super) fn with_room<T>(
        &mut self,
        context: &Context,
        bytes: usize,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Shortage>,
    ) -> Result<T, Shortage> {
        // For each page of it keys are dropped, maybe of several sizes, a page is emptied, and it is given back.
        let attempts = RECLAIM_ATTEMPTS + RECLAIM_ATTEMPTS_PER_PAGE * bytes.div_ceil(PAGE_BYTES);
        let (mut evict_bytes, mut collects_left) = (bytes, RECLAIM_ATTEMPTS);
        for _ in 0..attempts {
            match attempt(self) {
                Err(Shortage::Memory) if self.reclaim(context.now_ns) => {}
                // Where the table is to grow for it, it need not if one of the neighbours goes.
                Err(Shortage::Memory) if self.evict_neighbour(context) => {}
                Err(Shortage::Memory) if self.evict(context.namespace, evict_bytes) => {
                    // A slot of its size was not enough: something else is to grow, which takes a page.
                    evict_bytes = PAGE_BYTES;
                }
                Err(Shortage::Namespace(_)) if collects_left > 0 && self.collect_own(context) => collects_left -= 1,
                Err(Shortage::Namespace(_)) if self.evict_neighbour(context) => {}
                Err(Shortage::Namespace(namespace)) if self.evict_own(namespace, evict_bytes) => {
                    evict_bytes = PAGE_BYTES;
                }
                outcome => return outcome,
            }
        }
        attempt(self)
    }

    /// Stores the draft with the memory that is free.
    fn try_set(&mut self, context: &Context, draft: Draft<'_>) -> Result<(), Shortage> {
        let there = self.lookup(context, draft.key);
        let old_expiry = there.and_then(|(_, old)| self.arena.record(old).expiry());
        if draft.expiry.is_none() || old_expiry.is_some() {
            return self.place(context, draft, there, old_expiry);
        }
        self.budget.charge(context.namespace, TIMER_BYTES)?;
        let outcome = self.place(context, draft, there, old_expiry);
        if outcome.is_err() {
            self.budget.credit(context.namespace, TIMER_BYTES);
        }
        outcome
    }

    /// The same, when the timer that it may need is charged for.
    fn place(
        &mut self,
        context: &Context,
        mut draft: Draft<'_>,
        there: Option<(Found, Reference)>,
        old_expiry: Option<Expiry>,
    ) -> Result<(), Shortage> {
        let old_nodes = there.and_then(|(_, old)| self.arena.nodes(old));
        if let Some(expiry) = draft.expiry.as_mut() {
            expiry.timer = self.timer_for(old_expiry)?;
        }
        let table = &mut self.tables[usize::from(context.namespace)];
        let is_new = there.is_none();
        let reference = if let Some((found, old)) = there {
            // What is left of an expired value is replaced like any other: nobody can tell.
            let reference = if self.arena.fits(old, draft.bytes()) {
                old
            } else {
                self.arena.replace(&mut self.budget, old, draft.bytes())?
            };
            table.relink(found, reference, draft.expiry.is_some());
            reference
        } else {
            self.budget.shared(context.namespace, |budget| table.make_room(draft.place, budget))?;
            let reference = self.arena.allocate(&mut self.budget, context.namespace, draft.bytes())?;
            table.insert(draft.place, reference, draft.expiry.is_some());
            self.counters.keys += 1;
            reference
        };
        self.arena.write(reference, &draft);
        if let Some(nodes) = old_nodes {
            self.arena.doom(nodes);
        }
        self.retime(reference, old_expiry, draft.expiry);
        if is_new {
            self.admit(context.namespace, reference, draft.place);
        } else if self.tracks_visits {
            self.arena.mark(reference, Mark::Visited);
        }
        Ok(())
    }

    /// A bounded attempt to free memory; false when there was nothing to be had.
    pub(super) fn reclaim(&mut self, now_ns: u64) -> bool {
        let freed = self.arena.free_doomed(&mut self.budget, LIST_NODES_PER_RECLAIM);
        if self.arena.drop_spare(&mut self.budget) {
            return true;
        }
        let collected = self.collect_expired(now_ns, TIMERS_PER_RECLAIM);
        // What was collected may lie scattered, of use to no other size, while no page is empty.
        self.arena.drop_spare(&mut self.budget) || self.vacate_page() || collected || freed
    }

    /// Moves the records of a sparse page to others, so that its memory serves again.
    fn vacate_page(&mut self) -> bool {
        let (tables, wheel) = (&mut self.tables, &mut self.wheel);
        self.arena.vacate(&mut self.budget, |record, old, new| {
            if record.is_node() {
                return;
            }
            let table = &mut tables[usize::from(record.namespace())];
            let found = table.find(record.place(), |reference| (reference == old).then_some(()));
            let (found, ..) = found.expect("a live record is in its table");
            table.relink(found, new, record.expiry().is_some());
            if let Some(expiry) = record.expiry() {
                wheel.set_reference(expiry.timer, new);
            }
        })
    }

    #[cold]
    pub(super) fn refuse(&mut self, shortage: Shortage, what: &str) -> Failure {
        self.counters.rejected += 1;
        let name = &self.name;
        let sentence = match shortage {
            Shortage::Memory => format!(
                "{what}: the shard's part of backends.{name}.memory_bytes_max ({} bytes) is in use",
                self.budget.bytes_max()
            ),
            Shortage::Namespace(namespace) => format!("{what}: {}", self.full_namespace(namespace)),
            Shortage::Crowded => format!("{what}: too many keys of backend {name} have the same hash as this one"),
        };
        Failure::new(FailureKind::Exhausted, sentence)
    }
}
