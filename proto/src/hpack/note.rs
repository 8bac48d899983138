//! What a reader of header lists has made of a field, kept beside it so that it need not be looked at again.
//!
//! A field of a table is sent as an index, again and again. What its name and value mean does not change while it is
//! there, so the reader says it once, in a number of its own, and gets the number instead of the field from then on. A
//! literal that a client spells the same way each time is remembered likewise.

use super::static_table::ENTRIES;

/// A number that means something to whoever noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Note(pub u64);

impl Note {
    /// Nothing was noted.
    pub const NONE: Self = Self(0);
}

/// Takes the fields of a header list in their order.
pub trait Reader {
    /// A field of the static table, by its index (RFC 7541 Appendix A); false: wants to see it.
    fn fixed(&mut self, index: usize) -> bool;
    /// A field of which this was noted; false: wants to see it.
    fn noted(&mut self, note: Note) -> bool;
    /// A field to look at. What it returns is noted, and has to follow from name and value alone.
    fn field(&mut self, name: &[u8], value: &[u8]) -> Note;
}

/// Judges fields that differ from call to call, by what is noted of them.
pub trait Vary {
    /// What [`Reader::field`] would note.
    fn of(name: &[u8], value: &[u8]) -> Note;
    /// The same for a field of this value, when `note` was noted of another one of the same name; none if that takes
    /// more than the note says of the name.
    fn with_value(note: Note, value: &[u8]) -> Option<Note>;
    /// Whether any field of which such things are noted may stand in the place of another.
    fn may_vary(note: Note) -> bool;
    /// Whether another one is likely to.
    fn is_fickle(note: Note) -> bool;
}

/// A reader that looks at every field and notes nothing.
#[derive(Debug)]
pub(super) struct Each<F>(pub(super) F);

impl<F: FnMut(&[u8], &[u8])> Reader for Each<F> {
    #[inline(always)]
    fn fixed(&mut self, _index: usize) -> bool {
        false
    }

    #[inline(always)]
    fn noted(&mut self, _note: Note) -> bool {
        false
    }

    #[inline(always)]
    fn field(&mut self, name: &[u8], value: &[u8]) -> Note {
        (self.0)(name, value);
        Note::NONE
    }
}

/// A literal representation that leaves the table alone and does not name its field by the dynamic table: the same
/// bytes mean the same field, whatever that table holds.
#[derive(Debug, Clone)]
struct Literal {
    bytes: Vec<u8>,
    /// What the field counts for in a header list.
    size: usize,
    note: Note,
    /// It came again since it was last looked at for replacement.
    is_used: bool,
}

/// Whether `block` begins with such a literal (RFC 7541 §6.2.2, §6.2.3).
#[inline(always)]
pub(super) fn is_spelled(block: &[u8]) -> bool {
    /// What follows a full prefix of four bits when it says the last static field.
    const LAST: u8 = (ENTRIES.len() - 0x0f) as u8;
    match *block {
        [0x00..=0x0e | 0x10..=0x1e, ..] => true,
        [0x0f | 0x1f, rest, ..] => rest <= LAST,
        _ => false,
    }
}

/// The longest literal that is remembered.
const LITERAL_BYTES_MAX: usize = 128;
/// How many are.
const LITERALS_MAX: usize = 4;

/// The literals of a connection that came last and were noted.
#[derive(Debug, Clone, Default)]
pub(super) struct Literals {
    known: Vec<Literal>,
    /// Whose turn it is to be replaced.
    next: usize,
}

impl Literals {
    /// The length, size and note of the literal that `block` begins with.
    #[inline]
    pub(super) fn find(&mut self, block: &[u8]) -> Option<(usize, usize, Note)> {
        let known = self.known.iter_mut().find(|literal| block.starts_with(&literal.bytes))?;
        known.is_used = true;
        Some((known.bytes.len(), known.size, known.note))
    }

    /// `bytes` is the whole literal of a field of which something was noted. It replaces one that did not come again.
    pub(super) fn learn(&mut self, bytes: &[u8], size: usize, note: Note) {
        if bytes.len() > LITERAL_BYTES_MAX || note == Note::NONE {
            return;
        }
        if self.known.len() < LITERALS_MAX {
            self.known.push(Literal { bytes: bytes.to_vec(), size, note, is_used: false });
            return;
        }
        for _ in 0..LITERALS_MAX {
            if !std::mem::take(&mut self.known[self.next % LITERALS_MAX].is_used) {
                break;
            }
            self.next = (self.next + 1) % LITERALS_MAX;
        }
        let literal = &mut self.known[self.next % LITERALS_MAX];
        literal.bytes.clear();
        literal.bytes.extend_from_slice(bytes);
        (literal.size, literal.note) = (size, note);
        self.next = (self.next + 1) % LITERALS_MAX;
    }

    /// Bytes that are kept.
    pub(super) fn held_bytes(&self) -> usize {
        self.known.capacity() * size_of::<Literal>()
            + self.known.iter().map(|literal| literal.bytes.capacity()).sum::<usize>()
    }
}
