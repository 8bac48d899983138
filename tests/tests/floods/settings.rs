//! CVE-2019-9515: SETTINGS, each of which wants an acknowledgement, and changes the windows of all streams.

use prism_tests::{Wire, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET, INITIAL_WINDOW_SIZE};

#[test]
fn that_say_nothing() {
    Flood::new("SETTINGS")
        .counted(&["settings_received", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many SETTINGS frames")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::SETTINGS, 0, 0, &[]))
            })
        });
}

#[test]
fn that_change_a_thousand_windows() {
    Flood::new("SETTINGS that move 1,000 windows")
        .counted(&["settings_received", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many SETTINGS frames")
        .is_withstood(|address, clock| {
            let opening = frames::acts(0, 1_000, |act| frames::open(2 * act + 1, GET));
            flood(address, clock, &opening, |round| {
                frames::acts(round, ACTS, |act| frames::setting(INITIAL_WINDOW_SIZE, act % 2))
            })
        });
}
