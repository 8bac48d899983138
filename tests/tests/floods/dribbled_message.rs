//! A message in DATA frames of one byte each, as fast as they go. (Slow ones are in `slow_loris.rs`.)

use prism_tests::{Wire, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, SET};

#[test]
fn byte_by_byte() {
    Flood::new("a message byte by byte")
        .counted(&["fragments", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many small fragments of messages")
        .is_withstood(|address, clock| {
            let prefix = Wire::frame_bytes(kind::DATA, 0, 1, &[0, 0, 1, 0, 0]);
            let opening = [frames::open(1, SET), prefix].concat();
            flood(address, clock, &opening, |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::DATA, 0, 1, &[7]))
            })
        });
}
