//! The Huffman code of RFC 7541 Appendix B, both ways.
//!
//! The code is canonical (codes of one length are consecutive, in the order of their symbols), so the lengths say
//! all of it. Decoding looks twelve bits up at a time, which yields one or two symbols, and walks the lengths for rarer
//! ones.

use super::Error;

/// Bits of each symbol's code; 256 is the end of the string.
#[rustfmt::skip]
const BITS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const BITS_MIN: usize = 5;
const BITS_MAX: usize = 30;
/// The symbol that ends a string, and must not be in one (RFC 7541 §5.2); its code is the last.
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

/// The symbol that `window` begins with, and its bits; its code is known to have `bits_min` bits at least.
const fn symbol_of(code: &Code, window: u32, bits_min: usize) -> (u16, usize) {
    let mut bits = bits_min;
    while bits < BITS_MAX && window as u64 >= code.end[bits] {
        bits += 1;
    }
    let (first, place) = code.first[bits];
    let offset = (window >> (32 - bits)) - first;
    (code.ordered[place as usize + offset as usize], bits)
}

/// What twelve bits begin with: from the lowest byte on the bits taken, eight for each symbol, and two symbols, of
/// which the second is 0 when there is one only. All 0 when the first code is longer.
type Lookup = u32;

static LOOKUPS: [Lookup; 1 << LOOKUP_BITS] = build_lookups();

const fn build_lookups() -> [Lookup; 1 << LOOKUP_BITS] {
    let mut built = [0; 1 << LOOKUP_BITS];
    let mut index = 0;
    while index < built.len() {
        let window = (index as u32) << (32 - LOOKUP_BITS);
        let (first, first_bits) = symbol_of(&CODE_BUILT, window, BITS_MIN);
        if first_bits <= LOOKUP_BITS {
            let (second, second_bits) = symbol_of(&CODE_BUILT, window << first_bits, BITS_MIN);
            let bits = first_bits + second_bits;
            built[index] = if bits <= LOOKUP_BITS {
                bits as u32 | 16 << 8 | (first as u32) << 16 | (second as u32) << 24
            } else {
                first_bits as u32 | 8 << 8 | (first as u32) << 16
            };
        }
        index += 1;
    }
    built
}

/// What four look-ups yield from one window.
struct Step {
    /// The symbols, from the lowest byte on.
    symbols: u64,
    /// How many there are, and the bits that they took.
    count: usize,
    bits: usize,
    /// The next code is longer than a look-up.
    stuck: bool,
}

/// Takes four look-ups from the left of `window`, at most 48 bits.
#[inline(always)]
fn step(mut window: u64) -> Step {
    let mut symbols = 0u64;
    // Bits and eightfold counts add up in their own bytes.
    let mut sum = 0u32;
    let mut lookup = 0;
    for _ in 0..4 {
        // A long code yields 0 and moves nothing, so all the look-ups after it yield 0 too.
        lookup = LOOKUPS[(window >> (64 - LOOKUP_BITS)) as usize];
        window <<= lookup & 63;
        symbols |= u64::from(lookup >> 16) << ((sum >> 8) & 63);
        sum += lookup & 0xffff;
    }
    Step { symbols, count: (sum >> 11) as usize, bits: (sum & 0xff) as usize, stuck: lookup == 0 }
}

/// Appends to `out` what `source` stands for.
pub(super) fn decode(source: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    // No code is shorter than five bits; a step may write eight bytes beyond the last symbol.
    out.resize(start + source.len() * 8 / BITS_MIN + 16, 0);
    let mut run = Run { window: 0, available: 0, left: source.len() * 8, written: start };
    if let Some(tail) = run.decode(source, out)? {
        // Ones beyond the end: no code of up to twelve bits is all ones, so that they yield no symbol by themselves.
        let mut padded = [0xff; 32];
        padded[..tail.len()].copy_from_slice(tail);
        if run.decode(&padded, out)?.is_some() {
            return Err(PADDING_WRONG);
        }
    }
    out.truncate(run.written);
    Ok(())
}

const PADDING_WRONG: Error = Error::Malformed("padding of a Huffman string");

/// A decoding under way.
struct Run {
    /// The bits that come next, aligned to the left, and how many of them count.
    window: u64,
    available: usize,
    /// Bits of the string that are not decoded yet.
    left: usize,
    /// Where the next symbol goes.
    written: usize,
}

impl Run {
    /// Decodes `source` up to its last bytes and returns those, or nothing when the string's padding was reached.
    #[inline(always)]
    fn decode<'s>(&mut self, mut source: &'s [u8], out: &mut [u8]) -> Result<Option<&'s [u8]>, Error> {
        while !self.is_padding() {
            let Some(chunk) = source.first_chunk() else { return Ok(Some(source)) };
            // Below the bits that count stand some of the next ones already: they are read again, to the same place.
            self.window |= u64::from_be_bytes(*chunk) >> self.available;
            source = &source[(63 - self.available) >> 3..];
            self.available |= 56;
            let step = step(self.window);
            self.put(step.symbols, step.count, out);
            self.take(step.bits)?;
            if step.stuck && self.available >= BITS_MAX && !self.is_padding() {
                let (symbol, bits) = symbol_of(&CODE, (self.window >> 32) as u32, LOOKUP_BITS + 1);
                if symbol == END_OF_STRING {
                    return Err(Error::Malformed("end-of-string symbol in a Huffman string"));
                }
                self.put(u64::from(symbol), 1, out);
                self.take(bits)?;
            }
        }
        Ok(None)
    }

    /// Whether all that is left is padding: fewer than eight ones (RFC 7541 §5.2).
    #[inline(always)]
    fn is_padding(&self) -> bool {
        self.left < 8 && self.window.leading_ones() as usize >= self.left
    }

    #[inline(always)]
    fn take(&mut self, bits: usize) -> Result<(), Error> {
        self.window <<= bits;
        self.available -= bits;
        self.left = self.left.checked_sub(bits).ok_or(PADDING_WRONG)?;
        Ok(())
    }

    /// Puts up to eight symbols into place, and zeros behind them.
    #[inline(always)]
    fn put(&mut self, symbols: u64, count: usize, out: &mut [u8]) {
        if let Some(place) = out.get_mut(self.written..).and_then(|rest| rest.first_chunk_mut()) {
            *place = symbols.to_le_bytes();
        }
        self.written += count;
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
