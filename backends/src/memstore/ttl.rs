//! Times to live of keys that are there.

use super::MemStore;
use super::budget::Shortage;
use super::record::Expiry;
use super::wheel::TIMER_BYTES;
use super::word::Reference;
use crate::limits::SLOT_BYTES_MAX;
use crate::{Context, Failure};
use prism_proto::limits::SECOND_NS;

/// What a key without a time to live has left, as the interface says it.
const NO_EXPIRY: i64 = -1;
/// The same of a key that is not there.
const NO_KEY: i64 = -2;

/// When what is written now expires.
pub(super) fn expiry_ns(now_ns: u64, ttl_seconds: u64) -> u64 {
    now_ns.saturating_add(ttl_seconds.saturating_mul(SECOND_NS))
}

impl MemStore {
    /// Lets a key expire so many seconds from now, at once for 0 or less; returns whether it was there. When it fails,
    /// the key expires when it did before.
    pub(super) fn expire(&mut self, context: &Context, key: &[u8], ttl_seconds: i64) -> Result<bool, Failure> {
        let Some((found, _)) = self.live(context, key) else { return Ok(false) };
        let ttl_seconds = u64::try_from(ttl_seconds).unwrap_or(0);
        if ttl_seconds == 0 {
            self.remove(context.namespace, found);
            return Ok(true);
        }
        let at_ns = expiry_ns(context.now_ns, ttl_seconds);
        // A longer record has room for an expiry.
        let outcome = self.with_room(context, SLOT_BYTES_MAX, |store| {
            let Some((found, reference)) = store.lookup(context, key) else { return Ok(false) };
            let old = store.arena.record(reference).expiry();
            let timer_bytes = if old.is_some() { 0 } else { TIMER_BYTES };
            store.budget.charge(context.namespace, timer_bytes)?;
            let outcome = store.set_expiry(reference, at_ns, old);
            let Ok((reference, new)) = outcome else {
                store.budget.credit(context.namespace, timer_bytes);
                return outcome.map(|_| true);
            };
            store.tables[usize::from(context.namespace)].relink(found, reference, true);
            store.retime(reference, old, Some(new));
            Ok(true)
        });
        outcome.map_err(|shortage| self.refuse(shortage, "the time to live is not set"))
    }

    /// Has a record expire with the timer that it has, or a new one that is charged for; returns where it is now.
    fn set_expiry(
        &mut self,
        reference: Reference,
        at_ns: u64,
        old: Option<Expiry>,
    ) -> Result<(Reference, Expiry), Shortage> {
        let new = Expiry { at_ns, timer: self.timer_for(old)? };
        Ok((self.arena.set_expiry(&mut self.budget, reference, new)?, new))
    }

    /// Seconds that a key still lives, rounded up.
    pub(super) fn ttl(&mut self, context: &Context, key: &[u8]) -> i64 {
        let Some((_, reference)) = self.live(context, key) else { return NO_KEY };
        let Some(expiry) = self.arena.record(reference).expiry() else { return NO_EXPIRY };
        let seconds = expiry.at_ns.saturating_sub(context.now_ns).div_ceil(SECOND_NS);
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }

    /// Lets a key live on; returns whether it would have expired.
    pub(super) fn persist(&mut self, context: &Context, key: &[u8]) -> bool {
        let Some((found, reference)) = self.live(context, key) else { return false };
        let Some(expiry) = self.arena.record(reference).expiry() else { return false };
        self.arena.remove_expiry(reference);
        self.tables[usize::from(context.namespace)].relink(found, reference, false);
        self.cancel(context.namespace, expiry.timer);
        true
    }
}
