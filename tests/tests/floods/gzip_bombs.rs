//! Compressed messages that cost far more to inflate than to send: a few kilobytes become mebibytes, or nothing at all.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prism_tests::{Wire, flag, kind, prefixed};

use crate::attacker::flood;
use crate::bench::Flood;
use crate::frames::{self, SET};

/// Calls of one round.
const ACTS: u32 = 32;

/// A call whose one message is compressed to these bytes.
fn call(stream: u32, compressed: &[u8]) -> Vec<u8> {
    // A literal field of a new name, without indexing (RFC 7541 §6.2.2).
    let encoding = b"\x00\x0dgrpc-encoding\x04gzip";
    let block = [&Wire::request_block(SET)[..], encoding].concat();
    let headers = Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS, stream, &block);
    [headers, frames::body(stream, &prefixed(1, compressed))].concat()
}

fn zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

/// One byte more than is allowed: each call fails once the bound is reached.
#[test]
fn of_more_than_is_allowed() {
    Flood::new("gzip bombs").counted(&["calls_failed", "shares_used_up"]).is_withstood(|address, clock| {
        let bomb = zeros((4 << 20) + 1);
        flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| call(2 * act + 1, &bomb)))
    });
}

/// As much as is allowed: each is inflated, and is no message.
#[test]
fn of_as_much_as_is_allowed() {
    Flood::new("compressed messages of 4 MiB").counted(&["shares_used_up"]).is_withstood(|address, clock| {
        let large = zeros(4 << 20);
        flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| call(2 * act + 1, &large)))
    });
}

/// Blocks of fixed codes that end at once, ten bits each: setting up their codes is all that there is to do.
#[test]
fn of_empty_blocks() {
    Flood::new("empty DEFLATE blocks").counted(&["calls_failed"]).is_withstood(|address, clock| {
        let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        // Four blocks; the first bit of each is 0: it is not the last one.
        let blocks = [0x02, 0x08, 0x20, 0x80, 0x00].repeat(2_000);
        let member = [&head[..], &blocks, &[0; 8]].concat();
        flood(address, clock, &[], |round| frames::acts(round, ACTS, |act| call(2 * act + 1, &member)))
    });
}
