//! Where records live: pages cut into slots of one size class each, and an allocation of its own for a long record.
//!
//! A page is filled from its front and never zeroed; what is freed is linked through the slots themselves. An empty
//! page goes back to the system, but for one that is kept for the next class in need.

use super::budget::{ALLOCATION_BYTES, Budget, Shortage};
use super::chunked::Chunked;
use super::class::{CLASS_BYTES, CLASSES, class_of};
use super::record::{Draft, Record, next_free, write_free};
use super::word::{PAGES_MAX, Reference};
use crate::limits::{PAGE_BYTES, VACATE_CANDIDATES};

/// No page; references cannot name it.
const NO_PAGE: u32 = 0;
/// No slot.
const NO_SLOT: u16 = u16::MAX;
/// The class of a page that is one long record.
const ALONE: u8 = u8::MAX;
/// What a page counts for.
const PAGE_COST_BYTES: usize = PAGE_BYTES + ALLOCATION_BYTES;

const _: () = assert!(CLASSES < ALONE as usize);

#[derive(Debug)]
struct Page {
    /// The slots in use so far; the capacity is that of the page from the start.
    data: Vec<u8>,
    slot_bytes: u32,
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
    pages: Chunked<Page>,
    classes: [Class; CLASSES],
    first_unused: u32,
    spare: Option<Vec<u8>>,
}

fn slots_of(class: usize) -> usize {
    PAGE_BYTES / CLASS_BYTES[class]
}

impl Arena {
    pub(super) const fn new() -> Self {
        let classes = [Class { first: NO_PAGE, free_slots: 0 }; CLASSES];
        Self { pages: Chunked::new(), classes, first_unused: NO_PAGE, spare: None }
    }

