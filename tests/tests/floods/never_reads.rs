//! A client that asks and does not read: its answers wait, and no more than a bound of them are built.

use crate::attacker::{Attacker, Heard, Written, greeting};
use crate::bench::Flood;
use crate::frames::{self, GET, INITIAL_WINDOW_SIZE};

/// A hundred answers of a mebibyte, with all the window that there is.
#[test]
fn a_hundred_mebibytes_of_answers() {
    Flood::new("a reader that never reads").lasting(1_000).is_withstood(|address, clock| {
        frames::store(address, "large", 1 << 20);
        let mut attacker = Attacker::deaf(address);
        let mut opening = greeting();
        opening.extend(frames::setting(INITIAL_WINDOW_SIZE, 0x7fff_ffff));
        opening.extend(frames::window_update(0, 0x7fff_0000));
        for call in 0..100 {
            opening.extend(frames::call(2 * call + 1, GET, &frames::get_body("large")));
        }
        assert_eq!(attacker.write(&opening), Written::All);
        clock.wait();
        Heard::default()
    });
}

/// Small answers without end, each a frame or three.
#[test]
fn small_answers_without_end() {
    Flood::new("a reader that never reads small answers").is_withstood(|address, clock| {
        let mut attacker = Attacker::deaf(address);
        let mut opening = greeting();
        opening.extend(frames::window_update(0, 0x7fff_0000));
        attacker.write(&opening);
        let body = frames::get_body("bystander");
        let mut call = 0;
        while !clock.is_over() {
            let calls: Vec<u8> = (call..call + 500).flat_map(|call| frames::call(2 * call + 1, GET, &body)).collect();
            call += 500;
            // A part of a frame may be written: nothing can follow it.
            if attacker.write(&calls) != Written::All {
                clock.wait();
            }
        }
        Heard::default()
    });
}
