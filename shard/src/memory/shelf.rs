//! A thread's regions of one part size.

use std::cell::RefCell;
use std::ptr::NonNull;

use super::region::{PARTS_MAX, Region};
use crate::limits::{HUGE_AFTER_REGIONS, REGION_BYTES};

/// Bytes of the parts that there are, by kind.
pub(super) const SIZES: [usize; 2] = [8 << 10, 64 << 10];

const _: () = assert!(SIZES[0] * PARTS_MAX == REGION_BYTES && SIZES[1] > SIZES[0]);

thread_local! {
    static SHELVES: RefCell<[Shelf; SIZES.len()]> = const { RefCell::new([const { Shelf::new() }; SIZES.len()]) };
}

/// Names a part: its kind, region and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part(u32);

impl Part {
    /// No part: there are never so many regions.
    pub(super) const NONE: Self = Self(u32::MAX);

    fn new(kind: usize, region: usize, part: usize) -> Self {
        Self((kind as u32) << 31 | (region as u32) << 8 | part as u32)
    }

    fn kind(self) -> usize {
        (self.0 >> 31) as usize
    }

    fn region(self) -> usize {
        (self.0 << 1 >> 9) as usize
    }

    fn number(self) -> usize {
        (self.0 & 0xFF) as usize
    }
}

/// The regions of one part size.
struct Shelf {
    regions: Vec<Option<Region>>,
    /// Regions with a free part, and places without a region.
    with_room: Vec<u32>,
    count: usize,
}

impl Shelf {
    const fn new() -> Self {
        Self { regions: Vec::new(), with_room: Vec::new(), count: 0 }
    }

    fn take(&mut self, kind: usize) -> Option<(Part, NonNull<u8>)> {
        let number = match self.with_room.last() {
            Some(number) => *number as usize,
            None => {
                self.regions.push(None);
                self.with_room.push(self.regions.len() as u32 - 1);
                self.regions.len() - 1
            }
        };
        let place = &mut self.regions[number];
        if place.is_none() {
            *place = Some(Region::new(SIZES[kind], self.count >= HUGE_AFTER_REGIONS)?);
            self.count += 1;
        }
        let region = place.as_mut()?;
        let (part, start) = region.take()?;
        if region.is_full() {
            self.with_room.pop();
        }
        Some((Part::new(kind, number, part), start))
    }

    /// # Safety
    ///
    /// As for [`Region::give`].
    unsafe fn give(&mut self, part: Part) {
        let place = &mut self.regions[part.region()];
        let Some(region) = place else { return };
        let was_full = region.is_full();
        // SAFETY: the caller's.
        unsafe { region.give(part.number()) };
        if region.is_empty() {
            *place = None;
            self.count -= 1;
        }
        if was_full {
            self.with_room.push(part.region() as u32);
        }
    }
}

/// A zeroed part of `SIZES[kind]` bytes; none when the system has no memory.
pub(super) fn take(kind: usize) -> Option<(Part, NonNull<u8>)> {
    SHELVES.with_borrow_mut(|shelves| shelves[kind].take(kind))
}

/// Gives a part back.
///
/// # Safety
///
/// It was taken by this thread, and nothing refers to it any more.
pub(super) unsafe fn give(part: Part) {
    // When the thread ends, its regions may be gone before: then so is the part.
    // SAFETY: the caller's.
    let _ = SHELVES.try_with(|shelves| unsafe { shelves.borrow_mut()[part.kind()].give(part) });
}
