//! Scanning: a walk over home buckets, and within each over the prefixes of all segments.
//!
//! Both are parts of the key's hash, so an entry has its place in this order for as long as it lives, whatever shape
//! the table takes around it. A page begins where the last one ended, exactly: behind a place, or, when several entries
//! share one, behind the key that was seen last, for those go by their keys. So a key that is there throughout is
//! returned once, and none twice.

use super::MemStore;
use super::arena::Arena;
use super::place::{PLACE_BITS, Place};
use super::record::Record;
use super::word::Word;
use crate::limits::{BUCKET_SLOTS, PROBE_BUCKETS_MAX, SCAN_PAGE_BYTES_KEPT, SCAN_WORK_PER_PAGE};
use crate::scan::{Position, Scan, ScanEntry, ScanPage};
use crate::{Content, Context};

/// Beyond the last place.
const END: u32 = 1 << PLACE_BITS;

/// The entries of one home bucket in one segment.
struct Group {
    words: [Word; BUCKET_SLOTS * PROBE_BUCKETS_MAX],
    len: usize,
}

impl Group {
    fn new() -> Self {
        Self { words: [Word::EMPTY; BUCKET_SLOTS * PROBE_BUCKETS_MAX], len: 0 }
    }

    fn push(&mut self, word: Word) {
        self.words[self.len] = word;
        self.len += 1;
    }

    /// In the order of the scan.
    fn sorted(&mut self, arena: &Arena) -> &[Word] {
        let words = &mut self.words[..self.len];
        let key = |word: &Word| arena.record(word.reference()).key();
        words.sort_unstable_by(|a, b| a.prefix().cmp(&b.prefix()).then_with(|| key(a).cmp(key(b))));
        words
    }
}

impl MemStore {
    /// The page of a scan. It looks at [`SCAN_WORK_PER_PAGE`] buckets and entries, and at no more than a group of them
    /// beyond.
    #[inline(never)]
    pub(super) fn scan(&mut self, context: &Context, scan: &Scan<'_>) -> &ScanPage {
        let Self { tables, arena, page, .. } = self;
        let table = &tables[usize::from(context.namespace)];
        page.begin();
        let mut at = scan.from;
        // A position that nobody got from here is one beyond the end.
        while let Ok(step @ ..END) = u32::try_from(at.place) {
            if page.work() >= SCAN_WORK_PER_PAGE {
                page.go_on_at(at);
                break;
            }
            let place = Place::at_step(step);
            let mut group = Group::new();
            let homed = table.homed(place, |word| {
                if word.prefix() >= place.prefix {
                    group.push(word);
                }
            });
            let Some((last_prefix, buckets)) = homed else { break };
            page.spend(buckets);
            let words = group.sorted(arena);
            touch(words, arena);
            if let Err(stopped) = walk(words, at, place.home, arena, |record, after| {
                page.spend(1);
                if page.work() > SCAN_WORK_PER_PAGE {
                    return false;
                }
                let is_sought = record.key().starts_with(scan.prefix) && is_visible(record, context.now_ns);
                !is_sought || push(page, scan, record, after)
            }) {
                page.go_on_at(stopped);
                break;
            }
            let last = Place { prefix: last_prefix, home: place.home };
            at = Position { place: u64::from(last.step()) + 1, key: &[] };
        }
        page
    }

    /// Gives up the memory of a page that had to hold a long value.
    pub(super) fn forget_long_page(&mut self) {
        if self.page.capacity() > SCAN_PAGE_BYTES_KEPT {
            self.page = ScanPage::default();
        }
    }
}

/// Reads a word of each record, whatever comes of it: these reads wait for memory together, where those of a walk would
/// do so one after the other.
fn touch(words: &[Word], arena: &Arena) {
    let all = words.iter().fold(false, |all, word| all ^ arena.record(word.reference()).is_live());
    std::hint::black_box(all);
}

/// Whether a scan returns the entry: plain keys that have not expired.
fn is_visible(record: Record<'_>, now_ns: u64) -> bool {
    !record.is_list() && !record.is_expired(now_ns)
}

fn push(page: &mut ScanPage, scan: &Scan<'_>, record: Record<'_>, after: Position<'_>) -> bool {
    let value = if scan.content == Content::Entries { record.value() } else { &[] };
    page.push(scan, &ScanEntry { key: record.key(), value, after })
}

/// Shows `look` each of the sorted words behind the position `at`, with the position behind it in turn; when it wants
/// no more, the position before what it was shown last.
fn walk<'a>(
    words: &[Word],
    mut at: Position<'a>,
    home: usize,
    arena: &'a Arena,
    mut look: impl FnMut(Record<'a>, Position<'a>) -> bool,
) -> Result<(), Position<'a>> {
    for (index, word) in words.iter().enumerate() {
        let record = arena.record(word.reference());
        let prefix = word.prefix();
        let place = u64::from(Place { prefix, home }.step());
        let is_shared = words.get(index + 1).is_some_and(|next| next.prefix() == prefix);
        let after =
            if is_shared { Position { place, key: record.key() } } else { Position { place: place + 1, key: &[] } };
        if place == at.place && !at.key.is_empty() && record.key() <= at.key {
            continue;
        }
        if !look(record, after) {
            return Err(at);
        }
        at = after;
    }
    Ok(())
}
