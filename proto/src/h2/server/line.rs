//! A queue of streams that wait, from which a stream may vanish at any place without anybody searching for it.

use std::collections::VecDeque;

use super::streams::Streams;
use crate::h2::event::StreamRef;

/// Vanished streams that a line may hold before it is looked through, however short it is.
const VANISHED_MIN: usize = 16;

/// Streams in the order in which they came; each stands in it at most once.
///
/// A stream that is closed stays as a name that finds nothing. Once those are the larger half, all of them go: a few
/// steps for each that vanished, and never more memory than twice the streams that wait.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<StreamRef>,
    vanished: usize,
}

impl Line {
    /// How many stand in it.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() - self.vanished.min(self.waiting.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, stream: StreamRef) {
        self.waiting.push_back(stream);
    }

    /// Takes the first that is still open; its slot.
    pub(crate) fn pop(&mut self, streams: &Streams) -> Option<usize> {
        let slot = self.first(streams)?;
        self.waiting.pop_front();
        Some(slot)
    }

    /// The slot of the first that is still open.
    pub(crate) fn first(&mut self, streams: &Streams) -> Option<usize> {
        loop {
            let first = *self.waiting.front()?;
            if let Some(slot) = streams.entered(first).map(|_| first.slot as usize) {
                return Some(slot);
            }
            self.waiting.pop_front();
            self.vanished = self.vanished.saturating_sub(1);
        }
    }

    /// A stream that stood in it has been closed.
    pub(crate) fn vanish(&mut self, streams: &Streams) {
        self.vanished += 1;
        if self.vanished > VANISHED_MIN && self.vanished * 2 > self.waiting.len() {
            self.waiting.retain(|stream| streams.entered(*stream).is_some());
            self.vanished = 0;
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::streams::tests::stream;
    use super::*;

    #[test]
    fn those_that_vanish_are_skipped_and_take_no_memory_for_long() {
        let (mut line, mut streams) = (Line::default(), Streams::default());
        let stays = streams.insert(stream(1));
        line.push(streams.reference(stays));
        for id in 1..10_000 {
            let slot = streams.insert(stream(2 * id + 1));
            line.push(streams.reference(slot));
            streams.remove(slot);
            line.vanish(&streams);
            assert!(line.waiting.len() <= 2 * VANISHED_MIN + 2 && line.len() == 1, "{line:?}");
        }
        let last = streams.insert(stream(30_001));
        line.push(streams.reference(last));
        assert_eq!((line.pop(&streams), line.pop(&streams), line.pop(&streams)), (Some(stays), Some(last), None));
        assert!(line.is_empty());
    }
}
