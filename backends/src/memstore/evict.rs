//! What happens at the memory bound, namespace by namespace: keys are dropped, as its policy says, or none are.
//!
//! Only plain keys are dropped, never lists. A write drops keys of its own namespace first, then of the others whose
//! policy allows it; each attempt looks at a bounded number of keys.

use super::MemStore;
use super::arena::{Arena, Mark};
use super::cache::Probationer;
use super::place::{PLACE_BITS, Place};
use super::word::{Reference, Word};
use crate::Context;
use crate::limits::{
    EVICT_BUCKETS_PER_LOOK, EVICT_LOOKS, EVICT_VAIN_TRIES, EVICTIONS_PER_ATTEMPT, PAGE_BYTES, PROBATION_MOVES,
};

/// How room is made for a write when memory is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eviction {
    /// It is not: the write fails.
    #[default]
    None,
    /// Keys are dropped that are asked for seldom, by the policy S3-FIFO.
    S3Fifo,
    /// Keys are dropped that have a time to live, those first that would expire soonest.
    SoonestExpiry,
}

impl MemStore {
    /// What happens to the keys of each namespace when memory is short, by [`crate::Context::namespace`]; those beyond
    /// stay as they are. A namespace whose policy changes forgets what it knew for the old one.
    pub fn set_evictions(&mut self, evictions: &[Eviction]) {
        for (namespace, &eviction) in evictions.iter().enumerate().take(self.tables.len()) {
            if self.evictions[namespace] != eviction {
                self.evictions[namespace] = eviction;
                if let Some(mut cache) = self.caches[namespace].take() {
                    cache.give_back(&mut self.budget);
                }
            }
        }
        self.tracks_visits = self.evictions.contains(&Eviction::S3Fifo);
        self.evicts = self.evictions.iter().any(|eviction| *eviction != Eviction::None);
    }

    /// A key was added.
    pub(super) fn admit(&mut self, namespace: u16, reference: Reference, place: Place) {
        let number = usize::from(namespace);
        if self.evictions[number] != Eviction::S3Fifo {
            return;
        }
        let cache = self.caches[number].get_or_insert_default();
        cache.prepare(&mut self.budget);
        if !cache.raise(place) {
            self.put_on_probation(namespace, reference, place);
        }
        // While there is room nobody is dropped, and those that come to the end join the main part. So they do when the
        // queue is long for what was deleted from it.
        let room_bytes = self.budget.room_bytes().min(self.budget.share_room_bytes(namespace));
        let has_room = room_bytes >= 2 * PAGE_BYTES;
        for _ in 0..PROBATION_MOVES {
            let keys = self.tables[number].entries() * if has_room { 1 } else { 2 };
            let cache = self.caches[number].get_or_insert_default();
            if !cache.is_probation_full(keys) {
                break;
            }
            let Some(oldest) = cache.pop(&mut self.budget) else { break };
            if self.is_on_probation(namespace, oldest) {
                self.arena.unmark(oldest.reference(), Mark::Probation);
            }
        }
    }

    /// Adds a record to the queue of those on probation, if there is memory for that.
    pub(super) fn put_on_probation(&mut self, namespace: u16, reference: Reference, place: Place) {
        let Some(cache) = self.caches[usize::from(namespace)].as_mut() else { return };
        if cache.push(&mut self.budget, Probationer::new(reference, place)) {
            self.arena.mark(reference, Mark::Probation);
        }
    }

    /// Drops keys until so many bytes are free, or the attempt has taken long enough; false when none was dropped.
    pub(super) fn evict(&mut self, namespace: u16, bytes: usize) -> bool {
        self.evict_by(bytes, |store| store.evict_one(namespace).or_else(|| store.evict_elsewhere()))
    }

    /// The same with keys of this namespace only, for its own bound.
    pub(super) fn evict_own(&mut self, namespace: u16, bytes: usize) -> bool {
        self.evict_by(bytes, |store| store.evict_one(namespace).or_else(|| store.evict_sampled(namespace)))
    }

