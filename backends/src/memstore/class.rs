//! The sizes of slots: about an eighth apart, so that a slot is at most that much longer than its record.

use crate::limits::{PAGE_BYTES, SLOT_BYTES_MAX, SLOT_BYTES_MIN};

/// All sizes are multiples of this.
const STEP: usize = 8;
/// Up to here every multiple of [`STEP`] is a class.
const LINEAR_BYTES_MAX: usize = 128;
/// Up to here there are eight classes for each doubling; beyond, a page is cut into fewer and fewer equal parts.
const GEOMETRIC_BYTES_MAX: usize = 1024;

/// The next larger class.
const fn after(bytes: usize) -> usize {
    if bytes < LINEAR_BYTES_MAX {
        return bytes + STEP;
    }
    if bytes < GEOMETRIC_BYTES_MAX {
        return bytes + (1 << bytes.ilog2()) / 8;
    }
    let slots = PAGE_BYTES / bytes;
    let fewer = if slots < 18 { slots - 1 } else { slots - slots / 9 };
    PAGE_BYTES / fewer / STEP * STEP
}

/// The number of classes.
pub(super) const CLASSES: usize = {
    let (mut count, mut bytes) = (1, SLOT_BYTES_MIN);
    while bytes < SLOT_BYTES_MAX {
        bytes = after(bytes);
        count += 1;
    }
    assert!(bytes == SLOT_BYTES_MAX, "the last class is the largest slot");
    count
};

/// Bytes of a slot, by class.
pub(super) const CLASS_BYTES: [usize; CLASSES] = {
    let mut sizes = [SLOT_BYTES_MIN; CLASSES];
    let mut class = 1;
    while class < CLASSES {
        sizes[class] = after(sizes[class - 1]);
        class += 1;
    }
    sizes
};

/// The class, by the record's length in units of [`STEP`], rounded up.
static CLASS_BY_STEPS: [u8; SLOT_BYTES_MAX / STEP + 1] = {
    let mut classes = [0; SLOT_BYTES_MAX / STEP + 1];
    let (mut steps, mut class) = (0, 0);
    while steps < classes.len() {
        if steps * STEP > CLASS_BYTES[class] {
            class += 1;
        }
        classes[steps] = class as u8;
        steps += 1;
    }
    classes
};

/// The class of the smallest slot that holds `bytes`; none when the record does not share a page.
#[inline]
pub(super) fn class_of(bytes: usize) -> Option<usize> {
    CLASS_BY_STEPS.get(bytes.div_ceil(STEP)).map(|&class| usize::from(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_gets_the_smallest_slot_that_holds_it() {
        assert_eq!((CLASS_BYTES[0], CLASS_BYTES[CLASSES - 1]), (SLOT_BYTES_MIN, SLOT_BYTES_MAX));
        assert!(CLASS_BYTES.is_sorted_by(|a, b| a < b));
        for bytes in 1..=SLOT_BYTES_MAX {
            let class = class_of(bytes).expect("it shares a page");
            assert!(CLASS_BYTES[class] >= bytes, "{bytes} in {}", CLASS_BYTES[class]);
            assert!(class == 0 || CLASS_BYTES[class - 1] < bytes, "{bytes} in {}", CLASS_BYTES[class]);
            assert!(CLASS_BYTES[class].is_multiple_of(STEP));
        }
        assert_eq!(class_of(SLOT_BYTES_MAX + 1), None);
    }

    #[test]
    fn a_slot_is_at_most_an_eighth_longer_than_its_record() {
        for bytes in 64..=SLOT_BYTES_MAX {
            let slot = CLASS_BYTES[class_of(bytes).expect("it shares a page")];
            assert!(slot - bytes <= bytes / 8 + STEP, "{bytes} in {slot}");
        }
    }

    #[test]
    fn pages_are_used_to_the_end() {
        for slot in CLASS_BYTES {
            assert!(PAGE_BYTES % slot * 100 <= PAGE_BYTES, "{slot} leaves {}", PAGE_BYTES % slot);
        }
    }
}
