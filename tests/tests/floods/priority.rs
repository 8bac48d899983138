//! CVE-2019-9513: priorities shuffled without end.

use prism_tests::{Wire, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS};

#[test]
fn that_change_all_the_time() {
    Flood::new("PRIORITY")
        .counted(&["priority_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many PRIORITY frames")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| {
                    let dependency = (2 * (act % 100) + 1).to_be_bytes();
                    let fields = [&dependency[..], &[(act % 256) as u8]].concat();
                    Wire::frame_bytes(kind::PRIORITY, 0, 2 * (act % 99) + 301, &fields)
                })
            })
        });
}
