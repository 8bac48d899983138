//! The memos are exact: they forget when a table changes.

use super::*;
use crate::h2::server::head::Encoding;
use crate::hpack::Indexing;
use crate::method::MethodId;

const HEAD: CallHead = CallHead {
    method: MethodId(3),
    timeout_ns: None,
    content_bytes: None,
    encoding: Encoding { is_gzip: false, is_named: false },
    is_plain: false,
};

#[test]
fn a_block_means_the_same_until_the_table_changes() {
    let mut memo = Memo::default();
    memo.learn(b"abc", 7, HEAD);
    assert_eq!(memo.find(b"abc", 7), Some(HEAD));
    assert_eq!(memo.find(b"ab", 7), None);
    assert_eq!(memo.find(b"abc", 8), None);
    memo.learn(b"other", 8, HEAD);
    assert_eq!(memo.find(b"abc", 8), None, "what an older table said is forgotten");
    assert_eq!(memo.find(b"abc", 7), None);
}

#[test]
fn the_memo_is_bounded_and_keeps_the_latest() {
    let mut memo = Memo::default();
    memo.learn(&[0; MEMO_BLOCK_BYTES_MAX + 1], 0, HEAD);
    assert_eq!(memo.known.len(), 0);
    for block in 0..100u8 {
        memo.learn(&[block], 0, HEAD);
        assert_eq!(memo.find(&[block], 0), Some(HEAD));
    }
    assert_eq!(memo.known.len(), MEMO_BLOCKS_MAX);
}

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
