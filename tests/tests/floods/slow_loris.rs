//! Slow-loris: everything byte by byte, so that each connection keeps its place for as long as it can.

use prism_tests::{Wire, flag, kind};

use crate::attacker::{Attacker, Heard, Written};
use crate::bench::{Clock, Flood, code};
use crate::frames::{self, GET, SET};

const CONNECTIONS: usize = 100;

/// Sends `bytes` on every connection, one byte of one connection at a time; then they are held.
fn dribble(address: &str, clock: Clock<'_>, connect: fn(&str) -> Attacker, bytes: impl Fn(u32) -> Vec<u8>) -> Heard {
    let mut attackers: Vec<_> = (0..CONNECTIONS).map(|_| connect(address)).collect();
    'over: for number in 0.. {
        let bytes = bytes(number);
        for byte in bytes {
            for attacker in &mut attackers {
                attacker.write(&[byte]);
            }
            if !clock.dawdle() {
                break 'over;
            }
        }
    }
    let mut heard = Heard::default();
    for attacker in attackers {
        heard.add(attacker.finish());
    }
    heard
}

const SHORT_HANDSHAKE: &str = "limits: {handshake_timeout: 500ms}";

#[test]
fn of_clients_that_say_nothing() {
    Flood::new("clients that say nothing")
        .file(SHORT_HANDSHAKE)
        .counted(&["handshakes_timed_out", "ended_protocol_error"])
        .ends(code::PROTOCOL_ERROR, "no client preface in limits.handshake_timeout")
        .is_withstood(|address, _| {
            let attackers: Vec<_> = (0..CONNECTIONS).map(|_| Attacker::silent(address)).collect();
            let mut heard = Heard::default();
            attackers.into_iter().for_each(|attacker| heard.add(attacker.await_end()));
            heard
        });
}

#[test]
fn of_the_preface() {
    Flood::new("a dribbled preface")
        .file(SHORT_HANDSHAKE)
        .counted(&["handshakes_timed_out", "ended_protocol_error"])
        .ends(code::PROTOCOL_ERROR, "no client preface in limits.handshake_timeout")
        .is_withstood(|address, clock| {
            let mut attackers: Vec<_> = (0..CONNECTIONS).map(|_| Attacker::silent(address)).collect();
            for byte in b"PRI * HTTP/2.0\r\n\r\n" {
                for attacker in &mut attackers {
                    attacker.write(&[*byte]);
                }
                clock.dawdle();
            }
            let mut heard = Heard::default();
            attackers.into_iter().for_each(|attacker| heard.add(attacker.await_end()));
            heard
        });
}

#[test]
fn of_the_acknowledgement() {
    Flood::new("SETTINGS that are never acknowledged")
        .file(SHORT_HANDSHAKE)
        .counted(&["handshakes_timed_out", "ended_settings_timeout"])
        .ends(code::SETTINGS_TIMEOUT, "no acknowledgement of SETTINGS in limits.handshake_timeout")
        .is_withstood(|address, _| {
            let mut attacker = Attacker::silent(address);
            let greeting = crate::attacker::greeting();
            // All of it but the acknowledgement.
            assert_eq!(attacker.write(&greeting[..greeting.len() - 9]), Written::All);
            attacker.await_end()
        });
}

#[test]
fn of_headers() {
    Flood::new("dribbled HEADERS").is_withstood(|address, clock| {
        dribble(address, clock, Attacker::greet, |number| {
            let block = Wire::request_block(GET);
            Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 2 * number + 1, &block)
        })
    });
}

#[test]
fn of_a_message() {
    Flood::new("dribbled DATA").is_withstood(|address, clock| {
        dribble(address, clock, Attacker::greet, |number| {
            let mut bytes = if number == 0 { frames::open(1, SET) } else { Vec::new() };
            bytes.extend(Wire::frame_bytes(kind::DATA, 0, 1, if number == 0 { &[0, 0, 1, 0, 0] } else { &[7] }));
            bytes
        })
    });
}
