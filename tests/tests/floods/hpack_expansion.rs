//! HPACK bombs: one large entry of the table, named by one byte each time.

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS};

/// HEADERS that put `x: yyy...` with nearly 4 KiB into the table (RFC 7541 §6.2.1).
fn large_entry(stream: u32) -> Vec<u8> {
    // 4,000 as an integer with a prefix of seven bits: 127, then 3,873.
    let mut block = vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    block.resize(block.len() + 4_000, b'y');
    frames::headers(stream, &block)
}

/// Lists of a few times the limit: each is refused by itself, and many of them are too many.
#[test]
fn by_a_little() {
    Flood::new("HPACK expansion to 40 KB")
        .counted(&["long_header_lists", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many header lists above SETTINGS_MAX_HEADER_LIST_SIZE")
        .is_withstood(|address, clock| {
            flood(address, clock, &large_entry(1), |round| {
                frames::acts(round, ACTS, |act| frames::headers(2 * act + 3, &[0xbe; 10]))
            })
        });
}

/// A frame of 16 KB that stands for 64 MB.
#[test]
fn beyond_all_measure() {
    Flood::new("HPACK expansion to 64 MB")
        .counted(&["ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "expands beyond all measure")
        .is_withstood(|address, clock| {
            flood(address, clock, &large_entry(1), |round| {
                frames::acts(round, 4, |act| frames::headers(2 * act + 3, &[0xbe; 16_000]))
            })
        });
}

/// New entries that take their long name from the table: each is copied (RFC 7541 §6.2.1).
#[test]
fn by_copies() {
    Flood::new("HPACK copies of a long name")
        .counted(&["ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "expands beyond all measure")
        .is_withstood(|address, clock| {
            // A name of 4,000 bytes and no value.
            let mut block = vec![0x40, 0x7f, 0xa1, 0x1e];
            block.resize(block.len() + 4_000, b'y');
            block.push(0);
            let opening = frames::headers(1, &block);
            flood(address, clock, &opening, |round| {
                frames::acts(round, 4, |act| frames::headers(2 * act + 3, &[0x7e, 0].repeat(8_000)))
            })
        });
}
