//! What a reader of header lists has made of a field, kept beside it so that it need not be looked at again.
//!
//! A field of a table is sent as an index, again and again. What its name and value mean does not change while it is
//! there, so the reader says it once, in a number of its own, and gets the number instead of the field from then on. A
//! literal that a client spells the same way each time is remembered likewise.

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

/// A literal representation that leaves the table alone and names its field by the static table: the same bytes mean
/// the same field, whatever the dynamic table holds.
#[derive(Debug, Clone)]
struct Literal {
    bytes: Vec<u8>,
    /// What the field counts for in a header list.
    size: usize,
    note: Note,
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
    pub(super) fn find(&self, block: &[u8]) -> Option<(usize, usize, Note)> {
        let known = self.known.iter().find(|literal| block.starts_with(&literal.bytes))?;
        Some((known.bytes.len(), known.size, known.note))
    }

    /// `bytes` is the whole literal of a field of which something was noted.
    pub(super) fn learn(&mut self, bytes: &[u8], size: usize, note: Note) {
        if bytes.len() > LITERAL_BYTES_MAX || note == Note::NONE {
            return;
        }
        if self.known.len() < LITERALS_MAX {
            self.known.push(Literal { bytes: bytes.to_vec(), size, note });
            return;
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
