//! The size of the header table to and fro: ours by SETTINGS, the client's by updates inside its blocks.

use prism_tests::Wire;

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET, HEADER_TABLE_SIZE};

#[test]
fn by_settings() {
    Flood::new("SETTINGS_HEADER_TABLE_SIZE to and fro")
        .counted(&["settings_received", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many SETTINGS frames")
        .is_withstood(|address, clock| {
            let body = frames::get_body("k");
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| {
                    let setting = frames::setting(HEADER_TABLE_SIZE, (act % 2) * 4_096);
                    [setting, frames::call(2 * act + 1, GET, &body)].concat()
                })
            })
        });
}

/// Size 0 and 4,096 at the start of a block.
const TO_AND_FRO: [u8; 4] = [0x20, 0x3f, 0xe1, 0x1f];

#[test]
fn by_updates_in_blocks() {
    Flood::new("table size updates in blocks")
        .counted(&["table_resizes", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many header table size updates")
        .is_withstood(|address, clock| {
            let block = [&TO_AND_FRO[..], &Wire::request_block("/none/Such")].concat();
            flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| frames::headers(2 * act + 1, &block)))
        });
}

#[test]
fn by_many_updates_in_one_block() {
    Flood::new("4,000 table size updates in one block")
        .counted(&["ended_compression_error"])
        .ends(code::COMPRESSION_ERROR, "more table size updates than a block needs")
        .is_withstood(|address, clock| {
            let block = TO_AND_FRO.repeat(4_000);
            flood(address, clock, &[], |round| frames::acts(round, 4, |act| frames::headers(2 * act + 1, &block)))
        });
}
