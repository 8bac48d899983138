//! Lengths that are declared and never come.

use prism_tests::{Wire, kind};

use crate::attacker::{Attacker, Heard, Written, flood};
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, SET};

/// DATA with a message's prefix alone.
fn prefix(stream: u32, message_bytes: u32) -> Vec<u8> {
    Wire::frame_bytes(kind::DATA, 0, stream, &[&[0][..], &message_bytes.to_be_bytes()].concat())
}

/// Each call fails at once, and the rest of it is not wanted.
#[test]
fn of_four_gibibytes() {
    Flood::new("declared messages of 4 GiB").counted(&["calls_failed"]).resets(&[code::NO_ERROR]).is_withstood(
        |address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| {
                    [frames::open(2 * act + 1, SET), prefix(2 * act + 1, u32::MAX)].concat()
                })
            })
        },
    );
}

/// A hundred that are allowed, on each of several connections: memory follows what has come.
#[test]
fn of_three_mebibytes() {
    Flood::new("1,000 declared messages of 3 MiB").is_withstood(|address, clock| {
        let mut attackers: Vec<_> = (0..10).map(|_| Attacker::greet(address)).collect();
        for attacker in &mut attackers {
            for call in 0..100 {
                let bytes = [frames::open(2 * call + 1, SET), prefix(2 * call + 1, 3 << 20)].concat();
                assert_eq!(attacker.write(&bytes), Written::All);
            }
        }
        clock.wait();
        let mut heard = Heard::default();
        attackers.into_iter().for_each(|attacker| heard.add(attacker.finish()));
        heard
    });
}
