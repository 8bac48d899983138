//! What an arena holds, counted from what is there, for tests.

use super::super::record::Record;
use super::super::word::Reference;
use super::{ALLOCATION_BYTES, ALONE, Arena, Block, CLASS_BYTES, CLASSES, PAGE_COST_BYTES, Page, slots_of};

impl Arena {
    /// What all records and nodes count for each namespace, from what is there.
    pub(in super::super) fn audit_shares(&self, namespaces: usize) -> Vec<usize> {
        let mut held_bytes = vec![0; namespaces];
        for (number, data) in self.data.iter().enumerate() {
            let class = self.pages[number].class;
            let step = if class == ALONE { data.len() } else { CLASS_BYTES[usize::from(class)] };
            for offset in (0..data.len()).step_by(step.max(1)) {
                let reference = Reference::new(number, offset);
                if self.record(reference).is_live() {
                    held_bytes[usize::from(self.record(reference).namespace())] += self.held_bytes(reference);
                }
            }
        }
        held_bytes
    }

    /// What all of this counts for, from what is there; `each` is told every record and node.
    pub(in super::super) fn audit(&self, mut each: impl FnMut(Reference, Record<'_>)) -> usize {
        let list = |capacity: usize, size: usize| if capacity == 0 { 0 } else { capacity * size + ALLOCATION_BYTES };
        let mut bytes = list(self.data.capacity(), size_of::<Block>()) + list(self.pages.capacity(), size_of::<Page>());
        bytes += if self.spare.is_some() { PAGE_COST_BYTES } else { 0 };
        let mut free_slots = [0; CLASSES];
        for (number, (data, page)) in self.data.iter().zip(&self.pages).enumerate() {
            if data.capacity() == 0 {
                continue;
            }
            if page.class == ALONE {
                bytes += data.capacity() + ALLOCATION_BYTES;
                each(Reference::new(number, 0), self.record(Reference::new(number, 0)));
                continue;
            }
            let class = usize::from(page.class);
            bytes += PAGE_COST_BYTES;
            let offsets = (0..data.len()).step_by(CLASS_BYTES[class]).map(|offset| Reference::new(number, offset));
            let live: Vec<Reference> = offsets.filter(|at| self.record(*at).is_live()).collect();
            assert!(live.len() == usize::from(page.live) && !live.is_empty());
            free_slots[class] += slots_of(class) - live.len();
            live.into_iter().for_each(|at| each(at, self.record(at)));
        }
        assert!(free_slots.iter().zip(&self.classes).all(|(found, class)| *found == class.free_slots));
        bytes
    }
}
