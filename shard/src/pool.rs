//! Output buffers kept for reuse, so that an idle connection holds none and a busy shard allocates none.

use crate::limits::{OUTPUT_BUFFER_BYTES, POOLED_BUFFER_BYTES_MAX, POOLED_BYTES_MAX};

/// The empty buffers of one shard, at most [`POOLED_BYTES_MAX`] in total.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Pool {
    /// An empty buffer with some capacity.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        match self.buffers.pop() {
            Some(buffer) => {
                self.bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(OUTPUT_BUFFER_BYTES),
        }
    }

    /// Keeps a buffer for later, unless it is too large or there are enough.
    #[inline]
    pub(crate) fn put(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity == 0 || capacity > POOLED_BUFFER_BYTES_MAX || self.bytes + capacity > POOLED_BYTES_MAX {
            return;
        }
        buffer.clear();
        self.bytes += capacity;
        self.buffers.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_empty() {
        let mut pool = Pool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(&[1; 10_000]);
        let capacity = buffer.capacity();
        pool.put(buffer);
        let again = pool.take();
        assert_eq!((again.len(), again.capacity()), (0, capacity));
    }

    #[test]
    fn the_bounds_hold() {
        let mut pool = Pool::default();
        pool.put(Vec::with_capacity(POOLED_BUFFER_BYTES_MAX + 1));
        assert_eq!(pool.bytes, 0);
        for _ in 0..2 * POOLED_BYTES_MAX / POOLED_BUFFER_BYTES_MAX {
            pool.put(Vec::with_capacity(POOLED_BUFFER_BYTES_MAX));
        }
        assert!(pool.bytes <= POOLED_BYTES_MAX && pool.bytes > POOLED_BYTES_MAX / 2);
    }
}
