//! Integers with a prefix of N bits (RFC 7541 §5.1), bounded to 32 bits and five continuation bytes.

use super::Error;

/// Continuation bytes that one integer may have: enough for 32 bits, and an end to runs of padding.
const CONTINUATIONS_MAX: usize = 5;

/// Reads the integer whose first byte stands at `at`, and moves `at` behind it.
#[inline(always)]
pub(super) fn read(block: &[u8], at: &mut usize, prefix_bits: u32) -> Result<usize, Error> {
    let prefix_max = (1usize << prefix_bits) - 1;
    let Some(&first) = block.get(*at) else {
        return Err(Error::Malformed("integer missing"));
    };
    *at += 1;
    let prefix = usize::from(first) & prefix_max;
    if prefix < prefix_max { Ok(prefix) } else { read_continuations(block, at, prefix_max) }
}

#[cold]
#[inline(never)]
fn read_continuations(block: &[u8], at: &mut usize, prefix_max: usize) -> Result<usize, Error> {
    let mut value = prefix_max as u64;
    for position in 0..CONTINUATIONS_MAX {
        let Some(&byte) = block.get(*at) else {
            return Err(Error::Malformed("integer cut short"));
        };
        *at += 1;
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
