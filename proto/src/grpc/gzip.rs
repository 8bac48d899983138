//! `grpc-encoding: gzip`: one message inflated within bounds (RFC 1952, RFC 1951).

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::limits::{GZIP_BLOCK_BYTES_MIN, GZIP_BLOCKS_SPARE};

/// What is inflated at first; the buffer then doubles, so that memory follows what is needed.
const FIRST_BYTES: usize = 4 << 10;

/// Why a message is not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateError {
    /// It is not one whole gzip member.
    Corrupt,
    /// It inflates to more than the bound.
    TooLong,
}

/// Appends what `compressed` inflates to, at most `bytes_max` bytes, to `out`; nothing is inflated beyond them.
///
/// The message is one member, as every gRPC client writes it: what follows its end is corruption, further members too.
/// (gRPC's C core reads it so as well.) So are blocks that hold next to nothing: each costs the set-up of its codes,
/// and 4 MiB of them, which inflate to nothing at all, would take seconds.
///
/// # Errors
/// See [`InflateError`]; what `out` then has is of no use.
pub fn inflate(compressed: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), InflateError> {
    let (deflated, checksum, length) = parts(compressed).ok_or(InflateError::Corrupt)?;
    let begun = out.len();
    inflate_blocks(deflated, bytes_max, begun, out)?;
    let content = &out[begun..];
    // RFC 1952 §2.3.1: the length counts modulo 2^32.
    if content.len() as u32 != length || crc32fast::hash(content) != checksum {
        return Err(InflateError::Corrupt);
    }
    Ok(())
}

/// The deflated bytes of a member, and the checksum and the length that its trailer gives (RFC 1952 §2.3).
fn parts(member: &[u8]) -> Option<(&[u8], u32, u32)> {
    const HEAD_BYTES: usize = 10;
    const DEFLATE: u8 = 8;
    let (rest, trailer) = member.split_last_chunk::<8>()?;
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

fn inflate_blocks(deflated: &[u8], bytes_max: usize, begun: usize, out: &mut Vec<u8>) -> Result<(), InflateError> {
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
    let mut state = Box::<DecompressorOxide>::default();
    let (mut rest, mut inflated, mut blocks) = (deflated, 0, 0);
    loop {
        // One byte of room beyond the bound shows what would go beyond it.
        let room = (2 * inflated).max(FIRST_BYTES).min(bytes_max) + 1;
        if out.len() < begun + room {
            out.reserve_exact(begun + room - out.len());
            out.resize(begun + room, 0);
        }
        let (status, read, written) = decompress(&mut state, rest, &mut out[begun..], inflated, flags);
        rest = &rest[read..];
        inflated += written;
        match status {
            _ if inflated > bytes_max => return Err(InflateError::TooLong),
            TINFLStatus::Done if rest.is_empty() => break,
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::BlockBoundary if blocks < GZIP_BLOCKS_SPARE + inflated / GZIP_BLOCK_BYTES_MIN => blocks += 1,
            _ => return Err(InflateError::Corrupt),
        }
    }
    out.truncate(begun + inflated);
    Ok(())
}

#[cfg(test)]
mod tests;
