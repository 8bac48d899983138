//! The dynamic table (RFC 7541 §2.3.2): the fields most recently inserted, within a bound of bytes.
//!
//! All names and values lie one after another in one buffer. An insertion appends to its end, an eviction only forgets
//! an entry, and the forgotten front is cut off once it has grown as long as the table may be: no allocation per field.

use std::collections::VecDeque;
use std::ops::Range;

use super::FIELD_OVERHEAD_BYTES;
use super::note::Note;

/// Forgotten bytes that a small table keeps before it moves the rest to the front.
const FORGOTTEN_BYTES_MIN: usize = 512;

/// Where a field lies: an absolute position, of which `base` is the buffer's first.
#[derive(Debug, Clone, Copy)]
struct Entry {
    position: usize,
    name_bytes: u32,
    value_bytes: u32,
    note: Note,
}

impl Entry {
    #[inline(always)]
    fn size(&self) -> usize {
        self.name_bytes as usize + self.value_bytes as usize + FIELD_OVERHEAD_BYTES
    }
}

/// A dynamic table; index 0 is the newest entry.
#[derive(Debug, Clone)]
pub(super) struct DynamicTable {
    /// Newest first.
    entries: VecDeque<Entry>,
    /// What the entries name, after a front of forgotten bytes.
    buffer: Vec<u8>,
    base: usize,
    size: usize,
    size_max: usize,
    generation: u64,
    insertions: u64,
}

impl DynamicTable {
    pub(super) fn new(size_max: usize) -> Self {
        Self { entries: VecDeque::new(), buffer: Vec::new(), base: 0, size: 0, size_max, generation: 0, insertions: 0 }
    }

    pub(super) fn size_max(&self) -> usize {
        self.size_max
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.buffer.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Differs after every insertion and resize, and so after every eviction: only those two evict.
    #[inline(always)]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Entries that were ever made.
    #[inline(always)]
    pub(super) fn insertions(&self) -> u64 {
        self.insertions
    }

    /// The number of the oldest entry, in the order of insertions, from 1 on; of the next one when there is none.
    #[inline(always)]
    pub(super) fn oldest(&self) -> u64 {
        self.insertions - self.entries.len() as u64 + 1
    }

    /// The same once entries of this size have been made one after another; none if they do not all fit.
    pub(super) fn oldest_after(&self, inserted_bytes: usize) -> Option<u64> {
        let mut oldest = self.oldest();
        let mut excess = (self.size + inserted_bytes).saturating_sub(self.size_max);
        if excess > self.size {
            return None;
        }
        let mut entries = self.entries.iter().rev();
        while excess > 0 {
            excess = excess.saturating_sub(entries.next()?.size());
            oldest += 1;
        }
        Some(oldest)
    }

    /// The field at `index`, where 0 is the newest.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let entry = self.entries.get(index)?;
        let field = self.buffer.get(entry.position - self.base..)?;
        let (name, rest) = field.split_at_checked(entry.name_bytes as usize)?;
        Some((name, rest.get(..entry.value_bytes as usize)?))
    }

    /// The size of the entry at `index` (RFC 7541 §4.1), and what was noted of it.
    #[inline(always)]
    pub(super) fn note(&self, index: usize) -> Option<(usize, Note)> {
        let entry = self.entries.get(index)?;
        Some((entry.size(), entry.note))
    }

    /// How long the name of the entry at `index` is, and what was noted of that.
    #[inline(always)]
    pub(super) fn name(&self, index: usize) -> Option<(usize, Note)> {
        let entry = self.entries.get(index)?;
        Some((entry.name_bytes as usize, entry.note))
    }

    /// Notes something of the entry at `index`.
    pub(super) fn set_note(&mut self, index: usize, note: Note) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.note = note;
        }
    }

    /// Where the name at `index` lies in the buffer, for [`Self::append_again`].
    pub(super) fn name_range(&self, index: usize) -> Option<Range<usize>> {
        let entry = self.entries.get(index)?;
        let start = entry.position - self.base;
        Some(start..start + entry.name_bytes as usize)
    }

    /// The index of the newest field that has this name and value, or else of the newest with this name:
    /// `(index, whole)`.
    pub(super) fn find(&self, name: &[u8], value: &[u8]) -> Option<(usize, bool)> {
        let mut same_name = None;
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.name_bytes as usize != name.len() {
                continue;
            }
            // The value first: many fields may have one name, few one value.
            match self.get(index) {
                Some((found, of)) if of == value && found == name => return Some((index, true)),
                Some((found, _)) if same_name.is_none() && found == name => same_name = Some((index, false)),
                _ => {}
            }
        }
        same_name
    }

    /// The buffer, to append a field's name and then its value; [`Self::commit`] makes an entry of them.
    pub(super) fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Appends once more what lies at `range`, which an entry may yet lose.
    pub(super) fn append_again(&mut self, range: Range<usize>) {
        self.buffer.extend_from_within(range);
    }

    /// Makes an entry of what was appended from `start` on, and evicts what no longer fits. A field larger than the
    /// table empties it and is not kept (RFC 7541 §4.4). Its bytes stay readable until [`Self::settle`].
    pub(super) fn commit(&mut self, start: usize, name_bytes: usize) {
        let field_bytes = self.buffer.len() - start;
        let size = field_bytes + FIELD_OVERHEAD_BYTES;
        self.generation += 1;
        self.evict_to(self.size_max.saturating_sub(size));
        if size <= self.size_max {
            self.insertions += 1;
            self.size += size;
            self.entries.push_front(Entry {
                position: self.base + start,
                name_bytes: name_bytes as u32,
                value_bytes: (field_bytes - name_bytes) as u32,
                note: Note::NONE,
            });
        }
    }

    /// Cuts off what no entry names, when there is much of it.
    pub(super) fn settle(&mut self) {
        let end = self.base + self.buffer.len();
        let forgotten = self.entries.back().map_or(end, |oldest| oldest.position) - self.base;
        if forgotten < self.size_max.max(FORGOTTEN_BYTES_MIN) {
            return;
        }
        self.buffer.copy_within(forgotten.., 0);
        self.buffer.truncate(self.buffer.len() - forgotten);
        self.base += forgotten;
    }

    /// Gives back what a field larger than the table has made the buffer grow to.
    #[inline(always)]
    pub(super) fn release(&mut self) {
        if self.buffer.capacity() > self.buffer_bytes_max() {
            self.shrink();
        }
    }

    /// Gives back all memory but that of the entries, for a table that is not used for a while.
    pub(super) fn trim(&mut self) {
        let end = self.base + self.buffer.len();
        let forgotten = self.entries.back().map_or(end, |oldest| oldest.position) - self.base;
        self.buffer.drain(..forgotten);
        self.base += forgotten;
        self.buffer.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    #[cold]
    #[inline(never)]
    fn shrink(&mut self) {
        self.settle();
        self.buffer.shrink_to(self.buffer_bytes_max());
    }

    /// Sets the bound and evicts what no longer fits (RFC 7541 §4.3).
    pub(super) fn resize(&mut self, size_max: usize) {
        if size_max != self.size_max {
            self.generation += 1;
        }
        self.size_max = size_max;
        self.evict_to(size_max);
        self.settle();
    }

    /// What the buffer may keep allocated between blocks: twice what entries, forgotten bytes and one field come to.
    #[inline(always)]
    fn buffer_bytes_max(&self) -> usize {
        8 * self.size_max.max(FORGOTTEN_BYTES_MIN)
    }

    fn evict_to(&mut self, size_max: usize) {
        while self.size > size_max {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size -= oldest.size();
        }
    }
}
