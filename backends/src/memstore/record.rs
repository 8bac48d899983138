//! How a record lies in its slot: a header of 8 bytes, then what the header says is there, key and value.
//!
//! ```text
//! header (u64, little endian): key_bytes 12 | value_bytes 14 | namespace 4 | visited 1 | expires 1 |
//!                              place 31 | on probation 1
//! [namespace u16 if it does not fit the header] [expiry u64 and timer u32 if it expires] key value
//! ```
//!
//! In place of the value of a list are its elements or what leads to them (see `list/`); nodes of long lists are
//! records without a key. `value_bytes` cannot hold the length of a value that does not share a page. Such a record has
//! another layout, of which the expiry is a part whether it expires or not:
//!
//! ```text
//! header ... value key namespace u16, expiry, value_start u32
//! ```
//!
//! So the message of a Set becomes a record where it lies: before its value there is room for the header and behind it
//! for the rest. Namespace and place let the arena move a record: they lead back to the table's entry.

use std::ops::Range;

use super::list::list_bytes;
use super::place::{PLACE_BITS, Place};
use crate::limits::{ADOPTED_WASTE_MAX, KEY_BYTES_MAX, SLOT_BYTES_MAX};

pub(super) const HEADER_BYTES: usize = 8;
/// The moment of expiry, and the number of the timer.
pub(super) const EXPIRY_BYTES: usize = size_of::<u64>() + size_of::<u32>();
const KEY_MASK: u64 = (1 << 12) - 1;
const VALUE_SHIFT: u32 = 12;
const VALUE_MASK: u64 = (1 << 14) - 1;
/// In place of the value's length: the record has an allocation of its own.
const ALONE: u64 = VALUE_MASK;
/// In place of the value's length: no record here, and the next free slot in the place of the place.
const FREE: u64 = VALUE_MASK - 1;
/// What stands behind the key of a record that has an allocation of its own.
pub(super) const TAIL_BYTES: usize = size_of::<u16>() + EXPIRY_BYTES + size_of::<u32>();
/// In place of the value's length: a list, which says itself how long it is.
const LIST: u64 = VALUE_MASK - 2;
/// In place of the value's length: a node of a list, and in the place of the place its namespace.
const NODE: u64 = VALUE_MASK - 3;
/// Below this it is a value's length.
const MARKS: u64 = NODE;
const NAMESPACE_SHIFT: u32 = 26;
const NAMESPACE_MASK: u64 = (1 << 4) - 1;
/// In place of the namespace: it follows the header.
const NAMED: u64 = NAMESPACE_MASK;
const VISITED: u64 = 1 << 30;
const EXPIRES: u64 = 1 << 31;
const PROBATION: u64 = 1 << 63;
const PLACE_SHIFT: u32 = 32;

const _: () = {
    assert!(PLACE_SHIFT + PLACE_BITS <= 63);
    assert!(SLOT_BYTES_MAX < MARKS as usize && KEY_BYTES_MAX <= KEY_MASK as usize);
};

/// What the eviction policy notes of a record, in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was asked for since the policy looked at it.
    Visited,
    /// It is among the new ones.
    Probation,
}

impl Mark {
    fn bits(self) -> u64 {
        match self {
            Self::Visited => VISITED,
            Self::Probation => PROBATION,
        }
    }
}

/// Writes a value over that of the plain record at `offset` in `page`, which is as long and begins at `start`. What was
/// noted of the record is noted no more, as when it is written anew.
#[inline]
pub(super) fn overwrite_plain(page: &mut [u8], offset: usize, start: usize, value: &[u8]) {
    let Some(slot) = page.get_mut(offset..start + value.len()) else { return };
    slot[start - offset..].copy_from_slice(value);
    set_mark(slot, Mark::Probation, false);
    set_mark(slot, Mark::Visited, false);
}

/// Notes something of the record in `slot`, or takes the note away.
#[inline]
pub(super) fn set_mark(slot: &mut [u8], mark: Mark, is_set: bool) {
    let Some(header) = slot.first_chunk_mut::<HEADER_BYTES>() else { return };
    let before = u64::from_le_bytes(*header);
    let after = if is_set { before | mark.bits() } else { before & !mark.bits() };
    // What is not changed is not written: the line stays clean.
    if after != before {
        *header = after.to_le_bytes();
    }
}

