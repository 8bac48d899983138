//! Stream identifiers that would all fall on one place of the table of open streams.

use crate::attacker::flood;
use crate::bench::Flood;
use crate::frames::{self, GET, SET};

/// The distance of identifiers that collide in an index of 4,096 entries and less.
const STRIDE: u32 = 2 * 4_096;

#[test]
fn that_make_every_look_a_walk() {
    Flood::new("colliding stream identifiers").is_withstood(|address, clock| {
        let open = frames::acts(0, 1_000, |act| frames::open(STRIDE * act + 1, SET));
        let body = frames::get_body("k");
        flood(address, clock, &open, |round| {
            frames::acts(round, 500, |act| frames::call(STRIDE * (1_000 + act % 200_000) + 1, GET, &body))
        })
    });
}
