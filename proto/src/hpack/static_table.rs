//! The static table of RFC 7541 Appendix A: the 61 fields that both ends know from the start.

/// Entries by index less one: name and value.
pub(crate) static ENTRIES: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// The field at `index` (from 1), if the static table has it.
#[inline(always)]
pub(super) fn get(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    ENTRIES.get(index.wrapping_sub(1)).copied()
}

/// The index (from 1) of the field that has this name and value, or else of the first with this name: `(index, whole)`.
pub(super) fn find(name: &[u8], value: &[u8]) -> Option<(usize, bool)> {
    let mut slot = hash(name);
    let first = loop {
        let index = usize::from(FIRST_BY_NAME[slot % SLOTS]);
        if ENTRIES.get(index.wrapping_sub(1))?.0 == name {
            break index;
        }
        slot += 1;
    };
    let same_name = usize::from(SAME_NAME[first - 1]);
    let whole = ENTRIES[first - 1..][..same_name].iter().position(|(_, known)| *known == value);
    Some((first + whole.unwrap_or(0), whole.is_some()))
}

/// Slots of [`FIRST_BY_NAME`]: more than twice the names, so that one is soon found to be free.
const SLOTS: usize = 128;

/// By hash, or in the next free slot, the index of a name's first field; 0 is a free slot.
static FIRST_BY_NAME: [u8; SLOTS] = build_first_by_name();

/// How many fields from this one on have its name; fields of one name stand together.
static SAME_NAME: [u8; ENTRIES.len()] = build_same_name();

/// The factors let 51 of the 52 names stand in their own slot.
const fn hash(name: &[u8]) -> usize {
    let Some(&last) = name.last() else { return 0 };
    (name.len() * 2 + name[0] as usize * 3 + name[name.len() / 2] as usize * 37 + last as usize * 6) % SLOTS
}

const fn build_first_by_name() -> [u8; SLOTS] {
    let mut built = [0; SLOTS];
    let same_name = build_same_name();
    let mut index = 0;
    while index < ENTRIES.len() {
        let mut slot = hash(ENTRIES[index].0);
        while built[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        built[slot] = index as u8 + 1;
        index += same_name[index] as usize;
    }
    built
}

const fn build_same_name() -> [u8; ENTRIES.len()] {
    let mut built = [1; ENTRIES.len()];
    let mut index = ENTRIES.len() - 1;
    while index > 0 {
        if is_equal(ENTRIES[index - 1].0, ENTRIES[index].0) {
            built[index - 1] = built[index] + 1;
        }
        index -= 1;
    }
    built
}

const fn is_equal(left: &[u8], right: &[u8]) -> bool {
    let mut position = 0;
    while position < left.len() && position < right.len() && left[position] == right[position] {
        position += 1;
    }
    position == left.len() && position == right.len()
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, FIRST_BY_NAME, find};

    /// The same by looking at each entry.
    fn find_slowly(name: &[u8], value: &[u8]) -> Option<(usize, bool)> {
        let whole = ENTRIES.iter().position(|entry| *entry == (name, value));
        let named = ENTRIES.iter().position(|entry| entry.0 == name);
        whole.map(|position| (position + 1, true)).or(named.map(|position| (position + 1, false)))
    }

    #[test]
    fn finds_what_a_search_finds() {
        for (name, value) in ENTRIES {
            for value in [value, b"", b"another"] {
                assert_eq!(find(name, value), find_slowly(name, value));
            }
        }
        for name in ["", ":", ":paths", "grpc-status", "te", "a", "zzzz"] {
            assert_eq!(find(name.as_bytes(), b""), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_absent_meets_a_free_slot() {
        assert!(FIRST_BY_NAME.iter().filter(|&&index| index == 0).count() > FIRST_BY_NAME.len() / 2);
    }
}
