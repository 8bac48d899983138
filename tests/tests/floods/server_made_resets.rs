//! CVE-2025-8671, "MadeYouReset": frames that make the server reset a call which it executes. The six that are known,
//! each on a call whose request has ended and whose answer has not.

use prism_tests::{Wire, flag, kind};

use crate::attacker::{Heard, flood};
use crate::bench::{Clock, Flood, code};
use crate::frames::{self, WATCH};

/// Opens a call and pulls the trigger.
fn is_withstood(name: &'static str, resets: &'static [u32], trigger: fn(u32) -> Vec<u8>) {
    is_withstood_by(name, resets, |stream| [frames::call(stream, WATCH, &[0; 5]), trigger(stream)].concat());
}

fn is_withstood_by(name: &'static str, resets: &'static [u32], act: impl Fn(u32) -> Vec<u8> + Sync) {
    let attack = |address: &str, clock: Clock<'_>| -> Heard {
        flood(address, clock, &[], |round| frames::acts(round, 64, |number| act(2 * number + 1)))
    };
    Flood::new(name)
        .lasting(300)
        .counted(&["resets_made", "ended_enhance_your_calm"])
        .resets(resets)
        .ends(code::ENHANCE_YOUR_CALM, "too many frames that break their stream's rules")
        .is_withstood(attack);
}

#[test]
fn by_a_window_increment_of_nothing() {
    is_withstood("made reset: WINDOW_UPDATE of 0", &[code::PROTOCOL_ERROR], |stream| frames::window_update(stream, 0));
}

#[test]
fn by_a_window_beyond_all_bounds() {
    is_withstood("made reset: WINDOW_UPDATE overflow", &[code::FLOW_CONTROL_ERROR], |stream| {
        frames::window_update(stream, 0x7fff_ffff)
    });
}

#[test]
fn by_headers_after_the_end() {
    is_withstood("made reset: HEADERS half-closed", &[code::STREAM_CLOSED], |stream| {
        frames::headers(stream, &Wire::request_block(WATCH))
    });
}

#[test]
fn by_data_after_the_end() {
    is_withstood("made reset: DATA half-closed", &[code::STREAM_CLOSED], |stream| frames::body(stream, b"x"));
}

#[test]
fn by_a_priority_of_another_length() {
    is_withstood("made reset: PRIORITY of 4 bytes", &[code::FRAME_SIZE_ERROR], |stream| {
        Wire::frame_bytes(kind::PRIORITY, 0, stream, &[0; 4])
    });
}

#[test]
fn by_a_stream_that_depends_on_itself() {
    is_withstood("made reset: PRIORITY on itself", &[code::PROTOCOL_ERROR], |stream| {
        Wire::frame_bytes(kind::PRIORITY, 0, stream, &[&stream.to_be_bytes()[..], &[0]].concat())
    });
}

/// A seventh way: requests that are malformed (RFC 9113 §8.1.1).
#[test]
fn by_a_request_without_a_path() {
    is_withstood_by("made reset: malformed request", &[code::PROTOCOL_ERROR], |stream| {
        Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &[0x83])
    });
}
