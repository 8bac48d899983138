//! Calls that are opened and left open.

use crate::attacker::{Attacker, Heard, Written, flood};
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, SET};

/// On one connection, far beyond SETTINGS_MAX_CONCURRENT_STREAMS: those are refused, and too many of them are too much.
#[test]
fn beyond_their_number() {
    Flood::new("20,000 open calls on a connection")
        .counted(&["streams_refused", "ended_enhance_your_calm"])
        .resets(&[code::REFUSED_STREAM])
        .ends(code::ENHANCE_YOUR_CALM, "too many streams above SETTINGS_MAX_CONCURRENT_STREAMS")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| frames::open(2 * act + 1, SET)))
        });
}

#[test]
fn on_many_connections() {
    Flood::new("20,000 open calls on 20 connections").is_withstood(|address, clock| {
        let mut attackers: Vec<_> = (0..20).map(|_| Attacker::greet(address)).collect();
        let calls = frames::acts(0, 1_000, |act| frames::open(2 * act + 1, SET));
        for attacker in &mut attackers {
            assert_eq!(attacker.write(&calls), Written::All);
            clock.dawdle();
        }
        clock.wait();
        let mut heard = Heard::default();
        attackers.into_iter().for_each(|attacker| heard.add(attacker.finish()));
        heard
    });
}
