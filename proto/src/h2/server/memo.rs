//! Remembers whole header blocks: what those of requests meant, and how our own were written.
//!
//! A client that calls a method again sends the same bytes, indices into its table, as long as the table stays. So a
//! block whose decoding changed nothing means the same until something else changes the table: its generation tells.

use super::head::CallHead;
use crate::hpack::Encoder;
use crate::limits::{MEMO_BLOCK_BYTES_MAX, MEMO_BLOCKS_MAX};

#[derive(Debug, Clone, Copy)]
struct Known {
    block: [u8; MEMO_BLOCK_BYTES_MAX],
    length: usize,
    head: CallHead,
}

/// The blocks of one connection that came last, each with its meaning.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: Vec<Known>,
    /// Whose turn it is to be replaced.
    next: usize,
    generation: u64,
}

impl Memo {
    /// What `block` means while the decoder's table is at `generation`.
    #[inline]
    pub(crate) fn find(&self, block: &[u8], generation: u64) -> Option<CallHead> {
        if generation != self.generation {
            return None;
        }
        self.known.iter().find(|known| &known.block[..known.length] == block).map(|known| known.head)
    }

    /// `block` was decoded without a change of the table, which is at `generation`.
    pub(crate) fn learn(&mut self, block: &[u8], generation: u64, head: CallHead) {
        if block.len() > MEMO_BLOCK_BYTES_MAX {
            return;
        }
        if generation != self.generation {
            self.known.clear();
            self.generation = generation;
        }
        let mut known = Known { block: [0; MEMO_BLOCK_BYTES_MAX], length: block.len(), head };
        known.block[..block.len()].copy_from_slice(block);
        if self.known.len() < MEMO_BLOCKS_MAX {
            self.known.push(known);
        } else {
            self.known[self.next % MEMO_BLOCKS_MAX] = known;
            self.next = (self.next + 1) % MEMO_BLOCKS_MAX;
        }
    }
}

/// A block of our own that is written again and again, as it was encoded last.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Written {
    bytes: [u8; WRITTEN_BYTES_MAX],
    length: u8,
    generation: u64,
}

/// The longest block of our own that is remembered: the plain headers or trailers without any table.
const WRITTEN_BYTES_MAX: usize = 31;

impl Written {
    /// Writes the block that `fill` encodes, from memory when the encoder is where it was then.
    #[inline]
    pub(crate) fn write(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>, fill: fn(&mut Encoder, &mut Vec<u8>)) {
        let generation = encoder.generation();
        if self.length > 0 && self.generation == generation {
            out.extend_from_slice(&self.bytes[..usize::from(self.length)]);
            return;
        }
        let start = out.len();
        fill(encoder, out);
        self.length = 0;
        let block = &out[start..];
        if encoder.generation() == generation && block.len() <= WRITTEN_BYTES_MAX {
            self.bytes[..block.len()].copy_from_slice(block);
            self.length = block.len() as u8;
            self.generation = generation;
        }
    }
}

#[cfg(test)]
mod tests;
