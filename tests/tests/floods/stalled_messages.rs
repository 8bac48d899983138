//! Large messages that are declared and do not come, so that they hold the room that all others wait for.

use std::thread;
use std::time::Duration;

use prism_tests::{Wire, kind};

use crate::attacker::{Attacker, Heard, Written};
use crate::bench::{Clock, Flood, code};
use crate::frames::{self, SET};

const CONNECTIONS: usize = 20;
/// How long an honest message may wait for its turn: it has at most [`CONNECTIONS`] before it, in rounds of five.
const PATIENCE: Duration = Duration::from_secs(20);
/// Room for five messages of 3 MiB.
const SMALL: &str = "limits: {buffer_bytes_max: 32MiB, message_stall_max: 100ms}";

/// The call and the prefix of its message, and so many bytes of it.
fn begin(stream: u32, message_bytes: u32, bytes: usize) -> Vec<u8> {
    let part = [&[0][..], &message_bytes.to_be_bytes(), &vec![7; bytes]].concat();
    [frames::open(stream, SET), Wire::frame_bytes(kind::DATA, 0, stream, &part)].concat()
}

/// Holds all the room with `goes_on` called on every connection now and then, while others store what is as large.
fn hold(address: &str, clock: Clock<'_>, goes_on: impl Fn(&mut Attacker)) -> Heard {
    let mut attackers: Vec<_> = (0..CONNECTIONS).map(|_| Attacker::greet(address)).collect();
    for attacker in &mut attackers {
        let calls: Vec<u8> = (0..100).flat_map(|call| begin(2 * call + 1, 3 << 20, 0)).collect();
        assert_eq!(attacker.write(&calls), Written::All);
    }
    thread::scope(|scope| {
        let stores: Vec<_> = ["one", "two", "three"]
            .map(|key| scope.spawn(move || frames::store_within(address, key, 3_000_000, PATIENCE)))
            .into();
        while !stores.iter().all(|store| store.is_finished()) || !clock.is_over() {
            attackers.iter_mut().for_each(&goes_on);
            clock.dawdle();
        }
        for store in stores {
            store.join().expect("a message that comes is let in and stored");
        }
    });
    let mut heard = Heard::default();
    attackers.into_iter().for_each(|attacker| heard.add(attacker.finish()));
    heard
}

#[test]
fn that_do_not_come() {
    Flood::new("large messages that do not come")
        .file(SMALL)
        .counted(&["messages_stalled"])
        .resets(&[code::NO_ERROR])
        .is_withstood(|address, clock| hold(address, clock, |_| {}));
}

/// On two shards, which give room in one line.
#[test]
fn that_do_not_come_on_two_shards() {
    Flood::new("large messages that do not come, two shards")
        .shards(2)
        .file(SMALL)
        .counted(&["messages_stalled"])
        .resets(&[code::NO_ERROR])
        .is_withstood(|address, clock| hold(address, clock, |_| {}));
}

/// Bytes come all the time, and too few of them.
#[test]
fn that_come_byte_by_byte() {
    Flood::new("large messages that come byte by byte")
        .file(SMALL)
        .counted(&["messages_stalled"])
        .resets(&[code::NO_ERROR])
        .is_withstood(|address, clock| {
            hold(address, clock, |attacker| {
                attacker.write(&Wire::frame_bytes(kind::DATA, 0, 1, &[7]));
            })
        });
}
