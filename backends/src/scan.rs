//! A scan page by page: what is asked for, and what comes of it, packed so that it can cross to another shard.
//!
//! The backend keeps nothing between two pages: where the next one begins is part of the answer.

use crate::limits::SCAN_ENTRY_BYTES;

/// One page that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The keys sought begin with these bytes.
    pub prefix: &'a [u8],
    /// Where the page begins.
    pub from: Position<'a>,
    /// What is wanted of each entry.
    pub content: Content,
    /// At most so many entries.
    pub entries_max: u32,
    /// At most so many bytes, as [`ScanPage`] counts them.
    pub bytes_max: usize,
    /// The same for a page of one entry, so that one that is longer can be had alone.
    pub first_bytes_max: usize,
}

/// What a scan wants of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing: entries are counted.
    Count,
    /// The key.
    Keys,
    /// Key and value.
    Entries,
}

/// A place between two entries of a backend's order, whatever is inserted or deleted around it. Its parts mean
/// something to that backend alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position<'a> {
    /// The place reached; 0 is the beginning.
    pub place: u64,
    /// The last key seen of several that share the place; else empty.
    pub key: &'a [u8],
}

/// What was found: entries, and where the next page begins.
///
/// An entry counts as its key, its value if that was asked for, the key in its position if there is one, and
/// [`SCAN_ENTRY_BYTES`] for what surrounds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanPage {
    /// The entries: header, key, value.
    packed: Vec<u8>,
    entries: u32,
    bytes: usize,
    /// Where the next page begins; nothing after the last one.
    next: Option<u64>,
    next_key: Vec<u8>,
    needed_bytes: usize,
    work: u32,
}

/// The header of a packed entry: the lengths of key and value, the place after it, and whether its key belongs to that.
const HEADER_BYTES: usize = 4 + 4 + 8 + 1;

/// One entry of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanEntry<'p> {
    /// Its key.
    pub key: &'p [u8],
    /// Its value; empty unless it was asked for.
    pub value: &'p [u8],
    /// The position behind it.
    pub after: Position<'p>,
}

impl ScanPage {
    /// Empties the page for another one; memory that only a long entry needed is given up.
    pub fn begin(&mut self) {
        self.packed.clear();
        self.next_key.clear();
        let Self { packed, next_key, .. } = std::mem::take(self);
        (self.packed, self.next_key) = (packed, next_key);
    }

    /// Adds an entry, or counts it, unless `scan` asks for no more; false then.
    pub fn push(&mut self, scan: &Scan<'_>, entry: &ScanEntry<'_>) -> bool {
        let value = if scan.content == Content::Entries { entry.value } else { &[] };
        if self.entries >= scan.entries_max {
            return false;
        }
        if scan.content != Content::Count {
            let bytes = SCAN_ENTRY_BYTES + entry.key.len() + value.len() + entry.after.key.len();
            let is_first = self.entries == 0;
            let is_allowed = self.bytes + bytes <= scan.bytes_max || (is_first && bytes <= scan.first_bytes_max);
            if !is_allowed {
                self.needed_bytes = if is_first { bytes } else { 0 };
                return false;
            }
            self.bytes += bytes;
            self.pack(entry.key, value, entry.after);
        }
        self.entries += 1;
        true
    }

    fn pack(&mut self, key: &[u8], value: &[u8], after: Position<'_>) {
        let length =
            |bytes: &[u8]| u32::try_from(bytes.len()).expect("what a message brought fits 32 bits").to_le_bytes();
        debug_assert!(after.key.is_empty() || after.key == key, "a place is shared by the key behind it");
        self.packed.reserve(HEADER_BYTES + key.len() + value.len());
        self.packed.extend_from_slice(&length(key));
        self.packed.extend_from_slice(&length(value));
        self.packed.extend_from_slice(&after.place.to_le_bytes());
        self.packed.push(u8::from(!after.key.is_empty()));
        self.packed.extend_from_slice(key);
        self.packed.extend_from_slice(value);
    }

    /// Says where the next page begins.
    pub fn go_on_at(&mut self, next: Position<'_>) {
        self.next = Some(next.place);
        self.next_key.clear();
        self.next_key.extend_from_slice(next.key);
    }

    /// Counts what was done for the page: each bucket and each entry looked at is one.
    pub fn spend(&mut self, work: usize) {
        self.work = self.work.saturating_add(u32::try_from(work).unwrap_or(u32::MAX));
    }

