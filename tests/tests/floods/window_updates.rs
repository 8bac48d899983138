//! WINDOW_UPDATEs that nothing was sent for.

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET};

#[test]
fn that_nothing_explains() {
    Flood::new("WINDOW_UPDATE")
        .counted(&["window_updates", "window_updates_unearned", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many WINDOW_UPDATE frames")
        .is_withstood(|address, clock| {
            flood(address, clock, &frames::open(1, GET), |round| {
                frames::acts(round, ACTS, |act| frames::window_update(act % 2, 1))
            })
        });
}
