//! A large value stays in the memory in which its message came: that becomes the record, and nothing is copied.

use super::MemStore;
use super::arena::Mark;
use super::budget::Shortage;
use super::place::Place;
use super::record::{self, Record};
use crate::limits::{KEY_BYTES_MAX, SLOT_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Context, Failure, PlacedSet};

impl MemStore {
    /// Stores a value without an expiry as part of its message; none when that cannot be, and nothing has happened. The
    /// memory that `message` has afterwards is of use to the next one.
    pub(super) fn adopt(
        &mut self,
        context: &Context,
        set: &PlacedSet,
        message: &mut Vec<u8>,
    ) -> Option<Result<(), Failure>> {
        let table = self.tables.get(usize::from(context.namespace))?;
        let (key, value) = (message.get(set.key.clone())?, message.get(set.value.clone())?);
        if key.len() > KEY_BYTES_MAX || !(SLOT_BYTES_MAX..=VALUE_BYTES_MAX).contains(&value.len()) {
            return None;
        }
        let old = self.lookup(context, key);
        let expires = old.is_some_and(|(found, _)| table.word(found).expires());
        let is_list = old.is_some_and(|(_, reference)| self.arena.record(reference).is_list());
        if expires || is_list || !record::is_adoptable(message, &set.key, &set.value) {
            return None;
        }
        // A new key gets its entry first.
        if old.is_none()
            && let Err(failure) = self.set(context, key, &[], 0)
        {
            return Some(Err(failure));
        }
        record::adopt(message, set.key.clone(), &set.value, context.namespace, Place::of(context.hash));
        let outcome = self.with_room(context, message.capacity(), |store| store.try_adopt(context, message));
        if outcome == Ok(true) {
            return Some(Ok(()));
        }
        // A copy needs a little less, and says why there is no room for it either.
        let record = Record::new(message);
        let outcome = self.set(context, record.key(), record.value(), 0);
        if outcome.is_err() && old.is_none() {
            self.delete(context, record.key());
        }
        Some(outcome)
    }

    /// Puts a record in the place of its key's, with the memory that is free; false when the key has gone meanwhile.
    fn try_adopt(&mut self, context: &Context, message: &mut Vec<u8>) -> Result<bool, Shortage> {
        let Some((found, old)) = self.lookup(context, Record::new(message).key()) else { return Ok(false) };
        let is_on_probation = self.arena.record(old).is_marked(Mark::Probation);
        let reference = self.arena.adopt(&mut self.budget, old, message)?;
        self.tables[usize::from(context.namespace)].relink(found, reference, false);
        if is_on_probation {
            self.put_on_probation(context.namespace, reference, Place::of(context.hash));
        }
        Ok(true)
    }
}
