//! The recorded requests, byte by byte.

use super::*;

/// The frames of one recorded call.
fn frames(mut bytes: &[u8]) -> Vec<(Head, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let head = Head::parse(head);
        let (payload, rest) = rest.split_at(head.length as usize);
        frames.push((head, payload.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}

#[test]
fn a_call_is_a_header_block_and_its_message() {
    let message = Operation::Get.message("k", b"", "");
    assert_eq!(message, [0x0a, 1, b'k']);
    let request = Request::new(Operation::Get.path(), "host:1", &message, HeaderCoding::Indexed);
    let mut out = Vec::new();
    request.append_next(0x0102_0305, &mut out);
    assert_eq!(out.len(), request.wire_bytes());
    let frames = frames(&out);
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|(head, _)| head.stream == 0x0102_0305));
    assert_eq!(frames[0].1, [0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe]);
    assert_eq!((frames[0].0.kind, frames[0].0.flags), (kind::HEADERS, flag::END_HEADERS));
    assert_eq!(frames[1].1, [0, 0, 0, 0, 3, 0x0a, 1, b'k']);
    assert_eq!((frames[1].0.kind, frames[1].0.flags), (kind::DATA, flag::END_STREAM));
}

#[test]
fn a_long_body_is_cut_into_frames_and_only_the_last_ends_the_stream() {
    let message = Operation::Set.message("k", &[7; 40_000], "n");
    let request = Request::new(Operation::Set.path(), "host", &message, HeaderCoding::Literal);
    let mut out = Vec::new();
    request.append_first(1, &mut out);
    let frames = frames(&out);
    let sizes: Vec<usize> = frames.iter().skip(1).map(|(head, _)| head.length as usize).collect();
    assert_eq!(sizes, [16_384, 16_384, request.body_bytes() - 32_768]);
    assert!(frames[1..].iter().rev().skip(1).all(|(head, _)| head.flags == 0));
    assert!(frames[3].0.has(flag::END_STREAM));
    assert!(frames[3].1.ends_with(&[7, 0x7a, 1, b'n']), "field 15 comes last");
}

#[test]
fn the_parts_of_a_call_are_the_call() {
    let message = Operation::Set.message("k", &[7; 40_000], "n");
    let request = Request::new(Operation::Set.path(), "host", &message, HeaderCoding::Indexed);
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    request.append_first(5, &mut whole);
    request.append_head(true, 5, &mut parts);
    let mut at = 0;
    while at < request.body_bytes() {
        at += request.append_part(5, at, usize::MAX, &mut parts);
    }
    assert_eq!(parts, whole);
    parts.clear();
    request.append_head(false, 7, &mut parts);
    assert_eq!(request.append_part(7, 10, 3, &mut parts), 3);
    let frames = frames(&parts);
    assert!(frames.iter().all(|(head, _)| head.stream == 7));
    assert_eq!((frames[1].0.kind, frames[1].0.flags, frames[1].1.len()), (kind::DATA, 0, 3));
}

#[test]
fn integers_take_more_bytes_when_their_prefix_is_full() {
    let mut out = Vec::new();
    append_integer(0x40, 6, 62, &mut out);
    assert_eq!(out, [0x7e]);
    out.clear();
    // RFC 7541 appendix C.1.2.
    append_integer(0, 5, 1_337, &mut out);
    assert_eq!(out, [31, 154, 10]);
}
