//! A vector that grows by small chunks, so that growing never copies what is there.

use super::budget::{ALLOCATION_BYTES, Budget, Shortage};

/// Elements of one chunk.
const CHUNK: usize = 64;

/// A growing sequence of `T`, counted in a [`Budget`].
#[derive(Debug)]
pub(super) struct Chunked<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Chunked<T> {
    /// Bytes of a chunk; its entry in the outer vector counts fourfold, for that vector doubles.
    const CHUNK_BYTES: usize = CHUNK * size_of::<T>() + ALLOCATION_BYTES + 4 * size_of::<Vec<T>>();

    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Makes sure that the next [`Self::push`] needs no memory.
    pub(super) fn reserve(&mut self, budget: &mut Budget) -> Result<(), Shortage> {
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            budget.take(Self::CHUNK_BYTES)?;
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        Ok(())
    }

    /// Appends after a successful [`Self::reserve`], and returns the index.
    pub(super) fn push(&mut self, element: T) -> usize {
        let chunk = self.chunks.last_mut().expect("room was reserved");
        assert!(chunk.len() < CHUNK, "room was reserved");
        chunk.push(element);
        self.len() - 1
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> &T {
        &self.chunks[index / CHUNK][index % CHUNK]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }
}
