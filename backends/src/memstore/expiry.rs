//! Collecting what has expired, when its timer is due.
//!
//! A key is invisible from its moment on, for whoever finds it looks at the moment; collecting gives its memory back.
//! A timer takes nothing away by itself either: it has the record looked at, which says when it expires. So a time to
//! live that was set earlier cannot take away a later value.

use super::MemStore;
use super::record::Expiry;
use super::wheel::{Step, TIMER_BYTES, tick_after, tick_at};
use super::word::Reference;

impl MemStore {
    /// Takes some timers in hand, and says how many are left that are due.
    pub(super) fn collect_expired(&mut self, now_ns: u64, timers: usize) -> bool {
        let tick = tick_at(now_ns);
        let before = self.counters.expired;
        let mut left = timers;
        while left > 0 {
            let arena = &self.arena;
            let tick_of = |reference| arena.record(reference).expiry().map_or(0, |expiry| tick_after(expiry.at_ns));
            match self.wheel.step(tick, tick_of) {
                Step::Idle => break,
                Step::Nearer => {}
                Step::Due(timer, reference) => self.look_at(now_ns, timer, reference),
            }
            left -= 1;
        }
        self.counters.backlog = if left > 0 { 0 } else { self.wheel.backlog(tick) };
        self.counters.expired > before
    }

    /// The timer of a record is due: the record has expired, or lives longer than it was to.
    fn look_at(&mut self, now_ns: u64, timer: u32, reference: Reference) {
        let record = self.arena.record(reference);
        let expiry = record.expiry().expect("a record has no timer without an expiry");
        if expiry.at_ns > now_ns {
            return self.wheel.set(timer, tick_after(expiry.at_ns));
        }
        let (namespace, place) = (record.namespace(), record.place());
        let table = &self.tables[usize::from(namespace)];
        let found = table.find(place, |other| (other == reference).then_some(()));
        let (found, ..) = found.expect("a live record is in its table");
        self.collect(namespace, found);
    }

    /// The number of the timer of a record that is about to be written in place of one that expires as `old` says. The
    /// namespace is charged for a new one before.
    pub(super) fn timer_for(&mut self, old: Option<Expiry>) -> Result<u32, super::budget::Shortage> {
        match old {
            Some(old) => Ok(old.timer),
            None => {
                self.wheel.reserve(&mut self.budget)?;
                Ok(self.wheel.next_number())
            }
        }
    }

    /// Brings the timer of a record in line with its expiry, which was `old`; after [`Self::timer_for`], if it has one.
    pub(super) fn retime(&mut self, reference: Reference, old: Option<Expiry>, new: Option<Expiry>) {
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => self.wheel.insert(reference, tick_after(new.at_ns)),
            (Some(old), None) => self.cancel(self.arena.record(reference).namespace(), old.timer),
            (Some(old), Some(new)) => {
                self.wheel.set_reference(new.timer, reference);
                // One that is due too early is set anew when it is.
                if new.at_ns < old.at_ns {
                    self.wheel.set(new.timer, tick_after(new.at_ns));
                }
            }
        }
    }

    /// Removes a timer of a key of the namespace.
    pub(super) fn cancel(&mut self, namespace: u16, timer: u32) {
        self.budget.credit(namespace, TIMER_BYTES);
        if let Some(moved) = self.wheel.remove(&mut self.budget, timer) {
            self.arena.set_timer(moved, timer);
        }
    }
}
