//! CVE-2019-9518: frames without content that do not end anything.

use prism_tests::{Wire, flag, kind};

use crate::attacker::flood;
use crate::bench::{Flood, code};
use crate::frames::{self, ACTS, GET};

#[test]
fn of_data() {
    Flood::new("empty DATA")
        .counted(&["empty_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many empty frames")
        .is_withstood(|address, clock| {
            flood(address, clock, &frames::open(1, GET), |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::DATA, 0, 1, &[]))
            })
        });
}

#[test]
fn of_padding_alone() {
    Flood::new("DATA of padding alone")
        .counted(&["empty_frames", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many empty frames")
        .is_withstood(|address, clock| {
            flood(address, clock, &frames::open(1, GET), |round| {
                frames::acts(round, ACTS, |_| Wire::frame_bytes(kind::DATA, flag::PADDED, 1, &[3, 0, 0, 0]))
            })
        });
}

/// Requests without a single header, which stall others for most of a second.
#[test]
fn of_headers() {
    Flood::new("empty HEADERS")
        .counted(&["empty_frames", "resets_made", "ended_enhance_your_calm"])
        .resets(&[code::PROTOCOL_ERROR])
        .ends(code::ENHANCE_YOUR_CALM, "too many")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| frames::headers(2 * act + 1, &[])))
        });
}

#[test]
fn of_continuation() {
    Flood::new("empty CONTINUATION")
        .counted(&["empty_frames", "continuations", "ended_enhance_your_calm"])
        .ends(code::ENHANCE_YOUR_CALM, "too many")
        .is_withstood(|address, clock| {
            flood(address, clock, &[], |round| {
                frames::acts(round, ACTS, |act| {
                    let stream = 2 * act + 1;
                    let block = Wire::request_block("/none/Such");
                    let continuation = |flags| Wire::frame_bytes(kind::CONTINUATION, flags, stream, &[]);
                    let mut frames = Wire::frame_bytes(kind::HEADERS, flag::END_STREAM, stream, &block);
                    frames.extend(continuation(0).repeat(7));
                    frames.extend(continuation(flag::END_HEADERS));
                    frames
                })
            })
        });
}
