//! Replies that are asked for and never let go: windows of nothing, held open.

use crate::attacker::{Attacker, Heard, Written};
use crate::bench::{Clock, Flood};
use crate::frames::{self, GET, INITIAL_WINDOW_SIZE, SET};

fn hold(address: &str, clock: Clock<'_>, window: u32) -> Heard {
    let mut attacker = Attacker::greet(address);
    // Larger values go in several frames; the stream's window has room for this one.
    let mut opening = frames::call(1, SET, &frames::set_body("large", 10_000));
    opening.extend(frames::setting(INITIAL_WINDOW_SIZE, window));
    assert_eq!(attacker.write(&opening), Written::All);
    for call in 1..=2_000 {
        if attacker.write(&frames::call(2 * call + 1, GET, &frames::get_body("large"))) != Written::All {
            break;
        }
    }
    clock.wait();
    attacker.finish()
}

#[test]
fn of_nothing() {
    Flood::new("windows of 0 bytes held open")
        .counted(&["streams_refused"])
        .is_withstood(|address, clock| hold(address, clock, 0));
}

#[test]
fn of_one_byte() {
    Flood::new("windows of 1 byte held open")
        .counted(&["streams_refused"])
        .is_withstood(|address, clock| hold(address, clock, 1));
}
