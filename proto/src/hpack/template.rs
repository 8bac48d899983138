//! Header blocks with gaps: what a client sends with each call, but for the fields that are others each time.
//!
//! A template is made of a block that was decoded. It is recognised by its bytes, where two things may differ:
//!
//! - A byte that is an index into the dynamic table moves with every insertion. What it means is an entry, whose number
//!   in the order of insertions stays, so the byte that means the same is known from the insertions since.
//! - A gap takes any representation of a field that `Vary` knows how to judge.
//!
//! Everything is looked at before anything changes: the entries that the bytes name are there and stay there whatever
//! the gaps insert, every string of a gap is decoded and judged, and the list stays within its bound. Then filling the
//! template does what decoding the block would.

mod fill;
mod gap;
mod learn;

use super::Decoder;

/// Fields of a block that may differ.
pub(crate) const GAPS_MAX: usize = 3;
/// Bytes of a template that stay.
const BYTES_MAX: usize = 128;
/// Bytes that are compared at a time.
const WORD_BYTES: usize = size_of::<u64>();

/// Eight bytes of a part, or its last ones.
#[derive(Debug, Clone, Copy)]
struct Word {
    bytes: u64,
    /// 1 for each byte that is an index.
    moving: u64,
    /// The bits that are the part's.
    mask: u64,
}

impl Word {
    const EMPTY: Self = Self { bytes: 0, moving: 0, mask: 0 };

    /// In which bits `found` is another word than this one, whose indices have moved so far. They do not carry over
    /// into the next byte: `shift_max` sees to that.
    #[inline(always)]
    fn differs(&self, found: [u8; WORD_BYTES], shift: u64) -> u64 {
        (u64::from_le_bytes(found) ^ self.bytes.wrapping_add(shift.wrapping_mul(self.moving))) & self.mask
    }
}

/// The bytes before, between or behind gaps.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    bytes: u16,
    first_word: u16,
    end_word: u16,
    /// Entries that the block had inserted before these bytes when the template was made.
    inserted: u16,
    /// How far its indices can move within their bytes.
    shift_max: u32,
}

/// A block whose parts stay.
#[derive(Debug, Default)]
pub(crate) struct Template {
    words: Vec<Word>,
    parts: [Part; GAPS_MAX + 1],
    gaps: usize,
    /// Its length when it has no gaps; more than any otherwise.
    whole_bytes: usize,
    /// Entries that had ever been made before the block.
    insertions: u64,
    /// The decoder's generation behind the block.
    generation: u64,
    /// The number of the oldest entry that the parts name.
    oldest: u64,
    /// What the list counted for when the template was made: its parts count for no more.
    list_bytes: usize,
}

impl Template {
    /// Whether this is the block of `length` bytes that `bytes` begins with, has no gaps, and the table has not changed
    /// since. `GOES_ON`: an answer is only needed if a word at least follows the block.
    #[inline(always)]
    pub(crate) fn is_as_it_was<const GOES_ON: bool>(&self, bytes: &[u8], length: usize, decoder: &Decoder) -> bool {
        if self.whole_bytes != length || self.generation != decoder.generation() {
            return false;
        }
        let (mut differs, mut at) = (0, 0);
        for word in &self.words {
            let found = match bytes.get(at..at + WORD_BYTES).and_then(|found| found.first_chunk()) {
                Some(found) => *found,
                None if GOES_ON => return false,
                None => last_word(bytes, at),
            };
            differs |= (u64::from_le_bytes(found) ^ word.bytes) & word.mask;
            at += WORD_BYTES;
        }
        differs == 0
    }

    /// Whether `bytes` begins as this block does, and the entries that it names are there.
    #[inline(always)]
    pub(crate) fn begins(&self, bytes: &[u8], decoder: &Decoder) -> bool {
        let [part, ..] = &self.parts;
        self.oldest >= decoder.oldest() && self.has(part, bytes, decoder.insertions() - self.insertions)
    }

    /// Whether it has no gaps, and this length.
    #[inline(always)]
    pub(crate) fn is_whole_of(&self, length: usize) -> bool {
        self.whole_bytes == length
    }

    /// Whether fields of it may differ.
    #[inline(always)]
    pub(crate) fn has_gaps(&self) -> bool {
        self.gaps > 0
    }

    /// Whether `bytes` begins with this part, when so many entries have been made since `self.insertions`.
    #[inline(always)]
    fn has(&self, part: &Part, bytes: &[u8], insertions: u64) -> bool {
        let shift = insertions.wrapping_sub(u64::from(part.inserted));
        let words = self.words.get(usize::from(part.first_word)..usize::from(part.end_word));
        shift <= u64::from(part.shift_max) && words.is_some_and(|words| is_same(words, bytes, shift))
    }
}

/// Whether `bytes` begins with these words. Zeros stand in for bytes that are missing: whoever asks compares lengths.
#[inline(always)]
fn is_same(words: &[Word], bytes: &[u8], shift: u64) -> bool {
    let Some((last, words)) = words.split_last() else { return true };
    let (found, _) = bytes.as_chunks();
    let Some(found) = found.get(..words.len()) else { return false };
    let mut differs = last.differs(word_at(bytes, words.len() * WORD_BYTES), shift);
    for (word, found) in words.iter().zip(found) {
        differs |= word.differs(*found, shift);
    }
    differs == 0
}

/// The word that begins there, with zeros for what is missing of it.
#[inline(always)]
fn word_at(bytes: &[u8], at: usize) -> [u8; WORD_BYTES] {
    match bytes.get(at..at + WORD_BYTES).and_then(|word| word.first_chunk()) {
        Some(word) => *word,
        None => last_word(bytes, at),
    }
}

#[inline(never)]
fn last_word(bytes: &[u8], at: usize) -> [u8; WORD_BYTES] {
    let mut word = [0; WORD_BYTES];
    word.iter_mut().zip(bytes.iter().skip(at)).for_each(|(to, from)| *to = *from);
    word
}
