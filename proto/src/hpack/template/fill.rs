//! Recognising a template with gaps, and doing what its block does to the table.

use super::gap::{Gaps, Insertion, Spoken};
use super::{GAPS_MAX, Template};
use crate::hpack::{Decoder, Note, Vary, static_table};

/// An indexed field of one byte: its bit, and the bytes of entries (RFC 7541 §6.1).
const INDEXED: u8 = 0x80;
const INDEX_FIRST: u8 = INDEXED | (static_table::ENTRIES.len() as u8 + 1);
const INDEX_LAST: u8 = 0xfe;

impl Template {
    /// What is noted of the field in the only gap, if this is the block of `length` bytes that `bytes` begins with, and
    /// the gap has an index of one byte: then decoding it changes nothing. It is [`Decoder::fill`] for most calls whose
    /// time-out came before.
    #[inline(always)]
    pub(crate) fn indexed<V: Vary>(
        &self,
        bytes: &[u8],
        length: usize,
        decoder: &Decoder,
        list_bytes_max: usize,
    ) -> Option<Note> {
        let [first, second, ..] = &self.parts;
        let at = usize::from(first.bytes);
        if self.gaps != 1 || length != at + 1 + usize::from(second.bytes) || self.oldest < decoder.oldest() {
            return None;
        }
        let byte = *bytes.get(at)?;
        if byte > INDEX_LAST {
            return None;
        }
        let (size, note) = decoder.table.note(usize::from(byte.checked_sub(INDEX_FIRST)?))?;
        let since = decoder.insertions() - self.insertions;
        let is_recognised = V::may_vary(note)
            && self.list_bytes + size <= list_bytes_max
            && self.has(first, bytes, since)
            && self.has(second, bytes.get(at + 1..)?, since);
        is_recognised.then_some(note)
    }
}

impl Decoder {
    /// Decodes the block of `length` bytes that `bytes` begins with, if `template` is recognised in it, of which
    /// [`Template::begins`] has been asked. `judge` sees what is noted of the fields in the gaps, and may still say no:
    /// then, as whenever `judge` is not asked, nothing has changed.
    #[inline]
    pub(crate) fn fill<V: Vary>(
        &mut self,
        template: &Template,
        bytes: &[u8],
        length: usize,
        list_bytes_max: usize,
        judge: impl FnOnce(&[Note]) -> bool,
    ) -> Option<()> {
        let since = self.table.insertions() - template.insertions;
        let mut gaps = Gaps::default();
        let mut notes = [Note::NONE; GAPS_MAX];
        let mut at = usize::from(template.parts[0].bytes);
        self.scratch.clear();
        for (note, part) in notes[..template.gaps].iter_mut().zip(&template.parts[1..]) {
            let mut rest = bytes.get(at..length)?;
            *note = match *rest {
                [byte @ INDEX_FIRST..=INDEX_LAST, ..] => {
                    at += 1;
                    self.gap::<V>(Spoken::Indexed(usize::from(byte & !INDEXED)), &mut gaps)?
                }
                _ => {
                    let spoken = Spoken::read(&mut rest)?;
                    at = length - rest.len();
                    self.gap::<V>(spoken, &mut gaps)?
                }
            };
            if !template.has(part, bytes.get(at..)?, since + gaps.inserted as u64) {
                return None;
            }
            at += usize::from(part.bytes);
        }
        let oldest = template.oldest.min(self.table.insertions() + 1 - gaps.depth as u64);
        let is_within = at == length && template.list_bytes + gaps.list_bytes <= list_bytes_max;
        if !is_within || oldest < self.table.oldest_after(gaps.inserted_bytes)? || !judge(&notes[..template.gaps]) {
            return None;
        }
        for insertion in gaps.insertions[..gaps.inserted].iter().flatten() {
            self.insert(insertion)?;
        }
        Some(())
    }

    /// Makes an entry of a gap's field. There is always something: all has been looked at.
    fn insert(&mut self, gap: &Insertion<'_>) -> Option<()> {
        self.table.settle();
        let start = self.table.buffer_mut().len();
        match gap.name_index {
            Some(index) => {
                let range = self.table.name_range(index)?;
                self.table.append_again(range);
            }
            None => self.table.buffer_mut().extend_from_slice(gap.name),
        }
        let name_bytes = self.table.buffer_mut().len() - start;
        self.table.buffer_mut().extend_from_slice(self.scratch.get(gap.value.0..gap.value.1)?);
        self.table.commit(start, name_bytes);
        self.table.set_note(0, gap.note);
        Some(())
    }
}
