//! CVE-2023-44487: calls that are opened and reset at once.

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET};

#[test]
fn of_calls_without_a_message() {
    Flood::new("rapid reset")
        .counted(&["resets_received", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many resets of unfinished calls")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| {
                    let stream = 2 * act + 1;
                    [frames::open(stream, GET), frames::reset(stream)].concat()
                })
            })
        });
}

/// The calls are executed, half of them on another shard, and the resets come while they are.
#[test]
fn of_calls_that_are_executed() {
    Flood::new("rapid reset of executed calls")
        .shards(2)
        .ends(code::ENHANCE_YOUR_CALM, "too many")
        .if_fast_enough()
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| {
                    let stream = 2 * act + 1;
                    let body = frames::get_body(&format!("key-{act}"));
                    [frames::call(stream, GET, &body), frames::reset(stream)].concat()
                })
            })
        });
}
