//! One representation of a header field as its bytes say it (RFC 7541 §6), and what a gap makes of it.

use super::GAPS_MAX;
use crate::hpack::decoder::Text;
use crate::hpack::{Decoder, FIELD_OVERHEAD_BYTES, Note, Vary, integer, static_table};

/// A representation.
#[derive(Clone, Copy)]
pub(super) enum Spoken<'b> {
    Indexed(usize),
    /// With incremental indexing.
    Inserted(Name<'b>, Text<'b>),
    /// Without indexing, or never indexed.
    Literal(Name<'b>, Text<'b>),
}

/// The name of a literal.
#[derive(Clone, Copy)]
pub(super) enum Name<'b> {
    Index(usize),
    Spelled(&'b [u8]),
    /// In Huffman code.
    Coded,
}

impl<'b> Spoken<'b> {
    /// The representation that `rest` begins with, and moves `rest` behind it; none for anything that no template has.
    pub(super) fn read(rest: &mut &'b [u8]) -> Option<Self> {
        let first = *rest.first()?;
        if first & 0x80 != 0 {
            return Some(Self::Indexed(integer::read(rest, 7).ok()?));
        }
        let is_inserted = first & 0x40 != 0;
        if !is_inserted && first & 0x20 != 0 {
            return None;
        }
        let index = integer::read(rest, if is_inserted { 6 } else { 4 }).ok()?;
        let name = if index > 0 {
            Name::Index(index)
        } else {
            let text = Text::read(rest).ok()?;
            if text.huffman { Name::Coded } else { Name::Spelled(text.bytes) }
        };
        let value = Text::read(rest).ok()?;
        Some(if is_inserted { Self::Inserted(name, value) } else { Self::Literal(name, value) })
    }
}

/// What the gaps of a block do, as far as they have been looked at.
#[derive(Default)]
pub(super) struct Gaps<'b> {
    pub(super) insertions: [Option<Insertion<'b>>; GAPS_MAX],
    /// How many of these there are, and what they count for in the table.
    pub(super) inserted: usize,
    pub(super) inserted_bytes: usize,
    /// What all gaps count for in the header list.
    pub(super) list_bytes: usize,
    /// How many of the newest entries they name ones of, before anything is inserted.
    pub(super) depth: usize,
}

/// An entry to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Insertion<'b> {
    pub(super) note: Note,
    /// The index of an entry that has the name, when this one is made.
    pub(super) name_index: Option<usize>,
    /// The name otherwise.
    pub(super) name: &'b [u8],
    /// Where in the decoder's scratch the value lies.
    pub(super) value: (usize, usize),
}

impl Gaps<'_> {
    /// The entry that an index of the joined address space names now, once those of the gaps are made; none if it is
    /// one of those, or a static one.
    #[inline(always)]
    pub(super) fn present(&mut self, index: usize) -> Option<usize> {
        let index = index.checked_sub(static_table::ENTRIES.len() + 1)?.checked_sub(self.inserted)?;
        self.depth = self.depth.max(index + 1);
        Some(index)
    }
}

impl Decoder {
    /// What is noted of the field that a representation in a gap says.
    pub(super) fn gap<'b, V: Vary>(&mut self, spoken: Spoken<'b>, gaps: &mut Gaps<'b>) -> Option<Note> {
        let (name, value) = match spoken {
            Spoken::Indexed(index) => {
                let (size, note) = self.table.note(gaps.present(index)?)?;
                gaps.list_bytes += size;
                return V::may_vary(note).then_some(note);
            }
            Spoken::Inserted(name, value) | Spoken::Literal(name, value) => (name, value),
        };
        let start = self.scratch.len();
        value.append_to(&mut self.scratch).ok()?;
        let end = self.scratch.len();
        let value = &self.scratch[start..];
        let (note, name, name_index, name_bytes) = match name {
            Name::Index(index) if index > static_table::ENTRIES.len() => {
                let present = gaps.present(index)?;
                let (name_bytes, note) = self.table.name(present)?;
                (V::with_value(note, value)?, &[][..], Some(index - static_table::ENTRIES.len() - 1), name_bytes)
            }
            Name::Index(index) => {
                let (name, _) = static_table::get(index)?;
                (V::of(name, value), name, None, name.len())
            }
            Name::Spelled(name) => (V::of(name, value), name, None, name.len()),
            Name::Coded => return None,
        };
        if !V::may_vary(note) {
            return None;
        }
        let size = name_bytes + (end - start) + FIELD_OVERHEAD_BYTES;
        gaps.list_bytes += size;
        if matches!(spoken, Spoken::Inserted(..)) {
            *gaps.insertions.get_mut(gaps.inserted)? = Some(Insertion { note, name_index, name, value: (start, end) });
            gaps.inserted += 1;
            gaps.inserted_bytes += size;
        }
        Some(note)
    }
}