    #[inline]
    pub(super) fn record(&self, reference: Reference) -> Record<'_> {
        let page = self.pages.get(reference.page());
        let start = reference.slot() * page.slot_bytes as usize;
        Record::new(&page.data[start..])
    }

    /// Whether a record of `bytes` may be written over the one at `reference`.
    pub(super) fn fits(&self, reference: Reference, bytes: usize) -> bool {
        let page = self.pages.get(reference.page());
        if page.class == ALONE { page.data.len() == bytes } else { class_of(bytes) == Some(page.class as usize) }
    }

    /// Writes a record to a slot that it fits.
    pub(super) fn write(&mut self, reference: Reference, draft: &Draft<'_>) {
        let page = self.pages.get_mut(reference.page());
        let start = reference.slot() * page.slot_bytes as usize;
        draft.write(&mut page.data[start..], page.class == ALONE);
    }

    /// A place for a new record.
    pub(super) fn allocate(&mut self, budget: &mut Budget, bytes: usize) -> Result<Reference, Shortage> {
        let Some(class) = class_of(bytes) else { return self.allocate_alone(budget, bytes) };
        if self.classes[class].first == NO_PAGE {
            self.add_page(budget, class)?;
        }
        Ok(self.take_slot(class))
    }

    /// A place for a new record instead of the one at `old`, which is freed unless this fails. A long one is freed
    /// before the new one is allocated, once it is certain that this cannot fail, so that both need not fit.
    pub(super) fn replace(&mut self, budget: &mut Budget, old: Reference, bytes: usize) -> Result<Reference, Shortage> {
        let page = self.pages.get(old.page());
        if page.class == ALONE {
            let released_bytes = page.data.capacity() + ALLOCATION_BYTES;
            let needed_bytes = match class_of(bytes) {
                Some(class) if self.classes[class].first != NO_PAGE || self.spare.is_some() => 0,
                Some(_) => PAGE_COST_BYTES,
                None => bytes + ALLOCATION_BYTES,
            };
            if budget.allows(needed_bytes, released_bytes) {
                self.free(budget, old);
                // The page number that was just freed is there for the new one.
                return self.allocate(budget, bytes);
            }
        }
        let new = self.allocate(budget, bytes)?;
        self.free(budget, old);
        Ok(new)
    }

    fn allocate_alone(&mut self, budget: &mut Budget, bytes: usize) -> Result<Reference, Shortage> {
        self.reserve_number(budget)?;
        budget.take(bytes + ALLOCATION_BYTES)?;
        let number = self.add(Page::new(vec![0; bytes], ALONE, bytes));
        self.pages.get_mut(number).live = 1;
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
        self.pages.reserve(budget)?;
        if self.pages.len() == NO_PAGE as usize {
            self.pages.push(Page::new(Vec::new(), ALONE, 0));
        }
        Ok(())
    }

    fn add(&mut self, page: Page) -> usize {
        if self.first_unused == NO_PAGE {
            return self.pages.push(page);
        }
        let number = self.first_unused as usize;
        let unused = self.pages.get_mut(number);
        self.first_unused = unused.next;
        *unused = page;
        number
    }

    fn add_page(&mut self, budget: &mut Budget, class: usize) -> Result<(), Shortage> {
        self.reserve_number(budget)?;
        let data = match self.spare.take() {
            Some(data) => data,
            None => {
                budget.take(PAGE_COST_BYTES)?;
                Vec::with_capacity(PAGE_BYTES)
            }
        };
        let number = self.add(Page::new(data, class as u8, CLASS_BYTES[class]));
        self.classes[class].free_slots += slots_of(class);
        self.link(number);
        Ok(())
    }

    fn take_slot(&mut self, class: usize) -> Reference {
        let number = self.classes[class].first as usize;
        let page = self.pages.get_mut(number);
        let slot_bytes = page.slot_bytes as usize;
        let slot = if page.first_free == NO_SLOT {
            let end = page.data.len();
            page.data.resize(end + slot_bytes, 0);
            end / slot_bytes
        } else {
            let slot = usize::from(page.first_free);
            page.first_free = next_free(&page.data[slot * slot_bytes..]);
            slot
        };
        page.live += 1;
        let is_full = usize::from(page.live) == slots_of(class);
        self.classes[class].free_slots -= 1;
        if is_full {
            self.unlink(number);
        }
        Reference::new(number, slot)
    }

    /// Gives a record's memory back.
    pub(super) fn free(&mut self, budget: &mut Budget, reference: Reference) {
        let number = reference.page();
        let page = self.pages.get_mut(number);
        if page.class == ALONE {
            budget.give(page.data.capacity() + ALLOCATION_BYTES);
            self.retire(number);
            return;
        }
        let class = usize::from(page.class);
        let was_full = usize::from(page.live) == slots_of(class);
        let start = reference.slot() * page.slot_bytes as usize;
        write_free(&mut page.data[start..], page.first_free);
        page.first_free = reference.slot() as u16;
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

    /// Frees a page without records that is in no list.
    fn drop_page(&mut self, budget: &mut Budget, number: usize) {
        let class = usize::from(self.pages.get(number).class);
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
    fn retire(&mut self, number: usize) -> Vec<u8> {
        let page = self.pages.get_mut(number);
        page.next = self.first_unused;
        self.first_unused = number as u32;
        std::mem::take(&mut page.data)
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
        let class = usize::from(self.pages.get(number).class);
        let first = self.classes[class].first;
        if first != NO_PAGE {
            self.pages.get_mut(first as usize).previous = number as u32;
        }
        let page = self.pages.get_mut(number);
        page.previous = NO_PAGE;
        page.next = first;
        self.classes[class].first = number as u32;
    }

    fn unlink(&mut self, number: usize) {
        let page = self.pages.get(number);
        let (next, previous, class) = (page.next, page.previous, usize::from(page.class));
        if next != NO_PAGE {
            self.pages.get_mut(next as usize).previous = previous;
        }
        if previous == NO_PAGE {
            self.classes[class].first = next;
        } else {
            self.pages.get_mut(previous as usize).next = next;
        }
    }

    /// Moves the records of the emptiest of some pages to others of its class, and gives that page back; `moved` is told
    /// the record, where it was and where it is. False when no class has a page's worth of free slots in scattered pages.
    pub(super) fn vacate(
        &mut self,
        budget: &mut Budget,
        mut moved: impl FnMut(Record<'_>, Reference, Reference),
    ) -> bool {
        let Some(number) = self.emptiest() else { return false };
        let page = self.pages.get(number);
        let (class, slot_bytes, live) = (usize::from(page.class), page.slot_bytes as usize, usize::from(page.live));
        self.unlink(number);
        self.classes[class].free_slots -= slots_of(class) - live;
        let source = std::mem::take(&mut self.pages.get_mut(number).data);
        for (slot, bytes) in source.chunks_exact(slot_bytes).enumerate() {
            let record = Record::new(bytes);
            if record.is_live() {
                let target = self.take_slot(class);
                self.pages.get_mut(target.page()).slot_mut(target).copy_from_slice(bytes);
                moved(record, Reference::new(number, slot), target);
            }
        }
        self.pages.get_mut(number).data = source;
        self.classes[class].free_slots += slots_of(class);
        self.drop_page(budget, number);
        true
    }

    /// A sparse page of the class that wastes most.
    fn emptiest(&self) -> Option<usize> {
        let wasted = |class: usize| self.classes[class].free_slots * CLASS_BYTES[class];
        let scattered = (0..CLASSES).filter(|&class| self.classes[class].free_slots >= slots_of(class));
        let class = scattered.max_by_key(|&class| wasted(class))?;
        let next = |number: &u32| Some(self.pages.get(*number as usize).next);
        let candidates = std::iter::successors(Some(self.classes[class].first), next);
        let candidates = candidates.take_while(|&number| number != NO_PAGE).take(VACATE_CANDIDATES);
        let number = candidates.min_by_key(|&number| self.pages.get(number as usize).live)?;
        Some(number as usize)
    }
}

impl Page {
    fn new(data: Vec<u8>, class: u8, slot_bytes: usize) -> Self {
        let slot_bytes = if class == ALONE { 0 } else { slot_bytes as u32 };
        Self { data, slot_bytes, next: NO_PAGE, previous: NO_PAGE, first_free: NO_SLOT, live: 0, class }
    }

    fn slot_mut(&mut self, reference: Reference) -> &mut [u8] {
        let start = reference.slot() * self.slot_bytes as usize;
        &mut self.data[start..start + self.slot_bytes as usize]
    }
}
