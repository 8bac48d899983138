//! Frames of types that nobody knows, which are to be ignored (RFC 9113 §5.5), and answers to no question.

use prism_tests::{Wire, flag, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET};

const TOO_MANY: &str = "too many frames that are unknown or that nothing asked for";

#[test]
fn of_an_unknown_type() {
    Flood::new("unknown frames")
        .counted(&["stray_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, TOO_MANY)
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| Wire::frame_bytes(0xbe, 0, act % 7, b"what is it?"))
            })
        });
}

#[test]
fn answers_to_no_ping() {
    Flood::new("PING acknowledgements")
        .counted(&["stray_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, TOO_MANY)
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::PING, flag::ACK, 0, b"answered"))
            })
        });
}

#[test]
fn resets_of_closed_streams() {
    Flood::new("RST_STREAM on closed streams")
        .counted(&["stray_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, TOO_MANY)
        .is_withstood(|address, clock| {
            let opening = frames::call(1, GET, &frames::get_body("k"));
            flood(address, clock, &opening, |round| frames::acts(round, ACTS, |_| frames::reset(1)))
        });
}