/// When a record expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry {
    /// Monotonic time.
    pub(super) at_ns: u64,
    /// The number of its timer in the wheel.
    pub(super) timer: u32,
}

impl Expiry {
    fn to_bytes(self) -> [u8; EXPIRY_BYTES] {
        let mut bytes = [0; EXPIRY_BYTES];
        let (at, timer) = bytes.split_at_mut(size_of::<u64>());
        at.copy_from_slice(&self.at_ns.to_le_bytes());
        timer.copy_from_slice(&self.timer.to_le_bytes());
        bytes
    }
}

/// A record to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft<'a> {
    pub(super) namespace: u16,
    pub(super) place: Place,
    /// At most [`KEY_BYTES_MAX`].
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    /// The value is a list; it shares a page.
    pub(super) is_list: bool,
    pub(super) expiry: Option<Expiry>,
}

impl Draft<'_> {
    /// Bytes that the record takes.
    pub(super) fn bytes(&self) -> usize {
        let namespace = if u64::from(self.namespace) < NAMED { 0 } else { size_of::<u16>() };
        let expiry = if self.expiry.is_some() { EXPIRY_BYTES } else { 0 };
        let bytes = HEADER_BYTES + namespace + expiry + self.key.len() + self.value.len();
        // One that does not share a page has room for an expiry in any case, so that it never moves for that.
        if bytes > SLOT_BYTES_MAX { self.alone_bytes() } else { bytes }
    }

    /// The same with an allocation of its own.
    pub(super) fn alone_bytes(&self) -> usize {
        HEADER_BYTES + self.value.len() + self.key.len() + TAIL_BYTES
    }

    /// Writes the record to the front of `slot`; to all of it when the record has its own allocation.
    pub(super) fn write(&self, slot: &mut [u8], is_alone: bool) {
        if is_alone && !self.is_list {
            return self.write_alone(slot);
        }
        let value_bytes = if self.is_list { LIST } else { self.value.len() as u64 };
        let namespace = u64::from(self.namespace).min(NAMED);
        let mut header = self.key.len() as u64 | value_bytes << VALUE_SHIFT | namespace << NAMESPACE_SHIFT;
        header |= u64::from(self.place.pack()) << PLACE_SHIFT;
        let mut at = HEADER_BYTES;
        let mut put = |bytes: &[u8]| {
            slot[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        if namespace == NAMED {
            put(&self.namespace.to_le_bytes());
        }
        if let Some(expiry) = self.expiry {
            header |= EXPIRES;
            put(&expiry.to_bytes());
        }
        put(self.key);
        put(self.value);
        slot[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
    }

    fn write_alone(&self, slot: &mut [u8]) {
        let (rest, tail) = slot[HEADER_BYTES..].split_at_mut(self.value.len() + self.key.len());
        let (value, key) = rest.split_at_mut(self.value.len());
        value.copy_from_slice(self.value);
        key.copy_from_slice(self.key);
        tail.copy_from_slice(&alone_tail(self.namespace, HEADER_BYTES));
        let header = alone_header(self.namespace, self.place, self.key.len());
        slot[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
        set_expiry(slot, self.expiry);
    }
}

/// The header of a record that has an allocation of its own and no expiry.
fn alone_header(namespace: u16, place: Place, key_bytes: usize) -> u64 {
    let namespace = u64::from(namespace).min(NAMED);
    key_bytes as u64 | ALONE << VALUE_SHIFT | namespace << NAMESPACE_SHIFT | u64::from(place.pack()) << PLACE_SHIFT
}

/// Its end, for a value that begins at `value_start`.
fn alone_tail(namespace: u16, value_start: usize) -> [u8; TAIL_BYTES] {
    let mut tail = [0; TAIL_BYTES];
    tail[..size_of::<u16>()].copy_from_slice(&namespace.to_le_bytes());
    let value_start = u32::try_from(value_start).expect("values are shorter than 4 GiB, and so is what precedes them");
    tail[size_of::<u16>() + EXPIRY_BYTES..].copy_from_slice(&value_start.to_le_bytes());
    tail
}

/// Whether [`adopt`] can make a record of a message with key and value at these places.
pub(super) fn is_adoptable(message: &Vec<u8>, key: &Range<usize>, value: &Range<usize>) -> bool {
    let end = value.end + key.len() + TAIL_BYTES;
    let is_there = key.start <= key.end && key.end <= value.start && value.end <= message.len();
    // What the buffer has beyond the record is counted, but of use to nobody.
    is_there && value.start >= HEADER_BYTES && (end..=end + end / ADOPTED_WASTE_MAX).contains(&message.capacity())
}

/// Makes a record without an expiry of a message that is adoptable, in place.
pub(super) fn adopt(message: &mut Vec<u8>, key: Range<usize>, value: &Range<usize>, namespace: u16, place: Place) {
    message.truncate(value.end);
    let header = alone_header(namespace, place, key.len());
    message.extend_from_within(key);
    message.extend_from_slice(&alone_tail(namespace, value.start));
    message[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
}

/// A record as it lies in its slot, which may be longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    slot: &'a [u8],
    header: u64,
}

impl<'a> Record<'a> {
    #[inline]
    pub(super) fn new(slot: &'a [u8]) -> Self {
        let header = u64::from_le_bytes(*slot.first_chunk().expect("a slot is longer than a header"));
        Self { slot, header }
    }

    #[inline]
    fn namespace_field(self) -> u64 {
        self.header >> NAMESPACE_SHIFT & NAMESPACE_MASK
    }

    #[inline]
    fn namespace_bytes(self) -> usize {
        if self.namespace_field() == NAMED { size_of::<u16>() } else { 0 }
    }

    #[inline]
    fn is_alone(self) -> bool {
        self.value_field() == ALONE
    }

    /// Where the moment of expiry stands, if the record has one.
    #[inline]
    fn expiry_start(self) -> usize {
        if self.is_alone() {
            self.slot.len() - TAIL_BYTES + size_of::<u16>()
        } else {
            HEADER_BYTES + self.namespace_bytes()
        }
    }

    #[inline]
    fn key_start(self) -> usize {
        if self.is_alone() {
            return self.slot.len() - TAIL_BYTES - (self.header & KEY_MASK) as usize;
        }
        self.expiry_start() + if self.header & EXPIRES == 0 { 0 } else { EXPIRY_BYTES }
    }

    #[inline]
    fn key_end(self) -> usize {
        self.key_start() + (self.header & KEY_MASK) as usize
    }

    #[inline]
    fn value_field(self) -> u64 {
        self.header >> VALUE_SHIFT & VALUE_MASK
    }

    #[inline]
    pub(super) fn key(self) -> &'a [u8] {
        &self.slot[self.key_start()..self.key_end()]
    }

    #[inline]
    pub(super) fn value(self) -> &'a [u8] {
        if self.is_alone() {
            let start = u32::from_le_bytes(*self.slot.last_chunk().expect("such a record ends with it"));
            return &self.slot[start as usize..self.key_start()];
        }
        let start = self.key_end();
        match self.value_field() {
            LIST => &self.slot[start..start + list_bytes(&self.slot[start..])],
            bytes => &self.slot[start..start + bytes as usize],
        }
    }

    /// Where in the slot the value, or what there is of a list, begins.
    pub(super) fn value_start(self) -> usize {
        self.key_end()
    }

    /// Whether something is noted of it.
    pub(super) fn is_marked(self, mark: Mark) -> bool {
        self.header & mark.bits() != 0
    }

    /// Whether the value is a list.
    #[inline]
    pub(super) fn is_list(self) -> bool {
        self.value_field() == LIST
    }

    /// Whether this is a node of a list: then it has neither key nor value.
    pub(super) fn is_node(self) -> bool {
        self.value_field() == NODE
    }

    /// The bytes of the record, without what is free behind it; not for nodes.
    pub(super) fn bytes(self) -> usize {
        self.key_end() + self.value().len()
    }

    /// Whether a record is here at all.
    pub(super) fn is_live(self) -> bool {
        self.value_field() != FREE
    }

    /// The namespace that it belongs to.
    pub(super) fn namespace(self) -> u16 {
        if self.is_node() {
            return (self.header >> PLACE_SHIFT) as u16;
        }
        if self.namespace_field() != NAMED {
            return self.namespace_field() as u16;
        }
        let start = if self.is_alone() { self.slot.len() - TAIL_BYTES } else { HEADER_BYTES };
        u16::from_le_bytes(*self.slot[start..].first_chunk().expect("the header says that it is there"))
    }

    pub(super) fn place(self) -> Place {
        Place::unpack((self.header >> PLACE_SHIFT) as u32 & ((1 << PLACE_BITS) - 1))
    }

    /// When it expires, if it does.
    #[inline]
    pub(super) fn expiry(self) -> Option<Expiry> {
        if self.header & EXPIRES == 0 {
            return None;
        }
        let at = self.expiry_start();
        let (at_ns, rest) = self.slot[at..].split_first_chunk().expect("the header says that it is there");
        let timer = rest.first_chunk().expect("it comes with the expiry");
        Some(Expiry { at_ns: u64::from_le_bytes(*at_ns), timer: u32::from_le_bytes(*timer) })
    }

    /// Whether it has expired by `now_ns`.
    #[inline]
    pub(super) fn is_expired(self, now_ns: u64) -> bool {
        self.expiry().is_some_and(|expiry| expiry.at_ns <= now_ns)
    }
}

/// Changes when the record in `slot` expires, in place: what a record gains for that must be free behind it.
pub(super) fn set_expiry(slot: &mut [u8], expiry: Option<Expiry>) {
    let record = Record::new(slot);
    let (header, at) = (record.header, record.expiry_start());
    let (start, is_alone) = (record.key_start(), record.is_alone());
    let new_start = at + if expiry.is_some() { EXPIRY_BYTES } else { 0 };
    if !is_alone && new_start != start {
        slot.copy_within(start..record.bytes(), new_start);
    }
    let header = if expiry.is_some() { header | EXPIRES } else { header & !EXPIRES };
    slot[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
    if let Some(expiry) = expiry {
        slot[at..at + EXPIRY_BYTES].copy_from_slice(&expiry.to_bytes());
    }
}

/// Where in `page` the value of the record at `offset` lies, when it is this key's plain record: of a namespace whose
/// number fits the header, without an expiry, in a page with others. None says nothing.
///
/// All that makes a record plain is in its header's low half, beside the value's length, so that one comparison tells.
#[inline(always)]
pub(super) fn plain_value(page: &[u8], offset: usize, namespace: u16, key: &[u8]) -> Option<Range<usize>> {
    let key_start = offset + HEADER_BYTES;
    let header = u64::from_le_bytes(*page.get(offset..key_start)?.first_chunk()?);
    let expected = key.len() as u64 | u64::from(namespace) << NAMESPACE_SHIFT;
    let value_bytes = header >> VALUE_SHIFT & VALUE_MASK;
    let start = key_start + key.len();
    if header & u64::from(u32::MAX) & !(VALUE_MASK << VALUE_SHIFT | VISITED) != expected
        || u64::from(namespace) >= NAMED
        || value_bytes >= MARKS
        || !is_same(page.get(key_start..start)?, key)
    {
        return None;
    }
    let value = start..start + value_bytes as usize;
    // Whoever reads it need not look again.
    page.get(value.clone())?;
    Some(value)
}

/// Whether two keys of one length are the same. Keys are short: this costs less than a call of what compares at length.
#[inline(always)]
fn is_same(ours: &[u8], key: &[u8]) -> bool {
    const WORD: usize = size_of::<u64>();
    let (Some(our_first), Some(first)) = (ours.first_chunk::<WORD>(), key.first_chunk::<WORD>()) else {
        return ours == key;
    };
    // The last word may overlap the first.
    our_first == first
        && ours.last_chunk::<WORD>() == key.last_chunk::<WORD>()
        && (key.len() <= 2 * WORD || ours[WORD..] == key[WORD..])
}

/// Marks a slot as that of a node of a namespace's list.
pub(super) fn write_node(slot: &mut [u8], namespace: u16) {
    let header = NODE << VALUE_SHIFT | u64::from(namespace) << PLACE_SHIFT;
    slot[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
}

/// Marks a slot as free, with the slot that is free after it.
pub(super) fn write_free(slot: &mut [u8], next: u16) {
    let header = FREE << VALUE_SHIFT | u64::from(next) << PLACE_SHIFT;
    slot[..HEADER_BYTES].copy_from_slice(&header.to_le_bytes());
}

/// The free slot after this one.
pub(super) fn next_free(slot: &[u8]) -> u16 {
    (Record::new(slot).header >> PLACE_SHIFT) as u16
}

#[cfg(test)]
mod tests;
