//! One log: its name, its offsets, and the segments that hold its records.

use std::collections::VecDeque;

use super::super::budget::{ALLOCATION_BYTES, Budget, Shortage};
use super::order::Segments;

/// A topic's or stream's log. Its records lie in the segments of its chain, one after another without a gap; of the
/// first segment those below the low watermark are trimmed.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) namespace: u16,
    pub(super) topic: Box<[u8]>,
    /// The lowest offset that can be read: the low watermark.
    pub(super) low: u64,
    /// The offset that is written next.
    pub(super) next: u64,
    /// Of the last record.
    pub(super) timestamp_ms: u64,
    /// What its segments count for.
    pub(super) held_bytes: usize,
    /// It is in the list of those with segments below the low watermark.
    pub(super) is_trimmed: bool,
    /// The numbers of its segments.
    pub(super) chain: VecDeque<u32>,
}

/// What a log counts for beside its segments and its place in the table.
pub(super) fn name_cost_bytes(topic: &[u8]) -> usize {
    topic.len() + ALLOCATION_BYTES
}

impl Log {
    pub(super) fn new(namespace: u16, topic: &[u8]) -> Self {
        Self {
            namespace,
            topic: topic.into(),
            low: 0,
            next: 0,
            timestamp_ms: 0,
            held_bytes: 0,
            is_trimmed: false,
            chain: VecDeque::new(),
        }
    }

    /// Makes sure that the chain takes one more without needing memory.
    pub(super) fn reserve(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        if self.chain.len() < self.chain.capacity() {
            return Ok(());
        }
        let (old, new) = (self.chain.capacity(), (self.chain.capacity() * 2).max(2));
        let (old_bytes, new_bytes) = (chain_cost_bytes(old), chain_cost_bytes(new));
        budget.charged(self.namespace, new_bytes - old_bytes, |budget| budget.take(new_bytes))?;
        self.chain.reserve_exact(new - self.chain.len());
        debug_assert_eq!(self.chain.capacity(), new);
        budget.give(old_bytes);
        Ok(())
    }

    /// What the chain counts for.
    #[cfg(test)]
    pub(super) fn chain_bytes(&self) -> usize {
        chain_cost_bytes(self.chain.capacity())
    }

    /// Gives back what an empty chain holds.
    pub(super) fn release_chain(&mut self, budget: &mut Budget) {
        budget.give(chain_cost_bytes(self.chain.capacity()));
        budget.credit(self.namespace, chain_cost_bytes(self.chain.capacity()));
        self.chain = VecDeque::new();
    }

    /// The place in the chain of the segment that has the record with this offset, which must be there.
    pub(super) fn segment_of(&self, segments: &Segments, offset: u64) -> usize {
        let last = self.chain.len() - 1;
        if segments.get(self.chain[last]).first <= offset {
            // Nearly everybody reads at the end.
            return last;
        }
        self.chain.partition_point(|&number| segments.get(number).end() <= offset)
    }
}

fn chain_cost_bytes(capacity: usize) -> usize {
    if capacity == 0 { 0 } else { capacity * size_of::<u32>() + ALLOCATION_BYTES }
}
