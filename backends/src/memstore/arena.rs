//! Where records live: pages cut into slots of one size class each, and an allocation of its own for a long record.
//!
//! A page is filled from its front and never zeroed; what is freed is linked through the slots themselves. An empty
//! page goes back to the system, but for one that is kept for the next class in need.

#[cfg(test)]
mod audit;

use std::ops::Range;

use prism_shard::memory::Block;

use super::budget::{ALLOCATION_BYTES, Budget, Shortage, reserve_one};
use super::class::{CLASS_BYTES, CLASSES, class_of};
pub(super) use super::record::Mark;
use super::record::{Draft, Expiry, Record, next_free, overwrite_plain, plain_value, set_expiry, set_mark, write_free};
use super::word::{OFFSET_STEP, PAGES_MAX, Reference};
use crate::limits::{PAGE_BYTES, PREFETCH_LINES, VACATE_CANDIDATES};

/// No page.
const NO_PAGE: u32 = u32::MAX;
/// No slot.
const NO_SLOT: u16 = u16::MAX;
/// The class of a page that is one long record.
const ALONE: u8 = u8::MAX;
/// Bytes of a line of the caches.
const LINE_BYTES: usize = 64;
/// What a page counts for.
const PAGE_COST_BYTES: usize = PAGE_BYTES;

const _: () = assert!(CLASSES < ALONE as usize && PAGE_BYTES == Block::BYTES);

/// What is known of a page besides its bytes.
#[derive(Debug, Clone, Copy)]
struct Page {
    /// Neighbours in the list of the class's pages with room, or of unused page numbers.
    next: u32,
    previous: u32,
    first_free: u16,
    live: u16,
    class: u8,
}

/// The pages of one class.
#[derive(Debug, Clone, Copy)]
struct Class {
    /// The first page with room.
    first: u32,
    /// Slots without a record, over all the class's pages.
    free_slots: usize,
}

/// All records of one store.
#[derive(Debug)]
pub(super) struct Arena {
    /// The bytes of each page: the slots in use so far, the capacity being that of the page from the start. Apart from
    /// the rest, so that more of what reads need fits the caches.
    data: Vec<Block>,
    pages: Vec<Page>,
    classes: [Class; CLASSES],
    first_unused: u32,
    spare: Option<Block>,
    /// The first of the nodes that belong to no list any more and are not freed yet.
    pub(super) doomed: Option<Reference>,
}

fn slots_of(class: usize) -> usize {
    PAGE_BYTES / CLASS_BYTES[class]
}

/// What a record counts for its namespace: its slot, or an allocation of so many bytes.
fn cost_bytes(class: Option<usize>, bytes: usize) -> usize {
    class.map_or(bytes + ALLOCATION_BYTES, |class| CLASS_BYTES[class])
}

impl Arena {
    pub(super) const fn new() -> Self {
        let classes = [Class { first: NO_PAGE, free_slots: 0 }; CLASSES];
        Self { data: Vec::new(), pages: Vec::new(), classes, first_unused: NO_PAGE, spare: None, doomed: None }
    }

