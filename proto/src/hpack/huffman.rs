//! The Huffman code of RFC 7541 Appendix B, both ways.
//!
//! The code is canonical (codes of one length are consecutive, in the order of their symbols), so the lengths say all of
//! it. Decoding looks twelve bits up at a time, which yields one or two symbols, and walks the lengths for rarer ones.

use super::Error;

/// Bits of each symbol's code; 256 is the end of the string.
#[rustfmt::skip]
const BITS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const BITS_MIN: usize = 5;
const BITS_MAX: usize = 30;
/// The symbol that ends a string, and must not be in one (RFC 7541 §5.2).
const END_OF_STRING: u16 = 256;
/// Bits that one look-up consumes at most.
const LOOKUP_BITS: usize = 12;

/// Everything that follows from the lengths.
struct Code {
    /// Code and bits of each symbol.
    symbols: [(u32, u8); 257],
    /// All symbols in the order of their codes.
    ordered: [u16; 257],
    /// For each length the first code beyond it, aligned to 32 bits from the left.
    end: [u64; BITS_MAX + 1],
    /// For each length its first code, and that code's place in `ordered`.
    first: [(u32, u16); BITS_MAX + 1],
}

static CODE: Code = CODE_BUILT;
const CODE_BUILT: Code = build_code();

const fn build_code() -> Code {
    let mut built =
        Code { symbols: [(0, 0); 257], ordered: [0; 257], end: [0; BITS_MAX + 1], first: [(0, 0); BITS_MAX + 1] };
    let mut code = 0u32;
    let mut place = 0u16;
    let mut bits = BITS_MIN;
    while bits <= BITS_MAX {
        built.first[bits] = (code, place);
        let mut symbol = 0;
        while symbol <= END_OF_STRING {
            if BITS[symbol as usize] as usize == bits {
                built.symbols[symbol as usize] = (code, bits as u8);
                built.ordered[place as usize] = symbol;
                code += 1;
                place += 1;
            }
            symbol += 1;
        }
        built.end[bits] = (code as u64) << (32 - bits);
        code <<= 1;
        bits += 1;
    }
    built
}

/// The symbol that `window` begins with, and its bits.
const fn symbol_of(code: &Code, window: u32) -> (u16, usize) {
    let mut bits = BITS_MIN;
    while bits < BITS_MAX && window as u64 >= code.end[bits] {
        bits += 1;
    }
    let (first, place) = code.first[bits];
    let offset = (window >> (32 - bits)) - first;
    (code.ordered[place as usize + offset as usize], bits)
}

/// What twelve bits begin with: one or two symbols, or none when the first code is longer.
#[derive(Clone, Copy)]
struct Lookup {
    symbols: [u8; 2],
    /// Bits of all the symbols.
    bits: u8,
    /// The number of symbols in the low half, the bits of the first in the high.
    count_and_first_bits: u8,
}

static LOOKUPS: [Lookup; 1 << LOOKUP_BITS] = build_lookups();

const fn build_lookups() -> [Lookup; 1 << LOOKUP_BITS] {
    let none = Lookup { symbols: [0; 2], bits: 0, count_and_first_bits: 0 };
    let mut built = [none; 1 << LOOKUP_BITS];
    let mut index = 0;
    while index < built.len() {
        let window = (index as u32) << (32 - LOOKUP_BITS);
        let (first, first_bits) = symbol_of(&CODE_BUILT, window);
        if first_bits <= LOOKUP_BITS {
            built[index] = Lookup {
                symbols: [first as u8, 0],
                bits: first_bits as u8,
                count_and_first_bits: 1 | (first_bits as u8) << 4,
            };
            let (second, second_bits) = symbol_of(&CODE_BUILT, window << first_bits);
            if first_bits + second_bits <= LOOKUP_BITS {
                built[index] = Lookup {
                    symbols: [first as u8, second as u8],
                    bits: (first_bits + second_bits) as u8,
                    count_and_first_bits: 2 | (first_bits as u8) << 4,
                };
            }
        }
        index += 1;
    }
    built
}

