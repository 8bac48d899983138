//! What a scan promises, against a map that changes under it in the same way.

use super::*;
use crate::limits::{BUCKET_SLOTS, PROBE_BUCKETS_MAX, SCAN_WORK_PER_PAGE};
use crate::{Content, Position, Scan};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A position that can be kept, as a cursor keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mark {
    place: u64,
    key: Vec<u8>,
}

impl From<Position<'_>> for Mark {
    fn from(position: Position<'_>) -> Self {
        Self { place: position.place, key: position.key.to_vec() }
    }
}

/// A page as a test looks at it: keys and values, each with the position behind it; and where the next one begins.
type Page = (Vec<(Vec<u8>, Vec<u8>, Mark)>, Option<Mark>);

const ALL: Scan<'static> = Scan {
    prefix: b"",
    from: Position { place: 0, key: b"" },
    content: Content::Entries,
    entries_max: u32::MAX,
    bytes_max: 1 << 20,
    first_bytes_max: 1 << 20,
};

fn page(bench: &mut Bench, scan: Scan<'_>, from: &Mark) -> Page {
    let scan = Scan { from: Position { place: from.place, key: &from.key }, ..scan };
    let Ok(Reply::Scan(page)) = bench.execute(Command::Scan(scan)) else { panic!("a scan is answered by a page") };
    assert!(page.work() <= SCAN_WORK_PER_PAGE + PROBE_BUCKETS_MAX + 1, "{}", page.work());
    assert!(page.len() <= scan.entries_max as usize);
    let entries = page.entries().map(|entry| (entry.key.to_vec(), entry.value.to_vec(), Mark::from(entry.after)));
    (entries.collect(), page.next().map(Mark::from))
}

/// All that is left from a position on, by whole pages.
fn rest(bench: &mut Bench, scan: Scan<'_>, mut from: Mark) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    loop {
        let (entries, next) = page(bench, scan, &from);
        keys.extend(entries.into_iter().map(|(key, ..)| key));
        let Some(next) = next else { return keys };
        assert_ne!(next, from, "every page goes on");
        from = next;
    }
}

fn filled(keys: usize) -> Bench {
    let mut bench = Bench::new(256 << 20);
    for index in 0..keys {
        bench.set(&key(index), &value(index, 20)).unwrap();
    }
    bench
}

#[test]
fn every_key_is_returned_once_and_with_its_value() {
    for keys in [0, 1, 100, 20_000] {
        let mut bench = filled(keys);
        let (mut seen, mut from) = (BTreeMap::new(), Some(Mark::default()));
        while let Some(mark) = from {
            let (entries, next) = page(&mut bench, ALL, &mark);
            for (key, value, _) in entries {
                assert_eq!(seen.insert(key, value), None);
            }
            from = next;
        }
        let expected: BTreeMap<_, _> = (0..keys).map(|index| (key(index), value(index, 20))).collect();
        assert!(seen == expected, "{} of {keys} keys", seen.len());
    }
}

