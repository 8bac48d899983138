//! The pulls of one connection: which there are, whose turn it is, and who waits for room.

use std::collections::{BTreeMap, VecDeque};

use prism_proto::h2::StreamRef;
use prism_shard::SlabKey;

/// What a client keeps of its pulls; without any it is empty.
#[derive(Debug, Default)]
pub(crate) struct ClientPulls {
    /// Each with what it was counted for.
    by_stream: BTreeMap<u32, (SlabKey, usize)>,
    /// Those that have something to do, each once, and some that are over.
    pub(super) line: VecDeque<SlabKey>,
    /// Those that wait for room for an entry of so many bytes, each once, in their order.
    hungry: VecDeque<(SlabKey, usize)>,
    /// The connection stands in the shard's line.
    pub(super) is_in_line: bool,
    /// What all of them take.
    bytes: usize,
}

impl ClientPulls {
    pub(super) fn insert(&mut self, stream: StreamRef, key: SlabKey, bytes: usize) {
        self.by_stream.insert(stream.id, (key, bytes));
        self.bytes += bytes;
    }

    pub(super) fn remove(&mut self, stream: StreamRef) {
        if let Some((_, bytes)) = self.by_stream.remove(&stream.id) {
            self.bytes -= bytes;
        }
        if self.by_stream.is_empty() {
            *self = Self { is_in_line: self.is_in_line, ..Self::default() };
        }
    }

    pub(super) fn find(&self, stream: StreamRef) -> Option<SlabKey> {
        self.by_stream.get(&stream.id).map(|(key, _)| *key)
    }

    /// All of them.
    pub(super) fn keys(&self) -> impl Iterator<Item = SlabKey> {
        self.by_stream.values().map(|(key, _)| *key)
    }

    /// What all of them take beside the connection.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn starve(&mut self, key: SlabKey, entry_bytes: usize) {
        self.hungry.push_back((key, entry_bytes));
    }

    /// One that waited for room is over.
    pub(super) fn forget_hungry(&mut self, key: SlabKey) {
        self.hungry.retain(|(hungry, _)| *hungry != key);
    }

    /// The bytes that the first of those in want of room waits for.
    #[inline]
    pub(crate) fn wanted_bytes(&self) -> Option<usize> {
        self.hungry.front().map(|(_, bytes)| *bytes)
    }

    /// The first of those in want of room, which has it now.
    pub(super) fn feed(&mut self) -> Option<SlabKey> {
        self.hungry.pop_front().map(|(key, _)| key)
    }
}