/// Appends to `out` what `source` stands for.
pub(super) fn decode(source: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    // No code is shorter than five bits; a look-up writes two symbols even when it yields one.
    out.resize(start + source.len() * 8 / BITS_MIN + 2, 0);
    let written = decode_into(source, &mut out[start..]);
    out.truncate(start + *written.as_ref().unwrap_or(&0));
    written.map(|_| ())
}

fn decode_into(mut source: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let mut written = 0;
    // The bits not yet decoded, aligned to the left, and how many there are.
    let mut window = 0u64;
    let mut available = 0usize;
    while let Some(chunk) = source.first_chunk::<8>() {
        // Below the counted bits the window already has some of the next ones: they are read again, to the same place.
        window |= u64::from_be_bytes(*chunk) >> available;
        let consumed = (63 - available) >> 3;
        source = &source[consumed..];
        available += consumed * 8;
        while available >= BITS_MAX {
            let lookup = LOOKUPS[(window >> (64 - LOOKUP_BITS)) as usize];
            if lookup.bits == 0 {
                let (symbol, bits) = symbol_of(&CODE, (window >> 32) as u32);
                if symbol == END_OF_STRING {
                    return Err(Error::Malformed("end-of-string symbol in a Huffman string"));
                }
                out[written] = symbol as u8;
                written += 1;
                window <<= bits;
                available -= bits;
                continue;
            }
            out[written] = lookup.symbols[0];
            out[written + 1] = lookup.symbols[1];
            written += usize::from(lookup.count_and_first_bits & 0xf);
            window <<= lookup.bits;
            available -= usize::from(lookup.bits);
        }
    }
    decode_tail(source, window, available, &mut out[written..]).map(|tail| written + tail)
}

/// Decodes the last bits, of which fewer than eight may be padding of ones (RFC 7541 §5.2).
fn decode_tail(mut source: &[u8], mut window: u64, mut available: usize, out: &mut [u8]) -> Result<usize, Error> {
    let mut written = 0;
    loop {
        while available <= 56 {
            let Some((&byte, rest)) = source.split_first() else { break };
            window |= u64::from(byte) << (56 - available);
            available += 8;
            source = rest;
        }
        // Beyond the end stand ones, so that no symbol begins in the padding and ends in it.
        let padded = window | u64::MAX.checked_shr(available as u32).unwrap_or(0);
        let lookup = LOOKUPS[(padded >> (64 - LOOKUP_BITS)) as usize];
        let (symbols, bits, count) = match lookup.count_and_first_bits {
            0 => {
                let (symbol, bits) = symbol_of(&CODE, (padded >> 32) as u32);
                if symbol == END_OF_STRING && bits <= available {
                    return Err(Error::Malformed("end-of-string symbol in a Huffman string"));
                }
                ([symbol as u8, 0], bits, 1)
            }
            both if both & 0xf == 2 && usize::from(lookup.bits) <= available => {
                (lookup.symbols, usize::from(lookup.bits), 2)
            }
            one => (lookup.symbols, usize::from(one >> 4), 1),
        };
        if bits > available {
            return match padded {
                u64::MAX if available < 8 => Ok(written),
                _ => Err(Error::Malformed("padding of a Huffman string")),
            };
        }
        out[written..written + count].copy_from_slice(&symbols[..count]);
        written += count;
        window <<= bits;
        available -= bits;
    }
}

/// The bytes that [`encode`] appends for `text`.
pub(super) fn encoded_bytes(text: &[u8]) -> usize {
    text.iter().map(|&byte| usize::from(BITS[usize::from(byte)])).sum::<usize>().div_ceil(8)
}

/// Appends the code of `text` to `out`, padded with ones to whole bytes.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut window = 0u64;
    let mut pending = 0u32;
    for &byte in text {
        let (code, bits) = CODE.symbols[usize::from(byte)];
        window = window << bits | u64::from(code);
        pending += u32::from(bits);
        if pending >= 32 {
            pending -= 32;
            out.extend_from_slice(&((window >> pending) as u32).to_be_bytes());
        }
    }
    while pending >= 8 {
        pending -= 8;
        out.push((window >> pending) as u8);
    }
    if pending > 0 {
        out.push((window << (8 - pending)) as u8 | 0xff >> pending);
    }
}
