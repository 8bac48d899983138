//! Remembers whole header blocks: what those of requests meant, and how our own were written.
//!
//! A client that calls a method again sends the same bytes, indices into its table, as long as the table stays. So a
//! block whose decoding changed nothing means the same until something else changes the table: its generation tells.

use super::head::CallHead;
use crate::frame::{HEAD_BYTES, Head, kind};
use crate::hpack::Encoder;
use crate::limits::{MEMO_BLOCK_BYTES_MAX, MEMO_BLOCKS_MAX};

/// Bytes that are compared at a time.
const WORD_BYTES: usize = size_of::<u64>();
/// Words of a block, and one that is never filled.
const WORDS: usize = MEMO_BLOCK_BYTES_MAX / WORD_BYTES + 1;

#[derive(Debug, Clone, Copy)]
struct Known {
    length: usize,
    head: CallHead,
    /// The block, then zeros.
    words: [u64; WORDS],
}

impl Known {
    fn new(block: &[u8], head: CallHead) -> Self {
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(block.chunks(WORD_BYTES)) {
            let mut padded = [0; WORD_BYTES];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(padded);
        }
        Self { length: block.len(), head, words }
    }

    /// Whether this is the block of `length` bytes that `bytes` begins with. At least a word has to follow it: the last
    /// word is read whole, and what does not belong to the block is cut off.
    #[inline(always)]
    fn is(&self, bytes: &[u8], length: usize) -> bool {
        if self.length != length {
            return false;
        }
        let mut at = 0;
        for known in &self.words {
            let Some(bytes) = bytes.get(at..at + WORD_BYTES).and_then(|word| word.first_chunk()) else { return false };
            let differs = u64::from_le_bytes(*bytes) ^ known;
            at += WORD_BYTES;
            if at > length {
                return differs & !(u64::MAX << (length % WORD_BYTES * 8)) == 0;
            }
            if differs != 0 {
                return false;
            }
        }
        false
    }
}

/// The blocks of one connection that came last, each with its meaning.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: Vec<Known>,
    /// What was found last, which is likely to come again.
    last: usize,
    /// Whose turn it is to be replaced.
    next: usize,
    generation: u64,
}

impl Memo {
    /// What `block` means while the decoder's table is at `generation`.
    pub(crate) fn find(&mut self, block: &[u8], generation: u64) -> Option<CallHead> {
        if block.len() > MEMO_BLOCK_BYTES_MAX || generation != self.generation {
            return None;
        }
        let mut bytes = [0; MEMO_BLOCK_BYTES_MAX + WORD_BYTES];
        bytes[..block.len()].copy_from_slice(block);
        self.find_in(&bytes, block.len(), generation).copied()
    }

    /// The same for the block of `length` bytes that `bytes` begins with, which go on for a word at least.
    #[inline(always)]
    pub(crate) fn find_in(&mut self, bytes: &[u8], length: usize, generation: u64) -> Option<&CallHead> {
        if generation != self.generation {
            return None;
        }
        if !self.known.get(self.last)?.is(bytes, length) {
            self.last = self.find_other(bytes, length)?;
        }
        self.known.get(self.last).map(|known| &known.head)
    }

    #[inline(never)]
    fn find_other(&self, bytes: &[u8], length: usize) -> Option<usize> {
        self.known.iter().position(|known| known.is(bytes, length))
    }

    /// `block` was decoded without a change of the table, which is at `generation`.
    pub(crate) fn learn(&mut self, block: &[u8], generation: u64, head: CallHead) {
        if block.len() > MEMO_BLOCK_BYTES_MAX {
            return;
        }
        if generation != self.generation {
            self.known.clear();
            self.last = 0;
            self.generation = generation;
        }
        let known = Known::new(block, head);
        if self.known.len() < MEMO_BLOCKS_MAX {
            self.known.push(known);
        } else {
            self.known[self.next % MEMO_BLOCKS_MAX] = known;
            self.next = (self.next + 1) % MEMO_BLOCKS_MAX;
        }
    }
}

/// A block of our own that is written again and again, as it was encoded last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    bytes: [u8; WRITTEN_BYTES_MAX],
    length: u8,
    generation: u64,
    /// The whole frame on stream 0, when it is a short one.
    frame: u128,
    frame_bytes: u8,
    flags: u8,
}

/// The longest block of our own that is remembered: the plain headers or trailers without any table.
const WRITTEN_BYTES_MAX: usize = 31;

/// A HEADERS frame that is written with one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShortFrame {
    bytes: u128,
    length: usize,
}

impl ShortFrame {
    /// What is appended and cut off again at most.
    pub(crate) const BYTES_MAX: usize = size_of::<u128>();

    /// Appends it as a frame of stream `id`.
    #[inline(always)]
    pub(crate) fn write(self, id: u32, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        // The identifier stands behind length, kind and flags.
        let bytes = self.bytes | u128::from(id.swap_bytes()) << ((HEAD_BYTES - size_of::<u32>()) * 8);
        out.extend_from_slice(&bytes.to_le_bytes());
        out.truncate(end);
    }
}

impl Written {
    /// Nothing yet, to be sent in HEADERS with these flags.
    pub(crate) fn new(flags: u8) -> Self {
        Self { bytes: [0; WRITTEN_BYTES_MAX], length: 0, generation: 0, frame: 0, frame_bytes: 0, flags }
    }

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
        self.frame_bytes = 0;
        let block = &out[start..];
        if encoder.generation() == generation && block.len() <= WRITTEN_BYTES_MAX {
            self.bytes[..block.len()].copy_from_slice(block);
            self.length = block.len() as u8;
            self.generation = generation;
            self.remember_frame();
        }
    }

    /// The whole frame as [`Self::write`] would make it, when it is remembered and short.
    #[inline(always)]
    pub(crate) fn short_frame(&self, generation: u64) -> Option<ShortFrame> {
        let is_known = self.frame_bytes > 0 && self.generation == generation;
        is_known.then_some(ShortFrame { bytes: self.frame, length: usize::from(self.frame_bytes) })
    }

    fn remember_frame(&mut self) {
        let length = usize::from(self.length);
        if HEAD_BYTES + length > ShortFrame::BYTES_MAX {
            return;
        }
        let mut frame = [0; ShortFrame::BYTES_MAX];
        let head = Head { length: u32::from(self.length), kind: kind::HEADERS, flags: self.flags, stream: 0 };
        frame[..HEAD_BYTES].copy_from_slice(&head.to_bytes());
        frame[HEAD_BYTES..][..length].copy_from_slice(&self.bytes[..length]);
        self.frame = u128::from_le_bytes(frame);
        self.frame_bytes = (HEAD_BYTES + length) as u8;
    }
}

#[cfg(test)]
mod tests;
