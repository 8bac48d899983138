//! What is written from memory is what would be encoded.

use super::*;
use crate::hpack::Indexing;

#[test]
fn our_blocks_follow_the_encoder() {
    let fill = |encoder: &mut Encoder, out: &mut Vec<u8>| encoder.encode(b"x", b"y", Indexing::Incremental, out);
    let (mut encoder, mut written) = (Encoder::new(), Written::new(0));
    let (mut same, mut blocks) = (Encoder::new(), Vec::new());
    for step in 0..8 {
        match step {
            3 => encoder.encode(b"another", b"entry", Indexing::Incremental, &mut Vec::new()),
            5 => encoder.set_peer_table_bytes_max(0),
            _ => {}
        }
        match step {
            3 => same.encode(b"another", b"entry", Indexing::Incremental, &mut Vec::new()),
            5 => same.set_peer_table_bytes_max(0),
            _ => {}
        }
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        written.write(&mut encoder, &mut out, fill);
        fill(&mut same, &mut expected);
        assert_eq!(out, expected, "step {step}");
        blocks.push(out);
    }
    assert_eq!(blocks[1], blocks[2]);
    assert_ne!(blocks[2], blocks[3]);
    assert_ne!(blocks[5], blocks[6], "the size update is written once");
}