    /// How much was done for it.
    pub fn work(&self) -> usize {
        self.work as usize
    }

    /// How many entries were found.
    pub fn len(&self) -> usize {
        self.entries as usize
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes that the page takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.packed.len() + self.next_key.len()
    }

    /// The memory that its entries have.
    pub fn capacity(&self) -> usize {
        self.packed.capacity()
    }

    /// Where the next page begins; nothing when there is none.
    pub fn next(&self) -> Option<Position<'_>> {
        self.next.map(|place| Position { place, key: &self.next_key })
    }

    /// When the page is empty because its first entry is too long: how many bytes it counts.
    pub fn needed_bytes(&self) -> Option<usize> {
        (self.needed_bytes > 0).then_some(self.needed_bytes)
    }

    /// The entry, when it is the only one.
    pub fn only(&self) -> Option<ScanEntry<'_>> {
        if self.entries == 1 { self.entries().next() } else { None }
    }

    /// The entries, if they were not only counted.
    pub fn entries(&self) -> impl Iterator<Item = ScanEntry<'_>> {
        let mut rest = &self.packed[..];
        std::iter::from_fn(move || {
            let (header, bytes) = rest.split_first_chunk::<HEADER_BYTES>()?;
            let length = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (place, _) = header[8..].split_first_chunk::<8>()?;
            let (key, bytes) = bytes.split_at(length(0) as usize);
            let (value, bytes) = bytes.split_at(length(4) as usize);
            rest = bytes;
            let shared_key = if header[HEADER_BYTES - 1] == 0 { &[][..] } else { key };
            Some(ScanEntry { key, value, after: Position { place: u64::from_le_bytes(*place), key: shared_key } })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: Scan<'static> = Scan {
        prefix: b"",
        from: Position { place: 0, key: b"" },
        content: Content::Entries,
        entries_max: 3,
        bytes_max: 1_000,
        first_bytes_max: 1_000,
    };

    fn entry<'a>(key: &'a [u8], value: &'a [u8], shares: bool) -> ScanEntry<'a> {
        ScanEntry { key, value, after: Position { place: 1 << 40, key: if shares { key } else { b"" } } }
    }

    #[test]
    fn what_is_packed_is_read() {
        let mut page = ScanPage::default();
        let entries = [entry(b"a", b"", false), entry(b"key", b"value", true), entry(b"z", &[7; 300], false)];
        assert!(entries.iter().all(|entry| page.push(&SCAN, entry)));
        assert!(!page.push(&SCAN, &entries[0]), "no more than were asked for");
        assert_eq!(page.entries().collect::<Vec<_>>(), entries);
        assert_eq!((page.len(), page.next(), page.needed_bytes()), (3, None, None));
        page.go_on_at(entries[1].after);
        assert_eq!(page.clone().next(), Some(entries[1].after));
        page.begin();
        assert_eq!(page, ScanPage::default());
    }

    #[test]
    fn keys_come_without_values_and_a_count_without_either() {
        for (content, expected) in [(Content::Keys, vec![entry(b"key", b"", false)]), (Content::Count, vec![])] {
            let mut page = ScanPage::default();
            assert!(page.push(&Scan { content, ..SCAN }, &entry(b"key", b"value", false)));
            assert_eq!((page.len(), page.entries().collect::<Vec<_>>()), (1, expected));
        }
    }

    #[test]
    fn bytes_are_bounded_and_a_long_entry_says_what_it_needs() {
        let long = entry(b"key", &[7; 500], false);
        let needed = SCAN_ENTRY_BYTES + 503;
        let tight = Scan { bytes_max: 2 * needed - 1, first_bytes_max: 0, ..SCAN };
        let mut page = ScanPage::default();
        assert!(page.push(&tight, &long) && !page.push(&tight, &long));
        assert_eq!(page.needed_bytes(), None, "it comes with the next page");
        page.begin();
        let tighter = Scan { bytes_max: 10, first_bytes_max: needed - 1, ..SCAN };
        assert!(!page.push(&tighter, &long));
        assert_eq!((page.len(), page.needed_bytes()), (0, Some(needed)));
        page.begin();
        assert!(page.push(&Scan { bytes_max: 10, first_bytes_max: needed, ..SCAN }, &long));
    }
}