    #[inline(always)]
    pub(super) fn record(&self, reference: Reference) -> Record<'_> {
        Record::new(&self.data[reference.page()][reference.offset()..])
    }

    /// The record, if it is this key's.
    #[inline(always)]
    pub(super) fn record_of(&self, reference: Reference, key: &[u8]) -> Option<Record<'_>> {
        let record = self.record(reference);
        (record.key() == key).then_some(record)
    }

    /// Where in its page the value of the plain record at `reference` lies, if it is this key's; see [`plain_value`].
    #[inline(always)]
    pub(super) fn plain_value(&self, reference: Reference, namespace: u16, key: &[u8]) -> Option<Range<usize>> {
        plain_value(self.data.get(reference.page())?, reference.offset(), namespace, key)
    }

    /// Has the beginning of the record at `reference` loaded: header, key, and a short value, as a rule.
    #[inline(always)]
    pub(super) fn prefetch(&self, reference: Reference) {
        let Some(data) = self.data.get(reference.page()) else { return };
        for line in 0..PREFETCH_LINES {
            if let Some(byte) = data.get(reference.offset() + line * LINE_BYTES) {
                prism_shard::prefetch(byte);
            }
        }
    }

    /// Writes a value over that of a plain record, which is as long and begins there in its page.
    #[inline]
    pub(super) fn overwrite_plain(&mut self, reference: Reference, start: usize, value: &[u8]) {
        overwrite_plain(&mut self.data[reference.page()], reference.offset(), start, value);
    }

    /// Bytes of a page.
    #[inline(always)]
    pub(super) fn bytes(&self, page: usize, range: Range<usize>) -> Option<&[u8]> {
        self.data.get(page)?.get(range)
    }

    /// The record or node at `reference`, if there is one at all.
    pub(super) fn live_record(&self, reference: Reference) -> Option<Record<'_>> {
        let (page, offset) = (reference.page(), reference.offset());
        let class = self.pages.get(page)?.class;
        // Within a long record there is only what somebody has stored there.
        let is_slot = if class == ALONE { offset == 0 } else { offset.is_multiple_of(CLASS_BYTES[usize::from(class)]) };
        let slot = self.data[page].get(offset..).filter(|slot| is_slot && !slot.is_empty())?;
        Some(Record::new(slot)).filter(|record| record.is_live())
    }

    /// Notes something of a record.
    #[inline]
    pub(super) fn mark(&mut self, reference: Reference, mark: Mark) {
        set_mark(&mut self.data[reference.page()][reference.offset()..], mark, true);
    }

    /// Takes a note away.
    pub(super) fn unmark(&mut self, reference: Reference, mark: Mark) {
        set_mark(&mut self.data[reference.page()][reference.offset()..], mark, false);
    }

    /// All bytes of a record's slot.
    pub(super) fn slot(&self, reference: Reference) -> &[u8] {
        let (class, rest) = (self.pages[reference.page()].class, &self.data[reference.page()][reference.offset()..]);
        if class == ALONE { rest } else { &rest[..CLASS_BYTES[usize::from(class)]] }
    }

    /// The same, to be changed.
    pub(super) fn slot_mut(&mut self, reference: Reference) -> &mut [u8] {
        let class = self.pages[reference.page()].class;
        let rest = &mut self.data[reference.page()][reference.offset()..];
        if class == ALONE { rest } else { &mut rest[..CLASS_BYTES[usize::from(class)]] }
    }

    /// Whether a record of `bytes` may be written over the one at `reference`.
    pub(super) fn fits(&self, reference: Reference, bytes: usize) -> bool {
        let class = self.pages[reference.page()].class;
        if class == ALONE { self.data[reference.page()].len() == bytes } else { class_of(bytes) == Some(class.into()) }
    }

    /// Writes a record to a slot that it fits.
    pub(super) fn write(&mut self, reference: Reference, draft: &Draft<'_>) {
        let is_alone = self.pages[reference.page()].class == ALONE;
        draft.write(&mut self.data[reference.page()][reference.offset()..], is_alone);
    }

    /// Has the record at `reference` expire; returns where it is now. Nothing has happened when this fails.
    pub(super) fn set_expiry(
        &mut self,
        budget: &mut Budget,
        reference: Reference,
        expiry: Expiry,
    ) -> Result<Reference, Shortage> {
        let record = self.record(reference);
        let class = self.pages[reference.page()].class;
        if class != ALONE && record.expiry().is_none() {
            let (namespace, place) = (record.namespace(), record.place());
            let (key, value, is_list) = (record.key(), record.value(), record.is_list());
            let bytes = Draft { namespace, place, key, value, is_list, expiry: Some(expiry) }.bytes();
            if bytes > CLASS_BYTES[usize::from(class)] {
                return self.rewrite(budget, reference, bytes, Some(expiry));
            }
        }
        set_expiry(&mut self.data[reference.page()][reference.offset()..], Some(expiry));
        Ok(reference)
    }

    /// The record at `reference` expires no more. It stays in its slot, even if a smaller one would do: so this cannot
    /// fail.
    pub(super) fn remove_expiry(&mut self, reference: Reference) {
        set_expiry(&mut self.data[reference.page()][reference.offset()..], None);
    }

    /// The timer of the record at `reference`, which expires, has another number now.
    pub(super) fn set_timer(&mut self, reference: Reference, timer: u32) {
        let slot = &mut self.data[reference.page()][reference.offset()..];
        let expiry = Record::new(slot).expiry().map(|expiry| Expiry { timer, ..expiry });
        set_expiry(slot, expiry);
    }

    /// Moves a record to a larger slot, with another expiry.
    fn rewrite(
        &mut self,
        budget: &mut Budget,
        old: Reference,
        bytes: usize,
        expiry: Option<Expiry>,
    ) -> Result<Reference, Shortage> {
        let new = self.allocate(budget, self.record(old).namespace(), bytes)?;
        // Another class, so another page.
        let source = std::mem::take(&mut self.data[old.page()]);
        let record = Record::new(&source[old.offset()..]);
        let (namespace, place) = (record.namespace(), record.place());
        let (key, value, is_list) = (record.key(), record.value(), record.is_list());
        self.write(new, &Draft { namespace, place, key, value, is_list, expiry });
        self.data[old.page()] = source;
        self.free(budget, old);
        self.mend(new);
        Ok(new)
    }

    /// A place for a new record or node of a namespace, which is charged for it.
    pub(super) fn allocate(
        &mut self,
        budget: &mut Budget,
        namespace: u16,
        bytes: usize,
    ) -> Result<Reference, Shortage> {
        let class = class_of(bytes);
        budget.charged(namespace, cost_bytes(class, bytes), |budget| {
            let Some(class) = class else { return self.allocate_alone(budget, bytes) };
            if self.classes[class].first == NO_PAGE {
                self.add_page(budget, class)?;
            }
            Ok(self.take_slot(class))
        })
    }

    /// A place for a new record instead of the one at `old`, which is freed unless this fails. A long one is freed
    /// before the new one is allocated, once it is certain that this cannot fail, so that both need not fit.
    pub(super) fn replace(&mut self, budget: &mut Budget, old: Reference, bytes: usize) -> Result<Reference, Shortage> {
        let namespace = self.record(old).namespace();
        if self.pages[old.page()].class == ALONE {
            let released_bytes = self.data[old.page()].capacity() + ALLOCATION_BYTES;
            let class = class_of(bytes);
            let needed_bytes = match class {
                Some(class) if self.classes[class].first != NO_PAGE || self.spare.is_some() => 0,
                Some(_) => PAGE_COST_BYTES,
                None => bytes + ALLOCATION_BYTES,
            };
            if budget.allows(needed_bytes, released_bytes)
                && budget.share_allows(namespace, cost_bytes(class, bytes), released_bytes)
            {
                self.free(budget, old);
                // The page number that was just freed is there for the new one.
                return self.allocate(budget, namespace, bytes);
            }
        }
        let new = self.allocate(budget, namespace, bytes)?;
        self.free(budget, old);
        Ok(new)
    }

    /// Makes `record`, which was adopted and is long, the record in place of the one at `old`; returns where it is.
    /// What `record` holds then is the memory of the old one, when that was long too. Nothing has happened when this
    /// fails.
    pub(super) fn adopt(
        &mut self,
        budget: &mut Budget,
        old: Reference,
        record: &mut Vec<u8>,
    ) -> Result<Reference, Shortage> {
        let needed_bytes = record.capacity() + ALLOCATION_BYTES;
        let namespace = self.record(old).namespace();
        let place = &mut self.data[old.page()];
        if self.pages[old.page()].class == ALONE {
            let released_bytes = place.capacity() + ALLOCATION_BYTES;
            if !budget.allows(needed_bytes, released_bytes) {
                return Err(Shortage::Memory);
            }
            budget.charge_instead(namespace, needed_bytes, released_bytes)?;
            budget.give(released_bytes);
            budget.take(needed_bytes)?;
            let adopted = Block::from(std::mem::take(record));
            *record = std::mem::replace(place, adopted).into();
            return Ok(old);
        }
        budget.charged(namespace, needed_bytes, |budget| {
            self.reserve_number(budget)?;
            budget.take(needed_bytes)
        })?;
        let number = self.add(std::mem::take(record).into(), ALONE);
        self.free(budget, old);
        Ok(Reference::new(number, 0))
    }

    fn allocate_alone(&mut self, budget: &mut Budget, bytes: usize) -> Result<Reference, Shortage> {
        self.reserve_number(budget)?;
        budget.take(bytes + ALLOCATION_BYTES)?;
        let number = self.add(Block::alone(bytes), ALONE);
        Ok(Reference::new(number, 0))
    }

    /// Makes sure that [`Self::add`] finds a page number.
    fn reserve_number(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        if self.first_unused != NO_PAGE {
            return Ok(());
        }
        if self.pages.len() == PAGES_MAX {
            return Err(Shortage::Memory);
        }
        reserve_one(&mut self.data, budget)?;
        reserve_one(&mut self.pages, budget)
    }

    /// Gives a page a number.
    fn add(&mut self, data: Block, class: u8) -> usize {
        let page = Page { next: NO_PAGE, previous: NO_PAGE, first_free: NO_SLOT, live: 0, class };
        if self.first_unused == NO_PAGE {
            self.data.push(data);
            self.pages.push(page);
            return self.pages.len() - 1;
        }
        let number = self.first_unused as usize;
        self.first_unused = self.pages[number].next;
        self.data[number] = data;
        self.pages[number] = page;
        number
    }

    fn add_page(&mut self, budget: &mut Budget, class: usize) -> Result<(), Shortage> {
        self.reserve_number(budget)?;
        let data = match self.spare.take() {
            Some(data) => data,
            None => {
                budget.take(PAGE_COST_BYTES)?;
                Block::with_room()
            }
        };
        let number = self.add(data, class as u8);
        self.classes[class].free_slots += slots_of(class);
        self.link(number);
        Ok(())
    }

    /// A slot of a class that has a page with room.
    fn take_slot(&mut self, class: usize) -> Reference {
        let number = self.classes[class].first as usize;
        let (page, data) = (&mut self.pages[number], &mut self.data[number]);
        let offset = if page.first_free == NO_SLOT {
            let end = data.len();
            data.extend(CLASS_BYTES[class]);
            end
        } else {
            let offset = usize::from(page.first_free) * OFFSET_STEP;
            page.first_free = next_free(&data[offset..]);
            offset
        };
        page.live += 1;
        self.classes[class].free_slots -= 1;
        if usize::from(page.live) == slots_of(class) {
            self.unlink(number);
        }
        Reference::new(number, offset)
    }

    /// Gives a record's memory back.
    pub(super) fn free(&mut self, budget: &mut Budget, reference: Reference) {
        let number = reference.page();
        budget.credit(self.record(reference).namespace(), self.held_bytes(reference));
        let (page, data) = (&mut self.pages[number], &mut self.data[number]);
        if page.class == ALONE {
            budget.give(data.capacity() + ALLOCATION_BYTES);
            self.retire(number);
            return;
        }
        let class = usize::from(page.class);
        let was_full = usize::from(page.live) == slots_of(class);
        write_free(&mut data[reference.offset()..], page.first_free);
        page.first_free = (reference.offset() / OFFSET_STEP) as u16;
        page.live -= 1;
        let is_empty = page.live == 0;
        self.classes[class].free_slots += 1;
        if was_full {
            self.link(number);
        }
        if is_empty {
            self.unlink(number);
            self.drop_page(budget, number);
        }
    }

    /// What the record or node at `reference` counts for its namespace.
    fn held_bytes(&self, reference: Reference) -> usize {
        let class = self.pages[reference.page()].class;
        let class = (class != ALONE).then_some(usize::from(class));
        cost_bytes(class, self.data[reference.page()].capacity())
    }

    /// Frees a page without records that is in no list.
    fn drop_page(&mut self, budget: &mut Budget, number: usize) {
        let class = usize::from(self.pages[number].class);
        self.classes[class].free_slots -= slots_of(class);
        let mut data = self.retire(number);
        if self.spare.is_none() {
            data.clear();
            self.spare = Some(data);
        } else {
            budget.give(PAGE_COST_BYTES);
        }
    }

    /// Makes a page's number unused, and returns its memory.
    fn retire(&mut self, number: usize) -> Block {
        self.pages[number].next = self.first_unused;
        self.first_unused = number as u32;
        std::mem::take(&mut self.data[number])
    }

    /// Gives the spare page back to the system; false when there is none.
    pub(super) fn drop_spare(&mut self, budget: &mut Budget) -> bool {
        let had_one = self.spare.take().is_some();
        if had_one {
            budget.give(PAGE_COST_BYTES);
        }
        had_one
    }

    fn link(&mut self, number: usize) {
        let class = usize::from(self.pages[number].class);
        let first = self.classes[class].first;
        if first != NO_PAGE {
            self.pages[first as usize].previous = number as u32;
        }
        self.pages[number].previous = NO_PAGE;
        self.pages[number].next = first;
        self.classes[class].first = number as u32;
    }

    fn unlink(&mut self, number: usize) {
        let Page { next, previous, class, .. } = self.pages[number];
        if next != NO_PAGE {
            self.pages[next as usize].previous = previous;
        }
        if previous == NO_PAGE {
            self.classes[usize::from(class)].first = next;
        } else {
            self.pages[previous as usize].next = next;
        }
    }

    /// Moves the records of the emptiest of some pages to others of its class, and gives that page back; `moved` is
    /// told the record, where it was and where it is. False when no class has a page's worth of free slots scattered
    /// over its pages.
    pub(super) fn vacate(
        &mut self,
        budget: &mut Budget,
        mut moved: impl FnMut(Record<'_>, Reference, Reference),
    ) -> bool {
        let Some(number) = self.emptiest() else { return false };
        let Page { class, live, .. } = self.pages[number];
        let class = usize::from(class);
        self.unlink(number);
        // Those of the page itself are no longer to be had.
        self.classes[class].free_slots -= slots_of(class) - usize::from(live);
        let slot_bytes = CLASS_BYTES[class];
        for offset in (0..self.data[number].len()).step_by(slot_bytes) {
            let old = Reference::new(number, offset);
            if self.record(old).is_live() {
                let new = self.take_slot(class);
                // Not in this page, which is in no list.
                let pages = self.data.get_disjoint_mut([number, new.page()]).expect("the pages are two");
                let [source, target] = pages;
                target[new.offset()..][..slot_bytes].copy_from_slice(&source[offset..offset + slot_bytes]);
                self.mend(new);
                moved(self.record(new), old, new);
            }
        }
        self.classes[class].free_slots += slots_of(class);
        self.drop_page(budget, number);
        true
    }

    /// A sparse page of the class that wastes most.
    fn emptiest(&self) -> Option<usize> {
        let wasted = |class: usize| self.classes[class].free_slots * CLASS_BYTES[class];
        let scattered = (0..CLASSES).filter(|&class| self.classes[class].free_slots >= slots_of(class));
        let class = scattered.max_by_key(|&class| wasted(class))?;
        let next = |number: &u32| Some(self.pages[*number as usize].next).filter(|next| *next != NO_PAGE);
        let first = Some(self.classes[class].first).filter(|first| *first != NO_PAGE);
        let candidates = std::iter::successors(first, next).take(VACATE_CANDIDATES);
        Some(candidates.min_by_key(|number| self.pages[*number as usize].live)? as usize)
    }
}
