//! Remembers our own header blocks: how plain headers and trailers were written last.
//!
//! While the encoder's table stays, the same fields are the same bytes: its generation tells.

use crate::frame::{HEAD_BYTES, Head, kind};
use crate::hpack::Encoder;

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
