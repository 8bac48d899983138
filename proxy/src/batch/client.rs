//! The batches of one connection that wait until there is room for their results.

use std::collections::VecDeque;

use prism_proto::h2::StreamRef;
use prism_proto::limits::SMALL_REPLY_BYTES;

use super::Gather;
use crate::client::Client;
use crate::limits::BATCH_ENTRY_BYTES_FIRST;

/// What a client keeps of its batches.
#[derive(Debug)]
pub(crate) struct ClientBatches {
    /// None of their parts is on its way.
    waiting: VecDeque<Box<Gather>>,
    /// How long the result of one key was lately, and a little more.
    entry_bytes: usize,
}

impl Default for ClientBatches {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), entry_bytes: BATCH_ENTRY_BYTES_FIRST }
    }
}

impl Client {
    /// Whether results of so many bytes may come about now. Those of others that wait come first.
    pub(crate) fn has_room_for_batch(&self, bytes: usize) -> bool {
        bytes <= SMALL_REPLY_BYTES || (!self.has_waiting_batches() && self.connection.has_room_for_reply(bytes))
    }

    #[inline]
    pub(crate) fn has_waiting_batches(&self) -> bool {
        !self.batches.waiting.is_empty()
    }

    /// Has a batch wait for room, behind the others or, when it has waited before, in front of them.
    pub(crate) fn keep_batch(&mut self, batch: Box<Gather>, first: bool) {
        self.connection.charge(batch.bytes());
        if first {
            self.batches.waiting.push_front(batch);
        } else {
            self.batches.waiting.push_back(batch);
        }
    }

    /// The next batch, when there is room for its results.
    pub(crate) fn next_batch(&mut self) -> Option<Box<Gather>> {
        let next = self.batches.waiting.front()?;
        let (own_bytes, wanted_bytes) = (next.bytes(), next.wanted_bytes());
        // Its own bytes are no reason to wait.
        self.connection.discharge(own_bytes);
        if self.connection.has_room_for_reply(wanted_bytes) {
            return self.batches.waiting.pop_front();
        }
        self.connection.charge(own_bytes);
        None
    }

    /// The bytes that the first batch waits for.
    pub(crate) fn wanted_batch_bytes(&self) -> Option<usize> {
        self.batches.waiting.front().map(|batch| batch.wanted_bytes())
    }

    /// A call is over.
    pub(crate) fn forget_batches(&mut self, stream: Option<StreamRef>) {
        let connection = &mut self.connection;
        self.batches.waiting.retain(|batch| {
            let stays = stream.is_some_and(|stream| stream != batch.stream());
            if !stays {
                connection.discharge(batch.bytes());
            }
            stays
        });
    }

    /// How long the results of so many keys are likely to be.
    pub(crate) fn batch_bytes(&self, entries: usize) -> usize {
        entries.saturating_mul(self.batches.entry_bytes)
    }

    /// The results of so many keys had so many bytes.
    pub(crate) fn learn_batch_bytes(&mut self, bytes: usize, entries: usize) {
        let each = bytes / entries.max(1);
        self.batches.entry_bytes = (each + each / 4).max(1);
    }
}
