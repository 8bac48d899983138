//! From a header block to its fields (RFC 7541 §3, §6).

use super::dynamic_table::DynamicTable;
use super::note::{Each, Literals, Note, Reader, is_spelled};
use super::{Error, FIELD_OVERHEAD_BYTES, TABLE_BYTES_INITIAL, huffman, integer, static_table};
use crate::limits::{HEADER_LIST_EXPANDED_BYTES_MAX, TABLE_RESIZES_PER_BLOCK_MAX};

/// Scratch that is kept between blocks; a longer one is given back.
const SCRATCH_BYTES_KEPT: usize = 4_096;

/// The decoder of one connection's incoming header blocks.
#[derive(Debug, Clone)]
pub struct Decoder {
    pub(super) table: DynamicTable,
    /// The largest table that the peer's encoder may ask for: our SETTINGS_HEADER_TABLE_SIZE.
    table_bytes_max: usize,
    /// Huffman strings that do not go into the table are decoded here.
    pub(super) scratch: Vec<u8>,
    literals: Literals,
    /// Which of the literals that leave the table alone the block before had and none before it: one bit for each, in
    /// their order, and how many there were.
    pub(super) new_literals: u32,
    literals_read: u32,
    /// Size updates since they were asked for.
    resizes: usize,
    /// Bytes of the list of the block before, as RFC 9113 §6.5.2 counts them.
    pub(super) list_bytes: usize,
}

impl Decoder {
    /// A decoder whose SETTINGS_HEADER_TABLE_SIZE is `table_bytes_max`. The table starts with the protocol's initial
    /// 4,096 bytes, or with `table_bytes_max` when that is less.
    pub fn new(table_bytes_max: usize) -> Self {
        let table = DynamicTable::new(table_bytes_max.min(TABLE_BYTES_INITIAL));
        Self {
            table,
            table_bytes_max,
            scratch: Vec::new(),
            literals: Literals::default(),
            new_literals: 0,
            literals_read: 0,
            resizes: 0,
            list_bytes: 0,
        }
    }

    /// Differs whenever the dynamic table has changed: by an insertion, an eviction or a resize. While it stays, the
    /// same block means the same fields.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// Entries that were ever made: the number of the newest.
    #[inline(always)]
    pub(crate) fn insertions(&self) -> u64 {
        self.table.insertions()
    }

    /// The number of the oldest entry that is there.
    #[inline(always)]
    pub(crate) fn oldest(&self) -> u64 {
        self.table.oldest()
    }

    /// The table's size as RFC 7541 §4.1 counts it.
    pub fn table_bytes(&self) -> usize {
        self.table.size()
    }

    /// Bytes that the decoder keeps allocated between blocks, whatever came: a small multiple of its table's bound.
    pub fn held_bytes(&self) -> usize {
        self.table.held_bytes() + self.scratch.capacity() + self.literals.held_bytes()
    }

    /// Gives back what a decoder that is not used for a while does not need.
    pub fn trim(&mut self) {
        self.scratch = Vec::new();
        self.table.trim();
    }

