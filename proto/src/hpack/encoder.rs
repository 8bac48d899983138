//! From fields to a header block (RFC 7541 §6).

use super::dynamic_table::DynamicTable;
use super::{FIELD_OVERHEAD_BYTES, TABLE_BYTES_INITIAL, huffman, integer, static_table};
use crate::limits::HEADER_TABLE_BYTES_MAX;

/// What may become of a field that is not in a table yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// Insert it into the table, so that next time one byte says it (RFC 7541 §6.2.1).
    Incremental,
    /// Leave the table alone: the value will hardly come again (RFC 7541 §6.2.2).
    Without,
    /// A secret: neither we nor anyone who forwards it may put it into a table (RFC 7541 §6.2.3, §7.1.3).
    Never,
}

/// The encoder of one connection's outgoing header blocks.
#[derive(Debug, Clone)]
pub struct Encoder {
    table: DynamicTable,
    /// The sizes to announce at the start of the next block: the least since the last one, and the one that holds.
    update: Option<(usize, usize)>,
    generation: u64,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder for a peer that has not sent its SETTINGS yet.
    pub fn new() -> Self {
        Self { table: DynamicTable::new(TABLE_BYTES_INITIAL.min(HEADER_TABLE_BYTES_MAX)), update: None, generation: 0 }
    }

    /// Takes the peer's SETTINGS_HEADER_TABLE_SIZE, of which at most [`HEADER_TABLE_BYTES_MAX`] are used. The change is
    /// announced at the start of the next block (RFC 7541 §4.2), so this is called between blocks. When one SETTINGS
    /// frame holds several values, call it for the least and then for the last.
    pub fn set_peer_table_bytes_max(&mut self, bytes_max: usize) {
        let size = bytes_max.min(HEADER_TABLE_BYTES_MAX);
        let least = self.update.map_or(self.table.size_max(), |(least, _)| least).min(size);
        if size == self.table.size_max() && self.update.is_none() {
            return;
        }
        self.update = Some((least, size));
        self.table.resize(size);
        self.generation += 1;
    }

    /// Gives back what an encoder that is not used for a while does not need.
    pub fn trim(&mut self) {
        self.table.trim();
    }

    /// Differs whenever the same fields may encode to other bytes than before: after a change of the table, and before
    /// and after a size update is written. A block may be kept and sent again while this stays what it was both before
    /// and after the block was encoded.
    pub fn generation(&self) -> u64 {
        self.generation + self.table.generation()
    }

    /// Appends one field to `out`. The first call of a block also writes the size updates that are due.
    pub fn encode(&mut self, name: &[u8], value: &[u8], indexing: Indexing, out: &mut Vec<u8>) {
        if let Some((least, size)) = self.update.take() {
            self.generation += 1;
            if least < size {
                integer::write(least, 5, 0x20, out);
            }
            integer::write(size, 5, 0x20, out);
        }
        let (index, whole) = self.find(name, value);
        if whole && indexing != Indexing::Never {
            integer::write(index, 7, 0x80, out);
            return;
        }
        let fits = name.len() + value.len() + FIELD_OVERHEAD_BYTES <= self.table.size_max();
        match indexing {
            Indexing::Incremental if fits => {
                integer::write(index, 6, 0x40, out);
                self.insert(name, value);
            }
            Indexing::Incremental | Indexing::Without => integer::write(index, 4, 0x00, out),
            Indexing::Never => integer::write(index, 4, 0x10, out),
        }
        if index == 0 {
            write_text(name, out);
        }
        write_text(value, out);
    }

    /// The index of the whole field or of its name, 0 when neither table has them: `(index, whole)`.
    fn find(&self, name: &[u8], value: &[u8]) -> (usize, bool) {
        let fixed = static_table::find(name, value);
        if let Some((index, true)) = fixed {
            return (index, true);
        }
        match self.table.find(name, value) {
            Some((index, whole)) if whole || fixed.is_none() => (index + static_table::ENTRIES.len() + 1, whole),
            _ => fixed.unwrap_or((0, false)),
        }
    }

    fn insert(&mut self, name: &[u8], value: &[u8]) {
        let buffer = self.table.buffer_mut();
        let start = buffer.len();
        buffer.extend_from_slice(name);
        buffer.extend_from_slice(value);
        self.table.commit(start, name.len());
        self.table.settle();
    }
}

/// Writes a string literal, Huffman coded when that is shorter (RFC 7541 §5.2).
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let coded_bytes = huffman::encoded_bytes(text);
    if coded_bytes < text.len() {
        integer::write(coded_bytes, 7, 0x80, out);
        huffman::encode(text, out);
    } else {
        integer::write(text.len(), 7, 0x00, out);
        out.extend_from_slice(text);
    }
}