    fn evict_by(&mut self, bytes: usize, mut evict_one: impl FnMut(&mut Self) -> Option<usize>) -> bool {
        let wanted = bytes.min(PAGE_BYTES);
        let (mut freed, mut evicted, mut vain) = (0, 0, 0);
        while self.evicts && freed < wanted && evicted < EVICTIONS_PER_ATTEMPT && vain < EVICT_VAIN_TRIES {
            match evict_one(self) {
                Some(bytes) => (freed, evicted) = (freed + bytes, evicted + 1),
                // The hand has passed a stretch of the table where there is none.
                None => vain += 1,
            }
        }
        evicted > 0
    }

    /// Drops a key from among those that leave no room for that of the context in its part of the table; false when
    /// there is room, or none of them may be dropped.
    pub(super) fn evict_neighbour(&mut self, context: &Context) -> bool {
        let (number, place) = (usize::from(context.namespace), Place::of(context.hash));
        let eviction = self.evictions[number];
        if eviction == Eviction::None {
            return false;
        }
        let mut best: Option<(u64, Reference)> = None;
        let is_crowded = self.tables[number].crowded(place, |word| {
            let record = self.arena.record(word.reference());
            let rank = match eviction {
                Eviction::SoonestExpiry => record.expiry().map(|expiry| expiry.at_ns),
                _ => Some(u64::from(record.is_marked(Mark::Visited))),
            };
            if let Some(rank) = rank.filter(|_| !record.is_list())
                && best.is_none_or(|(lowest, _)| rank < lowest)
            {
                best = Some((rank, word.reference()));
            }
        });
        match best {
            Some((_, victim)) if is_crowded => {
                self.drop_key(context.namespace, victim);
                true
            }
            _ => false,
        }
    }

    /// Drops a key of another namespace, of those with a policy in turn.
    fn evict_elsewhere(&mut self) -> Option<usize> {
        for _ in 0..self.tables.len().min(EVICT_LOOKS) {
            self.evicting = if self.evicting + 1 < self.tables.len() { self.evicting + 1 } else { 0 };
            if let Some(bytes) = self.evict_one(self.evicting as u16) {
                return Some(bytes);
            }
        }
        None
    }

    /// Drops one key; how many bytes its slot had.
    fn evict_one(&mut self, namespace: u16) -> Option<usize> {
        let victim = match self.evictions[usize::from(namespace)] {
            Eviction::None => None,
            Eviction::S3Fifo => self.seldom_asked_for(namespace),
            Eviction::SoonestExpiry => self.soonest_to_expire(namespace),
        }?;
        Some(self.drop_key(namespace, victim))
    }

    /// Drops the key of a record; how many bytes its slot had.
    pub(super) fn drop_key(&mut self, namespace: u16, victim: Reference) -> usize {
        let bytes = self.arena.slot(victim).len();
        let place = self.arena.record(victim).place();
        let found = self.tables[usize::from(namespace)].find(place, |other| (other == victim).then_some(()));
        let (found, ..) = found.expect("a live record is in its table");
        self.remove(namespace, found);
        self.counters.evictions += 1;
        bytes
    }

    /// Whether the record that an entry of the probation queue means is still there, and on probation.
    fn is_on_probation(&self, namespace: u16, probationer: Probationer) -> bool {
        self.arena.live_record(probationer.reference()).is_some_and(|record| {
            !record.is_node()
                && !record.is_list()
                && record.is_marked(Mark::Probation)
                && record.namespace() == namespace
                && probationer.is_at(record.place())
        })
    }