    /// Decodes one whole block (HEADERS and its CONTINUATIONs together) and reports its fields in order.
    ///
    /// `list_bytes_max` bounds the list as RFC 9113 §6.5.2 counts it: name, value and 32 bytes for each field. Fields
    /// beyond it are decoded, so that the tables stay in step, but not reported.
    ///
    /// # Errors
    /// [`Error::ListTooLarge`] after the whole block; the others at once, and the decoder is of no more use then.
    #[inline]
    pub fn decode(
        &mut self,
        block: &[u8],
        list_bytes_max: usize,
        on_header: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Error> {
        self.read(block, list_bytes_max, &mut Each(on_header))
    }

    /// The same for a reader that notes what it has made of fields. Every reader of one decoder has to give the same
    /// notes the same meaning.
    ///
    /// # Errors
    /// As [`Self::decode`].
    #[inline]
    pub fn read(&mut self, block: &[u8], list_bytes_max: usize, reader: &mut impl Reader) -> Result<(), Error> {
        let mut rest = block;
        let mut list = List { bytes_left: list_bytes_max, excess_bytes: 0 };
        (self.new_literals, self.literals_read) = (0, 0);
        if rest.first().is_some_and(|first| first & SIZE_UPDATE_MASK == SIZE_UPDATE) {
            rest = self.size_updates(rest)?;
        }
        while let Some((&first, behind)) = rest.split_first() {
            match first {
                // Indexed fields of one byte (RFC 7541 §6.1), which are nearly all that there is.
                0x81..=STATIC_LAST => {
                    rest = behind;
                    let index = usize::from(first - 0x80);
                    let (name, value) = static_table::ENTRIES[index - 1];
                    if list.takes(size_of_field(name, value))? && !reader.fixed(index) {
                        reader.field(name, value);
                    }
                }
                DYNAMIC_FIRST..=0xfe => {
                    rest = behind;
                    self.read_indexed(usize::from(first - DYNAMIC_FIRST), &mut list, reader)?;
                }
                _ => rest = self.read_uncommon(rest, &mut list, reader)?,
            }
        }
        self.release();
        self.list_bytes = list_bytes_max - list.bytes_left + list.excess_bytes;
        if list.excess_bytes > 0 { Err(Error::ListTooLarge) } else { Ok(()) }
    }

    /// The field at an index of the dynamic table.
    #[inline(always)]
    fn read_indexed(&mut self, index: usize, list: &mut List, reader: &mut impl Reader) -> Result<(), Error> {
        let (size, note) = self.table.note(index).ok_or(INDEX_UNKNOWN)?;
        if list.takes(size)? && (note == Note::NONE || !reader.noted(note)) {
            let (name, value) = self.table.get(index).ok_or(INDEX_UNKNOWN)?;
            let note = reader.field(name, value);
            if note != Note::NONE {
                self.table.set_note(index, note);
            }
        }
        Ok(())
    }

    /// Any representation; what follows it.
    #[inline]
    fn read_uncommon<'b>(
        &mut self,
        rest: &'b [u8],
        list: &mut List,
        reader: &mut impl Reader,
    ) -> Result<&'b [u8], Error> {
        let is_spelled = is_spelled(rest);
        let place = self.literals_read;
        self.literals_read += u32::from(is_spelled);
        if is_spelled && let Some((length, size, note)) = self.literals.find(rest) {
            let literal = &rest[..length];
            if list.takes(size)? && !reader.noted(note) {
                let ((name, value), _) = self.uncommon(literal)?;
                reader.field(name, value);
            }
            return Ok(&rest[length..]);
        }
        if is_spelled && place < u32::BITS {
            self.new_literals |= 1 << place;
        }
        let insertions = self.table.insertions();
        let ((name, value), behind) = self.uncommon(rest)?;
        let size = size_of_field(name, value);
        if !list.takes(size)? {
            return Ok(behind);
        }
        let note = reader.field(name, value);
        if note != Note::NONE {
            if self.table.insertions() != insertions {
                self.table.set_note(0, note);
            } else if is_spelled {
                self.literals.learn(&rest[..rest.len() - behind.len()], size, note);
            }
        }
        Ok(behind)
    }

    /// The field at an index of the joined address space (RFC 7541 §2.3.3).
    fn field(&self, index: usize) -> Result<Field<'_>, Error> {
        match static_table::get(index) {
            Some(field) => Ok(field),
            None => self.table.get(index.wrapping_sub(static_table::ENTRIES.len() + 1)).ok_or(INDEX_UNKNOWN),
        }
    }

    /// Any representation: the field that `rest` begins with, and what follows it.
    #[inline(never)]
    fn uncommon<'s, 'b: 's>(&'s mut self, mut rest: &'b [u8]) -> Result<(Field<'s>, &'b [u8]), Error> {
        let first = rest.first().copied().unwrap_or(0);
        let field = if first & 0x80 != 0 {
            let index = integer::read(&mut rest, 7)?;
            self.field(index)?
        } else if first & 0x40 != 0 {
            self.literal_indexed(&mut rest)?
        } else if first & SIZE_UPDATE_MASK != SIZE_UPDATE {
            // Without indexing and never indexed differ only for those who forward the field.
            self.literal(&mut rest)?
        } else {
            return Err(Error::Malformed("table size update after a field"));
        };
        Ok((field, rest))
    }

    /// How long the list of the last block was, what was not reported included.
    #[inline]
    pub fn list_bytes(&self) -> usize {
        self.list_bytes
    }

    /// Changes of the table's size in the blocks since the last call.
    #[inline]
    pub fn take_resizes(&mut self) -> usize {
        std::mem::take(&mut self.resizes)
    }

    /// Size updates stand at the start of a block only (RFC 7541 §4.2). Returns what follows them.
    #[cold]
    fn size_updates<'b>(&mut self, mut rest: &'b [u8]) -> Result<&'b [u8], Error> {
        let mut resizes = 0;
        while rest.first().is_some_and(|first| first & SIZE_UPDATE_MASK == SIZE_UPDATE) {
            resizes += 1;
            if resizes > TABLE_RESIZES_PER_BLOCK_MAX {
                return Err(Error::Malformed("more table size updates than a block needs"));
            }
            self.resizes += 1;
            let size_max = integer::read(&mut rest, 5)?;
            if size_max > self.table_bytes_max {
                return Err(Error::Malformed("table size update above SETTINGS_HEADER_TABLE_SIZE"));
            }
            self.table.resize(size_max);
        }
        Ok(rest)
    }

    /// Literal field with incremental indexing (RFC 7541 §6.2.1): decoded straight into the table's buffer.
    fn literal_indexed(&mut self, rest: &mut &[u8]) -> Result<Field<'_>, Error> {
        self.table.settle();
        let start = self.table.buffer_mut().len();
        let index = integer::read(rest, 6)?;
        if index == 0 {
            Text::read(rest)?.append_to(self.table.buffer_mut())?;
        } else if let Some((name, _)) = static_table::get(index) {
            self.table.buffer_mut().extend_from_slice(name);
        } else {
            let range = self.table.name_range(index - static_table::ENTRIES.len() - 1);
            self.table.append_again(range.ok_or(INDEX_UNKNOWN)?);
        }
        let name_bytes = self.table.buffer_mut().len() - start;
        Text::read(rest)?.append_to(self.table.buffer_mut())?;
        self.table.commit(start, name_bytes);
        Ok(self.table.buffer_mut()[start..].split_at(name_bytes))
    }

    /// Literal field that leaves the table alone (RFC 7541 §6.2.2, §6.2.3).
    fn literal<'s, 'b: 's>(&'s mut self, rest: &mut &'b [u8]) -> Result<Field<'s>, Error> {
        let index = integer::read(rest, 4)?;
        let name = if index == 0 { Some(Text::read(rest)?) } else { None };
        let value = Text::read(rest)?;
        self.scratch.clear();
        if let Some(Text { bytes, huffman: true }) = name {
            huffman::decode(bytes, &mut self.scratch)?;
        }
        let name_bytes = self.scratch.len();
        if value.huffman {
            huffman::decode(value.bytes, &mut self.scratch)?;
        }
        let (scratch_name, scratch_value) = self.scratch.split_at(name_bytes);
        let name = match name {
            None => self.field(index)?.0,
            Some(text) if text.huffman => scratch_name,
            Some(text) => text.bytes,
        };
        Ok((name, if value.huffman { scratch_value } else { value.bytes }))
    }

    /// Gives back what an unusually long field made the buffers grow to.
    #[inline(always)]
    fn release(&mut self) {
        if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
            self.scratch = Vec::new();
        }
        self.table.release();
    }
}

