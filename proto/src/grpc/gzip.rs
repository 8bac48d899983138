//! `grpc-encoding: gzip`: one message inflated within bounds (RFC 1952, RFC 1951).

use std::fmt;
use std::ops::Range;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit};

use crate::limits::{GZIP_BLOCK_BYTES_MIN, GZIP_BLOCKS_SPARE, GZIP_STEP_BYTES};

/// What is inflated at first; the buffer then doubles, so that memory follows what is needed.
const FIRST_BYTES: usize = 4 << 10;

/// The checksum and the length behind the deflated bytes.
const TRAILER_BYTES: usize = 8;

/// Why a message is not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateError {
    /// It is not one whole gzip member.
    Corrupt,
    /// It inflates to more than the bound.
    TooLong,
}

/// A message on its way from its compressed form, in steps that are short.
///
/// The message is one member, as every gRPC client writes it: what follows its end is corruption, further members too.
/// (gRPC's C core reads it so as well.) So are blocks that hold next to nothing: each costs the set-up of its codes,
/// and 4 MiB of them, which inflate to nothing at all, would take seconds.
pub struct Inflater {
    state: Box<DecompressorOxide>,
    compressed: Vec<u8>,
    /// What of `compressed` is still to be inflated.
    rest: Range<usize>,
    checksum: u32,
    length: u32,
    bytes_max: usize,
    /// What was inflated, and room behind it.
    out: Vec<u8>,
    inflated: usize,
    blocks: usize,
}

impl Inflater {
    /// Begins with a message that inflates to `bytes_max` bytes at most, into the memory of `spare`.
    ///
    /// # Errors
    /// [`InflateError::Corrupt`] when the beginning or the end is not that of a gzip member.
    pub fn new(compressed: Vec<u8>, bytes_max: usize, mut spare: Vec<u8>) -> Result<Self, InflateError> {
        let (deflated, checksum, length) = parts(&compressed).ok_or(InflateError::Corrupt)?;
        let end = compressed.len() - TRAILER_BYTES;
        let rest = end - deflated.len()..end;
        spare.clear();
        let state = Box::default();
        Ok(Self { state, compressed, rest, checksum, length, bytes_max, out: spare, inflated: 0, blocks: 0 })
    }

    /// Inflates a step further: some kilobytes or one block, never beyond the bound. Whether the message is whole now.
    ///
    /// # Errors
    /// See [`InflateError`].
    pub fn step(&mut self) -> Result<bool, InflateError> {
        // One byte of room beyond the bound shows what would go beyond it.
        let room = (2 * self.inflated).max(FIRST_BYTES).min(self.bytes_max) + 1;
        if self.out.len() < room {
            self.out.reserve_exact(room - self.out.len());
            self.out.resize(room, 0);
        }
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        let deflated = &self.compressed[self.rest.clone()];
        let (status, read, written) =
            decompress_with_limit(&mut self.state, deflated, &mut self.out, self.inflated, GZIP_STEP_BYTES, flags);
        self.rest.start += read;
        self.inflated += written;
        if self.inflated > self.bytes_max {
            return Err(InflateError::TooLong);
        }
        match status {
            TINFLStatus::Done if self.rest.is_empty() => self.finish(),
            TINFLStatus::HasMoreOutput => Ok(false),
            TINFLStatus::BlockBoundary if self.blocks < GZIP_BLOCKS_SPARE + self.inflated / GZIP_BLOCK_BYTES_MIN => {
                self.blocks += 1;
                Ok(false)
            }
            _ => Err(InflateError::Corrupt),
        }
    }

    /// RFC 1952 §2.3.1: the trailer's length counts modulo 2^32.
    fn finish(&mut self) -> Result<bool, InflateError> {
        self.out.truncate(self.inflated);
        let is_right = self.inflated as u32 == self.length && crc32fast::hash(&self.out) == self.checksum;
        if is_right { Ok(true) } else { Err(InflateError::Corrupt) }
    }

    /// Bytes that were inflated.
    pub fn inflated_bytes(&self) -> usize {
        self.inflated
    }

    /// Bytes that are held.
    pub fn held_bytes(&self) -> usize {
        self.compressed.len() + self.inflated
    }

    /// The message, once it is whole, and the memory of its compressed form.
    pub fn into_parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.out, self.compressed)
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inflater").field("rest", &self.rest).field("inflated", &self.inflated).finish()
    }
}

/// The deflated bytes of a member, and the checksum and the length that its trailer gives (RFC 1952 §2.3).
fn parts(member: &[u8]) -> Option<(&[u8], u32, u32)> {
    const HEAD_BYTES: usize = 10;
    const DEFLATE: u8 = 8;
    let (rest, trailer) = member.split_last_chunk::<TRAILER_BYTES>()?;
    let (&[0x1f, 0x8b, DEFLATE, flags, ..], mut rest) = rest.split_first_chunk::<HEAD_BYTES>()? else { return None };
    if flags & flag::RESERVED != 0 {
        return None;
    }
    if flags & flag::EXTRA != 0 {
        let (length, behind) = rest.split_first_chunk()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [flag::NAME, flag::COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & flag::HEAD_CHECKSUM != 0 {
        let head = &member[..member.len() - trailer.len() - rest.len()];
        let (checksum, behind) = rest.split_first_chunk()?;
        // The lower half of the checksum of all that came before it.
        if crc32fast::hash(head) as u16 != u16::from_le_bytes(*checksum) {
            return None;
        }
        rest = behind;
    }
    let [a, b, c, d, e, f, g, h] = *trailer;
    Some((rest, u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
}

/// The flags of a member's head.
mod flag {
    pub(super) const HEAD_CHECKSUM: u8 = 2;
    pub(super) const EXTRA: u8 = 4;
    pub(super) const NAME: u8 = 8;
    pub(super) const COMMENT: u8 = 16;
    pub(super) const RESERVED: u8 = 0xe0;
}

#[cfg(test)]
mod tests;
