//! Integers with a prefix of N bits (RFC 7541 §5.1), bounded to 32 bits and five continuation bytes.

use super::Error;

/// Continuation bytes that one integer may have: enough for 32 bits, and an end to runs of padding.
const CONTINUATIONS_MAX: usize = 5;

/// Reads the integer that `block` begins with, and moves `block` behind it.
#[inline(always)]
pub(super) fn read(block: &mut &[u8], prefix_bits: u32) -> Result<usize, Error> {
    let prefix_max = (1usize << prefix_bits) - 1;
    let Some((&first, behind)) = block.split_first() else {
        return Err(Error::Malformed("integer missing"));
    };
    *block = behind;
    let prefix = usize::from(first) & prefix_max;
    if prefix < prefix_max { Ok(prefix) } else { read_continuations(block, prefix_max) }
}

#[cold]
#[inline(never)]
fn read_continuations(block: &mut &[u8], prefix_max: usize) -> Result<usize, Error> {
    let mut value = prefix_max as u64;
    for position in 0..CONTINUATIONS_MAX {
        let Some((&byte, behind)) = block.split_first() else {
            return Err(Error::Malformed("integer cut short"));
        };
        *block = behind;
        value += u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| Error::Malformed("integer above 32 bits"))?;
            return Ok(value as usize);
        }
    }
    Err(Error::Malformed("integer of too many bytes"))
}

/// Writes `value`; `pattern` holds the bits above the prefix.
#[inline]
pub(super) fn write(value: usize, prefix_bits: u32, pattern: u8, out: &mut Vec<u8>) {
    let prefix_max = (1usize << prefix_bits) - 1;
    if value < prefix_max {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | prefix_max as u8);
    let mut rest = value - prefix_max;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