/// What is left of the bytes that a header list may have, and what has come beyond them.
struct List {
    bytes_left: usize,
    excess_bytes: usize,
}

impl List {
    /// Whether a field of this size is still within the bound.
    #[inline(always)]
    fn takes(&mut self, size: usize) -> Result<bool, Error> {
        if let Some(left) = self.bytes_left.checked_sub(size) {
            self.bytes_left = left;
            return Ok(true);
        }
        // Nothing more fits: each field counts its overhead at least.
        self.bytes_left = 0;
        self.excess_bytes += size;
        if self.excess_bytes > HEADER_LIST_EXPANDED_BYTES_MAX { Err(Error::Expansion) } else { Ok(false) }
    }
}

/// What a field counts for (RFC 9113 §6.5.2, RFC 7541 §4.1).
#[inline(always)]
fn size_of_field(name: &[u8], value: &[u8]) -> usize {
    name.len() + value.len() + FIELD_OVERHEAD_BYTES
}

/// A name and its value.
type Field<'f> = (&'f [u8], &'f [u8]);

/// The bytes that say the last static field and the newest dynamic one.
const STATIC_LAST: u8 = 0x80 | static_table::ENTRIES.len() as u8;
const DYNAMIC_FIRST: u8 = STATIC_LAST + 1;

/// The bits of a table size update (RFC 7541 §6.3).
const SIZE_UPDATE: u8 = 0x20;
const SIZE_UPDATE_MASK: u8 = 0xe0;

const INDEX_UNKNOWN: Error = Error::Malformed("index beyond both tables");

/// A string literal as it stands in the block (RFC 7541 §5.2).
#[derive(Clone, Copy)]
pub(super) struct Text<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) huffman: bool,
}

impl<'b> Text<'b> {
    #[inline]
    pub(super) fn read(rest: &mut &'b [u8]) -> Result<Self, Error> {
        let huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
        let length = integer::read(rest, 7)?;
        let (bytes, behind) = rest.split_at_checked(length).ok_or(Error::Malformed("string cut short"))?;
        *rest = behind;
        Ok(Self { bytes, huffman })
    }

    pub(super) fn append_to(self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.huffman {
            huffman::decode(self.bytes, out)
        } else {
            out.extend_from_slice(self.bytes);
            Ok(())
        }
    }
}