#[test]
fn a_prefix_is_plain_bytes() {
    let mut bench = Bench::new(64 << 20);
    let keys: [&[u8]; 7] = [b"a", b"a*", b"a*b", b"ab", b"b", b"\xc3\xa4", b"\xc3\xa4a"];
    for key in keys {
        bench.set(key, b"v").unwrap();
    }
    for prefix in [&b""[..], b"a", b"a*", b"c", b"\xc3", b"\xc3\xa4", b"a*bc"] {
        let mut found = rest(&mut bench, Scan { prefix, ..ALL }, Mark::default());
        found.sort();
        let expected: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).map(|key| key.to_vec()).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn other_namespaces_and_expired_keys_are_not_seen() {
    let mut bench = Bench::new(64 << 20);
    bench.set(b"stays", b"v").unwrap();
    bench.set_for(b"goes", b"v", 1).unwrap();
    assert_eq!(rest(&mut bench, ALL, Mark::default()).len(), 2);
    bench.now_ns += SECOND;
    assert_eq!(rest(&mut bench, ALL, Mark::default()), [b"stays"]);
    bench.namespace = 1;
    assert_eq!(rest(&mut bench, ALL, Mark::default()).len(), 0);
}

#[test]
fn a_scan_goes_on_behind_any_entry() {
    let mut bench = filled(2_000);
    let mut from = Mark::default();
    let mut marks = Vec::new();
    loop {
        let (entries, next) = page(&mut bench, Scan { entries_max: 7, ..ALL }, &from);
        marks.extend(entries.into_iter().map(|(key, _, after)| (key, after)));
        let Some(next) = next else { break };
        from = next;
    }
    assert_eq!(marks.len(), 2_000);
    let order: Vec<_> = marks.iter().map(|(key, _)| key.clone()).collect();
    for (index, (_, after)) in marks.iter().enumerate().step_by(97) {
        assert_eq!(rest(&mut bench, ALL, after.clone()), order[index + 1..]);
    }
    let (_, last) = &marks[1_999];
    assert_eq!(page(&mut bench, ALL, last), (Vec::new(), None));
}

/// Places of every kind: the walk comes to an end wherever it begins.
#[test]
fn a_position_that_is_nobodys_is_harmless() {
    let mut bench = filled(1_000);
    for place in [1, 12_345_678, 1 << 30, (1 << 31) - 1, 1 << 31, 1 << 32, u64::MAX] {
        for key in [&b""[..], b"key", &[0xff; 2_000]] {
            assert!(rest(&mut bench, ALL, Mark { place, key: key.to_vec() }).len() <= 1_000);
        }
    }
}

#[test]
fn counting_looks_at_all_and_returns_nothing() {
    let mut bench = filled(5_000);
    let (mut from, mut count) = (Mark::default(), 0);
    loop {
        let scan =
            Scan { from: Position { place: from.place, key: &from.key }, content: Content::Count, bytes_max: 0, ..ALL };
        let Ok(Reply::Scan(page)) = bench.execute(Command::Scan(scan)) else { panic!("it is answered by a page") };
        count += page.len();
        assert_eq!(page.entries().count(), 0);
        let Some(next) = page.next() else { break };
        from = next.into();
    }
    assert_eq!(count, 5_000);
}

/// A turn does no more for a scan of a large table than for one of a small one, and no less when there is nothing left
/// to find.
#[test]
fn the_work_of_a_page_is_bounded_and_used() {
    let mut bench = filled(100_000);
    let Ok(Reply::Scan(page)) = bench.execute(Command::Scan(ALL)) else { panic!("it is answered by a page") };
    assert!((SCAN_WORK_PER_PAGE / 2..=SCAN_WORK_PER_PAGE).contains(&page.len()), "{}", page.len());
    let nothing = Scan { prefix: b"nothing", ..ALL };
    let mut pages = 0;
    let mut from = Some(Mark::default());
    while let Some(mark) = from {
        let (entries, next) = self::page(&mut bench, nothing, &mark);
        assert!(entries.is_empty());
        (pages, from) = (pages + 1, next);
    }
    // Each entry is looked at once, and its bucket; entries that overflowed are found from an earlier one.
    let looks = 100_000 + 2 * 100_000 / BUCKET_SLOTS * 2;
    assert!(pages <= looks / SCAN_WORK_PER_PAGE + 1, "{pages} pages");
}

#[derive(Debug, Clone)]
enum Step {
    /// Adds or rewrites so many keys, from one on; more at a time make the table split.
    Set {
        first: usize,
        count: usize,
    },
    Delete {
        first: usize,
        count: usize,
    },
    /// Goes on for one page.
    Page {
        entries_max: u32,
        bytes_max: usize,
    },
    /// Goes on behind one of the entries of the last page instead of its end.
    CutAt(prop::sample::Index),
}

const KEYS: usize = 4_000;
/// Keys that nobody touches.
const STEADY: std::ops::Range<usize> = KEYS..KEYS + 500;

fn step() -> impl Strategy<Value = Step> {
    let run = (0..KEYS, prop_oneof![3 => 1usize..20, 1 => 100usize..1_500]);
    prop_oneof![
        2 => run.clone().prop_map(|(first, count)| Step::Set { first, count }),
        2 => run.prop_map(|(first, count)| Step::Delete { first, count }),
        4 => (prop_oneof![1u32..10, Just(u32::MAX)], prop_oneof![Just(1usize << 20), 100usize..5_000])
            .prop_map(|(entries_max, bytes_max)| Step::Page { entries_max, bytes_max }),
        1 => any::<prop::sample::Index>().prop_map(Step::CutAt),
    ]
}

/// Scans while the store changes. Keys that were there from the beginning to the end are returned exactly once, and no
/// key twice, however often it is deleted and written again.
fn run(steps: &[Step], hash_mask: u64) {
    let mut bench = Bench::new(64 << 20);
    let hash = |bench: &mut Bench, index: usize| bench.hash = Some(bench.hasher.hash(0, &key(index)) & hash_mask);
    // Half of the keys and the steady ones.
    let mut there: BTreeSet<usize> = (0..KEYS).step_by(2).chain(STEADY).collect();
    there.retain(|&index| {
        hash(&mut bench, index);
        // Where hashes are alike, not all find room.
        bench.set(&key(index), b"first").is_ok()
    });
    let mut throughout = there.clone();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut from = Some(Mark::default());
    let mut last: Vec<(usize, Mark)> = Vec::new();
    for step in steps {
        match step {
            Step::Set { first, count } => {
                for index in (*first..first + count).map(|index| index % KEYS) {
                    hash(&mut bench, index);
                    if bench.set(&key(index), &value(index, 10)).is_ok() {
                        there.insert(index);
                    }
                }
            }
            Step::Delete { first, count } => {
                for index in (*first..first + count).map(|index| index % KEYS) {
                    hash(&mut bench, index);
                    assert_eq!(bench.delete(&key(index)), there.remove(&index));
                    throughout.remove(&index);
                }
            }
            Step::Page { entries_max, bytes_max } => {
                let Some(mark) = from.clone() else { continue };
                let scan = Scan { entries_max: *entries_max, bytes_max: *bytes_max, ..ALL };
                let (entries, next) = page(&mut bench, scan, &mark);
                last.clear();
                for (key, _, after) in entries {
                    last.push((seen.len(), after));
                    seen.push(key);
                }
                from = next;
            }
            // A client that goes on behind an entry has not taken those behind it.
            Step::CutAt(index) if !last.is_empty() => {
                let (at, after) = index.get(&last).clone();
                seen.truncate(at + 1);
                last.retain(|(other, _)| *other <= at);
                from = Some(after);
            }
            Step::CutAt(_) => {}
        }
    }
    if let Some(mark) = from {
        seen.extend(rest(&mut bench, ALL, mark));
    }
    let distinct: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "a key was returned twice");
    for index in throughout {
        assert!(distinct.contains(&key(index)), "{index} was there throughout and is missing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_is_exact_while_the_store_changes(steps in prop::collection::vec(step(), 1..120)) {
        run(&steps, u64::MAX);
    }

    /// So many keys share a place that it matters which of them was the last.
    #[test]
    fn a_scan_is_exact_when_hashes_collide(steps in prop::collection::vec(step(), 1..120)) {
        run(&steps, 0x0000_007F_3000_0000);
    }
}
