//! A client that asks and does not read: its answers wait, and no more than a bound of them are built.

use crate::attacker::{Attacker, Heard, Written, greeting};
use crate::bench::{Clock, Flood};
use crate::frames::{self, GET, INITIAL_WINDOW_SIZE};

/// Clients of the attacks by many.
const MANY: usize = 200;
/// The process may hold 6 MiB of answers, and 16 KiB more of each connection.
const SMALL: &str = "limits: {message_bytes_max: 2MiB, connection_buffer_bytes_max: 12MiB, buffer_bytes_max: 12MiB}";

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

/// Connects so many and has each ask in so many calls for a value of so many bytes, with windows as they are set.
fn ask(address: &str, clock: Clock<'_>, calls: u32, value_bytes: usize, window: u32) -> Vec<Attacker> {
    frames::store(address, "asked", value_bytes);
    let mut opening = greeting();
    opening.extend(frames::setting(INITIAL_WINDOW_SIZE, window));
    opening.extend(frames::window_update(0, 0x7fff_0000));
    for call in 0..calls {
        opening.extend(frames::call(2 * call + 1, GET, &frames::get_body("asked")));
    }
    let mut attackers: Vec<_> = (0..MANY).map(|_| Attacker::deaf(address)).collect();
    for attacker in &mut attackers {
        // One that is not read any more has asked for enough.
        assert_ne!(attacker.write(&opening), Written::Closed);
        clock.dawdle();
    }
    attackers
}

/// What 200 clients ask for and do not read would be 4 GiB here, and 80 MiB below: what the kernel takes of it
/// does not count, and the process keeps to `limits.buffer_bytes_max`, whose half this is, and a little for each call.
#[test]
fn large_answers_of_many() {
    Flood::new("200 readers that never read").file(SMALL).lasting(1_000).is_withstood(|address, clock| {
        let _attackers = ask(address, clock, 100, 200 << 10, 0x7fff_ffff);
        clock.wait();
        Heard::default()
    });
}

/// No stream has a window.
#[test]
fn small_answers_of_many_without_windows() {
    Flood::new("200 clients without windows").file(SMALL).lasting(1_000).is_withstood(|address, clock| {
        let _attackers = ask(address, clock, 100, 4_000, 0);
        clock.wait();
        Heard::default()
    });
}
