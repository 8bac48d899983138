//! From a header block to its fields (RFC 7541 §3, §6).

use super::dynamic_table::DynamicTable;
use super::{Error, FIELD_OVERHEAD_BYTES, TABLE_BYTES_INITIAL, huffman, integer, static_table};

/// Scratch that is kept between blocks; a longer one is given back.
const SCRATCH_BYTES_KEPT: usize = 4_096;

/// The decoder of one connection's incoming header blocks.
#[derive(Debug, Clone)]
pub struct Decoder {
    table: DynamicTable,
    /// The largest table that the peer's encoder may ask for: our SETTINGS_HEADER_TABLE_SIZE.
    table_bytes_max: usize,
    /// Huffman strings that do not go into the table are decoded here.
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder whose SETTINGS_HEADER_TABLE_SIZE is `table_bytes_max`. The table starts with the protocol's initial
    /// 4,096 bytes, or with `table_bytes_max` when that is less.
    pub fn new(table_bytes_max: usize) -> Self {
        let table = DynamicTable::new(table_bytes_max.min(TABLE_BYTES_INITIAL));
        Self { table, table_bytes_max, scratch: Vec::new() }
    }

    /// Differs whenever the dynamic table has changed: by an insertion, an eviction or a resize. While it stays, the same
    /// block means the same fields.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// Decodes one whole block (HEADERS and its CONTINUATIONs together) and reports its fields in order.
    ///
    /// `list_bytes_max` bounds the list as RFC 9113 §6.5.2 counts it: name, value and 32 bytes for each field. Fields
    /// beyond it are decoded, so that the tables stay in step, but not reported.
    ///
    /// # Errors
    /// [`Error::ListTooLarge`] after the whole block; [`Error::Malformed`] at once.
    #[inline]
    pub fn decode(
        &mut self,
        block: &[u8],
        list_bytes_max: usize,
        mut on_header: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Error> {
        let mut list = List { bytes: 0, bytes_max: list_bytes_max };
        let mut at = self.size_updates(block)?;
        while let Some(&first) = block.get(at) {
            if first & 0x80 != 0 {
                let index = integer::read(block, &mut at, 7)?;
                let (name, value) = field(&self.table, index)?;
                if list.admits(name, value) {
                    on_header(name, value);
                }
            } else if first & 0x40 != 0 {
                self.literal_indexed(block, &mut at, &mut list, &mut on_header)?;
            } else if first & 0x20 == 0 {
                // Without indexing and never indexed differ only for those who forward the field.
                self.literal(block, &mut at, &mut list, &mut on_header)?;
            } else {
                return Err(Error::Malformed("table size update after a field"));
            }
        }
        if list.bytes > list.bytes_max { Err(Error::ListTooLarge) } else { Ok(()) }
    }

    /// Size updates stand at the start of a block only (RFC 7541 §4.2). Returns where the fields begin.
    #[inline]
    fn size_updates(&mut self, block: &[u8]) -> Result<usize, Error> {
        let mut at = 0;
        while block.get(at).is_some_and(|first| first & 0xe0 == 0x20) {
            let size_max = integer::read(block, &mut at, 5)?;
            if size_max > self.table_bytes_max {
                return Err(Error::Malformed("table size update above SETTINGS_HEADER_TABLE_SIZE"));
            }
            self.table.resize(size_max);
        }
        Ok(at)
    }

    /// Literal field with incremental indexing (RFC 7541 §6.2.1): decoded straight into the table's buffer.
    fn literal_indexed(
        &mut self,
        block: &[u8],
        at: &mut usize,
        list: &mut List,
        on_header: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Error> {
        let start = self.table.buffer_mut().len();
        let index = integer::read(block, at, 6)?;
        if index == 0 {
            Text::read(block, at)?.append_to(self.table.buffer_mut())?;
        } else if let Some((name, _)) = static_table::get(index) {
            self.table.buffer_mut().extend_from_slice(name);
        } else {
            let range = self.table.name_range(index - static_table::ENTRIES.len() - 1);
            self.table.append_again(range.ok_or(INDEX_UNKNOWN)?);
        }
        let name_bytes = self.table.buffer_mut().len() - start;
        Text::read(block, at)?.append_to(self.table.buffer_mut())?;
        self.table.commit(start, name_bytes);
        let (name, value) = self.table.buffer_mut()[start..].split_at(name_bytes);
        if list.admits(name, value) {
            on_header(name, value);
        }
        self.table.settle();
        Ok(())
    }

    /// Literal field that leaves the table alone (RFC 7541 §6.2.2, §6.2.3).
    fn literal(
        &mut self,
        block: &[u8],
        at: &mut usize,
        list: &mut List,
        on_header: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Error> {
        let index = integer::read(block, at, 4)?;
        self.scratch.clear();
        let name = if index == 0 { Some(Text::read(block, at)?) } else { None };
        let value = Text::read(block, at)?;
        if let Some(Text { bytes, huffman: true }) = name {
            huffman::decode(bytes, &mut self.scratch)?;
        }
        let name_bytes = self.scratch.len();
        if value.huffman {
            huffman::decode(value.bytes, &mut self.scratch)?;
        }
        let (scratch_name, scratch_value) = self.scratch.split_at(name_bytes);
        let name = match name {
            None => field(&self.table, index)?.0,
            Some(text) if text.huffman => scratch_name,
            Some(text) => text.bytes,
        };
        let value = if value.huffman { scratch_value } else { value.bytes };
        if list.admits(name, value) {
            on_header(name, value);
        }
        if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
            self.scratch.clear();
            self.scratch.shrink_to(SCRATCH_BYTES_KEPT);
        }
        Ok(())
    }
}

const INDEX_UNKNOWN: Error = Error::Malformed("index beyond both tables");

/// The field at an index of the joined address space (RFC 7541 §2.3.3).
#[inline(always)]
fn field(table: &DynamicTable, index: usize) -> Result<(&[u8], &[u8]), Error> {
    match static_table::get(index) {
        Some(field) => Ok(field),
        None => table.get(index.wrapping_sub(static_table::ENTRIES.len() + 1)).ok_or(INDEX_UNKNOWN),
    }
}

/// A header list as it grows, against its bound.
struct List {
    bytes: usize,
    bytes_max: usize,
}

impl List {
    /// Counts a field; whether the list is still within its bound.
    #[inline(always)]
    fn admits(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.bytes = self.bytes.saturating_add(name.len() + value.len() + FIELD_OVERHEAD_BYTES);
        self.bytes <= self.bytes_max
    }
}

/// A string literal as it stands in the block (RFC 7541 §5.2).
#[derive(Clone, Copy)]
struct Text<'b> {
    bytes: &'b [u8],
    huffman: bool,
}

impl<'b> Text<'b> {
    #[inline]
    fn read(block: &'b [u8], at: &mut usize) -> Result<Self, Error> {
        let huffman = block.get(*at).is_some_and(|first| first & 0x80 != 0);
        let length = integer::read(block, at, 7)?;
        let bytes = block[*at..].get(..length).ok_or(Error::Malformed("string cut short"))?;
        *at += length;
        Ok(Self { bytes, huffman })
    }

    fn append_to(self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.huffman {
            huffman::decode(self.bytes, out)
        } else {
            out.extend_from_slice(self.bytes);
            Ok(())
        }
    }
}
