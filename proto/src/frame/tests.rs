//! Heads and payloads.

use super::*;

#[test]
fn a_head_comes_back() {
    let head = Head { length: 0x01_02_03, kind: kind::HEADERS, flags: flag::END_HEADERS, stream: 0x0405_0607 };
    assert_eq!(head.to_bytes(), [1, 2, 3, 1, 4, 4, 5, 6, 7]);
    assert_eq!(Head::parse(&head.to_bytes()), head);
}
