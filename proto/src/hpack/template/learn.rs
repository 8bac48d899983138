//! Making a template of a block that has just been decoded.

use super::gap::{Gaps, Name, Spoken};
use super::{BYTES_MAX, GAPS_MAX, Part, Template, WORD_BYTES, Word};
use crate::hpack::{Decoder, Note, Vary, static_table};

/// The highest bytes that an index has: of one byte, and of the second of two.
const INDEX_LAST: u8 = 0xfe;
const INDEX_CONTINUED_LAST: u8 = 0x7f;

/// A template as it is made.
pub(crate) struct Draft {
    words: [Word; BYTES_MAX / WORD_BYTES + GAPS_MAX + 1],
    words_used: usize,
    parts: [Part; GAPS_MAX + 1],
    /// What was noted of the fields in the gaps.
    notes: [Note; GAPS_MAX],
    gaps: usize,
    /// Entries that the block has inserted so far.
    inserted: u64,
    bytes: usize,
    oldest: u64,
}

impl Draft {
    fn new() -> Self {
        let mut draft = Self {
            words: [Word::EMPTY; BYTES_MAX / WORD_BYTES + GAPS_MAX + 1],
            words_used: 0,
            parts: Default::default(),
            notes: Default::default(),
            gaps: 0,
            inserted: 0,
            bytes: 0,
            oldest: u64::MAX,
        };
        draft.begin_part();
        draft
    }

    fn begin_part(&mut self) {
        let first_word = self.words_used as u16;
        let (end_word, inserted) = (first_word, self.inserted as u16);
        self.parts[self.gaps] = Part { bytes: 0, first_word, end_word, inserted, shift_max: u32::MAX };
    }

    /// One more byte of the part; `last` is the highest that it can become, if it is an index.
    fn push(&mut self, byte: u8, last: Option<u8>) -> Option<()> {
        let part = &mut self.parts[self.gaps];
        let within = usize::from(part.bytes) % WORD_BYTES;
        self.words_used += usize::from(within == 0);
        part.end_word = self.words_used as u16;
        let word = self.words.get_mut(self.words_used - 1)?;
        word.bytes |= u64::from(byte) << (within * 8);
        word.mask |= 0xff << (within * 8);
        if let Some(last) = last {
            word.moving |= 1 << (within * 8);
            part.shift_max = part.shift_max.min(u32::from(last.checked_sub(byte)?));
        }
        part.bytes += 1;
        self.bytes += 1;
        (self.bytes <= BYTES_MAX).then_some(())
    }

    /// What was noted of the fields in the gaps.
    pub(crate) fn notes(&self) -> &[Note] {
        &self.notes[..self.gaps]
    }

    fn push_all(&mut self, bytes: &[u8]) -> Option<()> {
        bytes.iter().try_for_each(|byte| self.push(*byte, None))
    }

    /// A gap behind the part, for a field of which this was noted.
    fn gap(&mut self, note: Note) -> Option<()> {
        *self.notes.get_mut(self.gaps)? = note;
        self.gaps += 1;
        self.begin_part();
        Some(())
    }
}

impl Decoder {
    /// A template of the block that was decoded last, before which `before` entries had been made. A gap is wherever
    /// the block entered a field into the table, spelled what it had not spelled before, or named what is likely to be
    /// another field next time.
    pub(crate) fn draft<V: Vary>(&mut self, block: &[u8], before: u64) -> Option<Draft> {
        let mut draft = Draft::new();
        let mut literals = 0;
        let mut rest = block;
        while !rest.is_empty() {
            let start = rest;
            let spoken = Spoken::read(&mut rest)?;
            let bytes = &start[..start.len() - rest.len()];
            match spoken {
                Spoken::Indexed(index) if index <= static_table::ENTRIES.len() => draft.push_all(bytes)?,
                Spoken::Indexed(index) => {
                    let below = (index - static_table::ENTRIES.len() - 1) as u64;
                    let entry = (before + draft.inserted).checked_sub(below)?;
                    let note = self.note_of(entry)?;
                    if V::is_fickle(note) && draft.gaps < GAPS_MAX {
                        draft.gap(note)?;
                        continue;
                    }
                    draft.oldest = draft.oldest.min(entry);
                    match *bytes {
                        [byte] => draft.push(byte, Some(INDEX_LAST))?,
                        [first, byte] => {
                            draft.push(first, None)?;
                            draft.push(byte, Some(INDEX_CONTINUED_LAST))?;
                        }
                        _ => return None,
                    }
                }
                Spoken::Inserted(..) => {
                    draft.inserted += 1;
                    let note = self.note_of(before + draft.inserted)?;
                    if !V::may_vary(note) {
                        return None;
                    }
                    draft.gap(note)?;
                }
                Spoken::Literal(Name::Index(index), _) if index > static_table::ENTRIES.len() => return None,
                Spoken::Literal(..) => {
                    let is_new = literals < u64::BITS && self.new_literals >> literals & 1 == 1;
                    literals += 1;
                    self.scratch.clear();
                    match is_new.then(|| self.gap::<V>(spoken, &mut Gaps::default())).flatten() {
                        Some(note) => draft.gap(note)?,
                        None => draft.push_all(bytes)?,
                    }
                }
            }
        }
        (before + draft.inserted == self.insertions()).then_some(draft)
    }

    /// Makes the template of a draft of `block`, which was decoded last, in the place of an old one, whose memory it
    /// takes.
    pub(crate) fn finish(&self, draft: &Draft, block: &[u8], template: &mut Template) {
        let words = &draft.words[..draft.words_used];
        template.words.clear();
        template.words.reserve_exact(words.len());
        template.words.extend_from_slice(words);
        template.parts = draft.parts;
        template.gaps = draft.gaps;
        template.whole_bytes = if draft.gaps == 0 { block.len() } else { usize::MAX };
        template.insertions = self.insertions() - draft.inserted;
        template.generation = self.generation();
        template.oldest = draft.oldest;
        template.list_bytes = self.list_bytes;
    }

    /// What was noted of the entry of this number, while it is there.
    fn note_of(&self, entry: u64) -> Option<Note> {
        let index = self.insertions().checked_sub(entry)?;
        Some(self.table.note(usize::try_from(index).ok()?)?.1)
    }
}