    /// A key that S3-FIFO drops next.
    fn seldom_asked_for(&mut self, namespace: u16) -> Option<Reference> {
        let number = usize::from(namespace);
        let keys = self.tables[number].entries();
        for _ in 0..EVICT_LOOKS {
            let cache = self.caches[number].as_mut()?;
            if !cache.is_probation_full(keys) {
                break;
            }
            let Some(oldest) = cache.pop(&mut self.budget) else { break };
            if !self.is_on_probation(namespace, oldest) {
                continue;
            }
            let reference = oldest.reference();
            if self.arena.record(reference).is_marked(Mark::Visited) {
                self.arena.unmark(reference, Mark::Probation);
                self.arena.unmark(reference, Mark::Visited);
            } else {
                let place = self.arena.record(reference).place();
                if let Some(cache) = self.caches[number].as_mut() {
                    cache.bury(place);
                }
                return Some(reference);
            }
        }
        self.under_the_hand(namespace)
    }

    /// The next key of the main part that nobody has asked for since the hand came by; the last one it looked at when
    /// all were.
    fn under_the_hand(&mut self, namespace: u16) -> Option<Reference> {
        let (mut victim, mut fallback) = (None, None);
        self.turn_hand(namespace, |arena, word| {
            let reference = word.reference();
            let record = arena.record(reference);
            if victim.is_some() || record.is_list() {
                return victim.is_some();
            }
            if record.is_marked(Mark::Probation) {
                fallback = fallback.or(Some(reference));
            } else if record.is_marked(Mark::Visited) {
                fallback = Some(reference);
                arena.unmark(reference, Mark::Visited);
            } else {
                victim = Some(reference);
            }
            victim.is_some()
        });
        victim.or(fallback)
    }

    /// Shows `look` the keys that the hand passes, until it has what it wants, or enough was looked at.
    fn turn_hand(&mut self, namespace: u16, mut look: impl FnMut(&mut Arena, Word) -> bool) {
        let number = usize::from(namespace);
        let Self { tables, arena, caches, .. } = self;
        let cache = caches[number].get_or_insert_default();
        let (mut is_done, mut looks, mut buckets) = (false, 0, 0);
        // A lap at most, of which nearly every step passes many places. A large table may have few keys.
        while !is_done && looks + buckets / EVICT_BUCKETS_PER_LOOK < EVICT_LOOKS {
            let place = Place::at_step(cache.hand);
            let homed = tables[number].homed(place, |word| {
                if word.prefix() >= place.prefix {
                    looks += 1;
                    is_done |= look(arena, word);
                }
            });
            let Some((last_prefix, passed)) = homed else { return };
            buckets += passed;
            // Past the victim's neighbours, too: what was unmarked just now is to have a lap's time.
            let next = Place { prefix: last_prefix, home: place.home }.step() + 1;
            cache.hand = if next < 1 << PLACE_BITS { next } else { 0 };
        }
    }

    /// The key that expires soonest, of some whose timers are set to be due first; when those are of others, of some
    /// that the hand passes.
    fn soonest_to_expire(&mut self, namespace: u16) -> Option<Reference> {
        let mut soonest: Option<(u64, Reference)> = None;
        for (timer, reference) in self.wheel.first(EVICT_LOOKS) {
            let record = self.arena.record(reference);
            let Some(expiry) = record.expiry() else { continue };
            // One that lives longer than it was to is not in the way of the others any more.
            self.wheel.refresh(timer, super::wheel::tick_after(expiry.at_ns));
            let is_ours = record.namespace() == namespace && !record.is_list();
            if is_ours && soonest.is_none_or(|(at_ns, _)| expiry.at_ns < at_ns) {
                soonest = Some((expiry.at_ns, reference));
            }
        }
        if soonest.is_none() && self.wheel.timers() > 0 {
            self.turn_hand(namespace, |arena, word| {
                let record = arena.record(word.reference());
                if let Some(expiry) = record.expiry().filter(|_| word.expires() && !record.is_list())
                    && soonest.is_none_or(|(at_ns, _)| expiry.at_ns < at_ns)
                {
                    soonest = Some((expiry.at_ns, word.reference()));
                }
                false
            });
        }
        soonest.map(|(_, reference)| reference)
    }
}
