//! CVE-2019-9511 and CVE-2019-9517: a large reply, let go byte by byte.

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET, INITIAL_WINDOW_SIZE, SET};

/// Stores a value and asks for it on streams without a window.
fn opening(value_bytes: usize, calls: u32) -> Vec<u8> {
    let mut bytes = frames::setting(INITIAL_WINDOW_SIZE, 0);
    bytes.extend(frames::call(1, SET, &frames::set_body("large", value_bytes)));
    bytes.extend((0..calls).flat_map(|call| frames::call(2 * call + 3, GET, &frames::get_body("large"))));
    bytes
}

#[test]
fn by_increments_of_one_byte() {
    Flood::new("windows of 1 byte")
        .counted(&["small_windows", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many small window increments")
        .is_withstood(|address, clock| {
            flood(address, clock, &opening(10_000, 100), |round| {
                frames::acts(round, ACTS, |act| frames::window_update(2 * (act % 100) + 3, 1))
            })
        });
}

/// All streams' windows at once, by one SETTINGS frame each time.
#[test]
fn by_the_initial_window() {
    Flood::new("initial windows that grow by a byte")
        .counted(&["settings_received", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many SETTINGS frames")
        .is_withstood(|address, clock| {
            flood(address, clock, &opening(10_000, 100), |round| {
                frames::acts(round, 16, |act| frames::setting(INITIAL_WINDOW_SIZE, act + 1))
            })
        });
}
