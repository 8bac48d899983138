//! Goodbyes without end, from a client that has a call open and so does not go.

use prism_tests::{Wire, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, WATCH};

#[test]
fn again_and_again() {
    Flood::new("GOAWAY")
        .counted(&["stray_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many frames that are unknown or that nothing asked for")
        .is_withstood(|address, clock| {
            let opening = frames::call(1, WATCH, &[0; 5]);
            flood(address, clock, &opening, |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::GOAWAY, 0, 0, &[0; 8]))
            })
        });
}
