//! What goes, and when: trimmed segments, old ones, and the oldest of all when there is no room.

use super::super::budget::{Budget, reserve_one};
use super::order::{OF_ALL, OF_NAMESPACE};
use super::{Address, Bounds, Logs, segment};
use crate::limits::{LOG_DROPS_MAX, LOG_DROPS_PER_TEND, LOG_NAMESPACES_PER_TEND};

impl Logs {
    /// Drops the oldest segment of a log; what was in it cannot be read any more. False when there is none.
    pub(super) fn drop_first(&mut self, budget: &mut Budget, number: usize) -> bool {
        let log = &mut self.logs[number];
        let Some(first) = log.chain.pop_front() else { return false };
        let order = &mut self.namespaces[usize::from(log.namespace)].order;
        self.segments.leave(order, OF_NAMESPACE, first);
        self.segments.leave(&mut self.order, OF_ALL, first);
        let segment = self.segments.remove(first);
        log.low = log.low.max(segment.end());
        let cost_bytes = segment::cost_bytes(segment.capacity());
        log.held_bytes -= cost_bytes;
        budget.give(cost_bytes);
        budget.credit(log.namespace, cost_bytes);
        if log.chain.is_empty() {
            log.release_chain(budget);
        }
        true
    }

    /// Drops one segment for the sake of others: one that is trimmed if there is any, else the oldest. False when
    /// there is none.
    pub(in super::super) fn drop_oldest(&mut self, budget: &mut Budget) -> bool {
        self.counted(budget, |logs, budget| {
            if logs.drop_trimmed(budget) {
                return true;
            }
            let Some(oldest) = logs.order.oldest() else { return false };
            let number = logs.segments.get(oldest).log as usize;
            debug_assert_eq!(logs.logs[number].chain.front(), Some(&oldest));
            logs.drop_first(budget, number)
        })
    }

    /// Drops the oldest segment of a namespace for the sake of its others; false when there is none.
    pub(in super::super) fn drop_oldest_of(&mut self, budget: &mut Budget, namespace: u16) -> bool {
        let Some(oldest) = self.namespaces[usize::from(namespace)].order.oldest() else { return false };
        let number = self.segments.get(oldest).log as usize;
        self.counted(budget, |logs, budget| logs.drop_first(budget, number))
    }

    /// Removes what lies before an offset, or up to the latest; returns where the log begins and ends now.
    pub(in super::super) fn trim(&mut self, budget: &mut Budget, address: &Address<'_>, before: u64) -> Bounds {
        let Some(number) = self.find(address) else { return Bounds::default() };
        let log = &mut self.logs[number];
        log.low = log.low.max(before.min(log.next));
        self.counted(budget, |logs, budget| {
            let mut drops_left = LOG_DROPS_MAX;
            while drops_left > 0 && logs.drop_trimmed_of(budget, number) {
                drops_left -= 1;
            }
            // Without memory to note it in, what is left goes when the log or the store needs room.
            if drops_left == 0 && !logs.logs[number].is_trimmed && reserve_one(&mut logs.trimmed, budget).is_ok() {
                logs.logs[number].is_trimmed = true;
                logs.trimmed.push(number as u32);
            }
        });
        self.bounds(address)
    }

    /// Drops the first segment of a log if it is wholly trimmed.
    fn drop_trimmed_of(&mut self, budget: &mut Budget, number: usize) -> bool {
        let log = &self.logs[number];
        let is_below = log.chain.front().is_some_and(|first| self.segments.get(*first).end() <= log.low);
        is_below && self.drop_first(budget, number)
    }

    /// Drops a segment that is wholly trimmed; false when there is none.
    fn drop_trimmed(&mut self, budget: &mut Budget) -> bool {
        while let Some(&number) = self.trimmed.last() {
            if self.drop_trimmed_of(budget, number as usize) {
                return true;
            }
            self.trimmed.pop();
            self.logs[number as usize].is_trimmed = false;
        }
        false
    }

    /// Drops some of what is trimmed or too old; returns whether there is more.
    pub(in super::super) fn tend(&mut self, budget: &mut Budget, now_ns: u64) -> bool {
        if self.trimmed.is_empty() && self.aging.is_empty() {
            return false;
        }
        self.counted(budget, |logs, budget| {
            let mut drops_left = LOG_DROPS_PER_TEND;
            while drops_left > 0 && logs.drop_trimmed(budget) {
                drops_left -= 1;
            }
            for _ in 0..LOG_NAMESPACES_PER_TEND.min(logs.aging.len()) {
                let namespace = logs.aging[logs.aging_next];
                while drops_left > 0 && logs.drop_aged(budget, namespace, now_ns) {
                    drops_left -= 1;
                }
                if drops_left == 0 {
                    return true;
                }
                logs.aging_next = (logs.aging_next + 1) % logs.aging.len();
            }
            drops_left == 0
        })
    }

    /// Drops the oldest segment of a namespace when its last record is too old; false when it is not.
    fn drop_aged(&mut self, budget: &mut Budget, namespace: u16, now_ns: u64) -> bool {
        let namespace = &self.namespaces[usize::from(namespace)];
        let Some(oldest) = namespace.order.oldest() else { return false };
        let segment = self.segments.get(oldest);
        if now_ns.saturating_sub(segment.written_ns) < namespace.retention.age_max_ns {
            return false;
        }
        let number = segment.log as usize;
        self.drop_first(budget, number)
    }
}
