//! CVE-2019-9512: PINGs, each of which wants an answer.

use prism_tests::{Wire, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS};

#[test]
fn without_pause() {
    Flood::new("PING")
        .counted(&["pings_received", "ping_strikes", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too_many_pings")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::PING, 0, 0, b"flooding"))
            })
        });
}
