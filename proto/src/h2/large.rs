//! The buffers of large messages that one thread keeps for the next ones, whichever connection they come on: memory
//! that is there already costs no system call and no page fault.

use crate::limits::{LARGE_BUFFERS_BYTES_MAX, LARGE_BUFFERS_MAX, SPARE_BUFFER_BYTES_MAX};

/// A few empty buffers, the one that was used last at the end. They are bounded beside what connections hold.
#[derive(Debug, Default)]
pub struct LargeBuffers {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
    /// How many at the front have not been touched since the last [`Self::trim`].
    untouched: usize,
}

impl LargeBuffers {
    /// A buffer for a message of `bytes`. It has no more than twice that, so that many short messages that are slow in
    /// coming cannot hold much more than they are counted for.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let fits = |buffer: &Vec<u8>| (bytes..=2 * bytes).contains(&buffer.capacity());
        let place = self.buffers.iter().rposition(fits)?;
        let buffer = self.buffers.remove(place);
        self.bytes -= buffer.capacity();
        self.untouched = self.untouched.min(place);
        Some(buffer)
    }

    /// Keeps a buffer, instead of those that were used longest ago when there are too many.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity <= SPARE_BUFFER_BYTES_MAX || capacity > LARGE_BUFFERS_BYTES_MAX {
            return;
        }
        while self.buffers.len() >= LARGE_BUFFERS_MAX || self.bytes + capacity > LARGE_BUFFERS_BYTES_MAX {
            self.bytes -= self.buffers.remove(0).capacity();
            self.untouched = self.untouched.saturating_sub(1);
        }
        buffer.clear();
        self.bytes += capacity;
        self.buffers.push(buffer);
    }

    /// Gives up those that nobody has needed since the last call.
    pub fn trim(&mut self) {
        for buffer in self.buffers.drain(..self.untouched) {
            self.bytes -= buffer.capacity();
        }
        self.untouched = self.buffers.len();
    }

    /// Bytes of memory that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: usize) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(bytes);
        buffer.push(1);
        buffer
    }

    #[test]
    fn a_message_gets_an_empty_buffer_of_about_its_length() {
        let mut large = LargeBuffers::default();
        large.give(buffer(100_000));
        assert_eq!(large.take(100_001), None);
        assert_eq!(large.take(49_999), None, "more than twice what it needs");
        let taken = large.take(50_000).expect("it fits");
        assert_eq!((taken.len(), taken.capacity(), large.bytes()), (0, 100_000, 0));
    }

    #[test]
    fn the_bounds_hold_and_the_oldest_go_first() {
        let mut large = LargeBuffers::default();
        large.give(buffer(SPARE_BUFFER_BYTES_MAX));
        large.give(buffer(LARGE_BUFFERS_BYTES_MAX + 1));
        assert_eq!(large.bytes(), 0, "too small, and too large");
        for bytes in 1..=10 * LARGE_BUFFERS_MAX {
            large.give(buffer(SPARE_BUFFER_BYTES_MAX + bytes));
        }
        assert_eq!(large.buffers.len(), LARGE_BUFFERS_MAX);
        large.give(buffer(LARGE_BUFFERS_BYTES_MAX));
        assert_eq!((large.buffers.len(), large.bytes()), (1, LARGE_BUFFERS_BYTES_MAX));
    }

    #[test]
    fn what_nobody_needs_is_given_up_at_the_second_look() {
        let mut large = LargeBuffers::default();
        for bytes in [100_000, 300_000] {
            large.give(buffer(bytes));
        }
        large.trim();
        assert_eq!(large.bytes(), 400_000);
        let used = large.take(300_000).expect("it is there");
        large.give(used);
        large.trim();
        assert_eq!(large.bytes(), 300_000, "only the other was not used");
        large.trim();
        assert_eq!(large.bytes(), 0);
    }
}
