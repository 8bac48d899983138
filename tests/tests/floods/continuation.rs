//! CVE-2024-27316: a header block that never ends.

use prism_tests::{Wire, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, GET};

#[test]
fn without_end() {
    Flood::new("CONTINUATION without end")
        .counted(&["continuations", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many CONTINUATION frames")
        .is_withstood(|address, clock| {
            let opening = Wire::frame_bytes(kind::HEADERS, 0, 1, &Wire::request_block(GET));
            flood(address, clock, &opening, |round| {
                // `x: y` over and over, without indexing.
                let part = [0, 1, b'x', 1, b'y'].repeat(3_000);
                frames::acts(round, 4, |_| Wire::frame_bytes(kind::CONTINUATION, 0, 1, &part))
            })
        });
}
