//! A client that does nothing wrong but to call without a pause: it gets its share of every turn.

use crate::attacker::flood;
use crate::bench::Flood;
use crate::frames::{self, GET, SET};

#[test]
fn of_small_calls() {
    Flood::new("calls without a pause").counted(&["shares_used_up"]).is_withstood(|address, clock| {
        let body = frames::get_body("bystander");
        let opening = frames::window_update(0, 0x7fff_0000);
        flood(address, clock, &opening, |round| frames::acts(round, 2_000, |act| frames::call(2 * act + 1, GET, &body)))
    });
}

#[test]
fn of_large_answers() {
    Flood::new("large answers without a pause").counted(&["shares_used_up"]).is_withstood(|address, clock| {
        let store = frames::call(1, SET, &frames::set_body("large", 10_000));
        let body = frames::get_body("large");
        let opening = [frames::window_update(0, 0x7fff_0000), store].concat();
        flood(address, clock, &opening, |round| frames::acts(round, 500, |act| frames::call(2 * act + 3, GET, &body)))
    });
}
