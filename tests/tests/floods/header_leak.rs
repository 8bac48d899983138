//! CVE-2019-9516: headers without a name and without a value.

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS};

#[test]
fn without_a_name() {
    Flood::new("headers without a name")
        .counted(&["resets_made", "ended_enhance_your_calm"])
        .resets(&[code::PROTOCOL_ERROR])
        .ends(code::ENHANCE_YOUR_CALM, "too many frames that break their stream's rules")
        .is_withstood(|address, clock| {
            // With indexing, so that each stays in the table (RFC 7541 §6.2.1).
            let block = [0x40, 0, 0].repeat(50);
            flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| frames::headers(2 * act + 1, &block)))
        });
}
