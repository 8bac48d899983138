//! Inflating: what comes back, what is refused, and what it costs.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use proptest::prelude::*;

use super::{GZIP_BLOCK_BYTES_MIN, GZIP_BLOCKS_SPARE, GZIP_STEP_BYTES, InflateError, Inflater, flag};

fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::new(level));
    encoder.write_all(content).expect("a Vec grows");
    encoder.finish().expect("a Vec grows")
}

fn inflated(compressed: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    inflate(compressed, bytes_max).0
}

/// The message, and what memory it took.
fn inflate(compressed: &[u8], bytes_max: usize) -> (Result<Vec<u8>, InflateError>, usize) {
    let mut inflater = match Inflater::new(compressed.to_vec(), bytes_max, Vec::new()) {
        Ok(inflater) => inflater,
        Err(error) => return (Err(error), 0),
    };
    loop {
        let before = inflater.inflated_bytes();
        let step = inflater.step();
        assert!(inflater.inflated_bytes() <= before + GZIP_STEP_BYTES, "a step is short");
        match step {
            Ok(false) => {}
            Ok(true) => {
                let (message, _) = inflater.into_parts();
                let capacity = message.capacity();
                return (Ok(message), capacity);
            }
            Err(error) => return (Err(error), inflater.out.capacity()),
        }
    }
}

#[test]
fn the_bound_is_exact() {
    for length in [0, 1, 4_095, 4_096, 4_097, 8_192, 8_193, 100_000] {
        let content = vec![7; length];
        let compressed = gzip(&content, 9);
        assert_eq!(inflated(&compressed, length), Ok(content.clone()), "{length}");
        assert_eq!(inflated(&compressed, length + 1), Ok(content), "{length}");
        if length > 0 {
            assert_eq!(inflated(&compressed, length - 1), Err(InflateError::TooLong), "{length}");
        }
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_bound() {
    let bomb = gzip(&vec![0; 64 << 20], 9);
    assert!(bomb.len() < 70 << 10);
    let (outcome, capacity) = inflate(&bomb, 1 << 20);
    assert_eq!(outcome, Err(InflateError::TooLong));
    assert!(capacity <= (1 << 20) + 1, "{capacity}");
    // And no more than is needed when the bound is far.
    let (outcome, capacity) = inflate(&gzip(b"small", 6), 4 << 20);
    assert_eq!(outcome, Ok(b"small".to_vec()));
    assert!(capacity <= 8 << 10, "{capacity}");
}

/// A member whose blocks are these bits, the first bit lowest; they inflate to nothing.
fn empty_blocks(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let bits: Vec<bool> = bits.collect();
    let bytes = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | u8::from(*bit)));
    let deflated: Vec<u8> = bytes.collect();
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &deflated, &[0; 8]].concat()
}

#[test]
fn blocks_without_content_are_few() {
    // Fixed codes: not the last block, type 01, and the end of the block, which is seven zeros.
    let block = |is_last| [is_last, true, false].into_iter().chain([false; 7]);
    let blocks = |count| empty_blocks((0..count).flat_map(|number| block(number + 1 == count)));
    assert_eq!(inflated(&blocks(GZIP_BLOCKS_SPARE), 0), Ok(Vec::new()));
    assert_eq!(inflated(&blocks(GZIP_BLOCKS_SPARE + 2), 0), Err(InflateError::Corrupt));
}

#[test]
fn a_compressor_that_flushes_often_is_understood() {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::fast());
    let line = [b'x'; 2 * GZIP_BLOCK_BYTES_MIN];
    for _ in 0..1_000 {
        encoder.write_all(&line).expect("a Vec grows");
        encoder.flush().expect("a Vec grows");
    }
    let compressed = encoder.finish().expect("a Vec grows");
    assert_eq!(inflated(&compressed, 4 << 20), Ok(vec![b'x'; 1_000 * line.len()]));
}

#[test]
fn what_is_no_stream_or_more_than_one_is_corrupt() {
    let whole = gzip(b"some content, some content, some content", 6);
    for cut in 0..whole.len() {
        assert_eq!(inflated(&whole[..cut], 1_000), Err(InflateError::Corrupt), "cut at {cut}");
    }
    let behind = |more: &[u8]| [&whole[..], more].concat();
    for (name, bytes) in [
        ("a byte behind", behind(&[0])),
        ("zeros behind", behind(&[0; 512])),
        ("another member", behind(&gzip(b"some content, some content, some content", 6))),
        ("an empty member", behind(&gzip(b"", 6))),
        ("an empty member in front", [&gzip(b"", 6)[..], &whole].concat()),
        ("no gzip", b"some content".to_vec()),
        ("zlib", vec![0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]),
    ] {
        assert_eq!(inflated(&bytes, 1_000), Err(InflateError::Corrupt), "{name}");
    }
    // The checksum and the length are held to.
    for at in whole.len() - 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert_eq!(inflated(&bytes, 1_000), Err(InflateError::Corrupt), "byte {at}");
    }
}

#[test]
fn a_distance_beyond_the_beginning_is_corrupt() {
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let trailer = [0xb1, 0x3d, 0xec, 0xe9, 0x28, 0, 0, 0];
    let member = |deflated: &[u8]| [&head[..], deflated, &trailer].concat();
    assert_eq!(inflated(&member(&[0x63, 0x60, 0x20, 0x0e, 0x00, 0x00]), 40), Ok(vec![0; 40]));
    assert_eq!(inflated(&member(&[0x63, 0x60, 0x20, 0x0e, 0x01, 0x00]), 40), Err(InflateError::Corrupt));
}

#[test]
fn the_optional_fields_of_the_head_are_skipped() {
    let builder = GzBuilder::new().filename("a name").comment("a comment").extra(&b"extra"[..]).mtime(7);
    let mut encoder = builder.write(Vec::new(), Compression::fast());
    encoder.write_all(b"content").expect("a Vec grows");
    let whole = encoder.finish().expect("a Vec grows");
    assert_eq!(inflated(&whole, 7), Ok(b"content".to_vec()));
    // With a checksum of the head, which is held to, and with a flag that nobody has defined.
    let (head, rest) = whole.split_at(whole.len() - gzip_body_bytes(b"content"));
    let mut head = head.to_vec();
    head[3] |= flag::HEAD_CHECKSUM;
    let checksum = crc32fast::hash(&head) as u16;
    let with = |checksum: u16| [&head[..], &checksum.to_le_bytes(), rest].concat();
    assert_eq!(inflated(&with(checksum), 7), Ok(b"content".to_vec()));
    assert_eq!(inflated(&with(checksum ^ 1), 7), Err(InflateError::Corrupt));
    let mut reserved = whole;
    reserved[3] |= 0x20;
    assert_eq!(inflated(&reserved, 7), Err(InflateError::Corrupt));
}

/// Bytes behind the shortest head there is.
fn gzip_body_bytes(content: &[u8]) -> usize {
    gzip(content, 1).len() - 10
}

proptest! {
    #[test]
    fn comes_back(content in prop::collection::vec(any::<u8>(), 0..20_000), level in 0u32..10) {
        let compressed = gzip(&content, level);
        prop_assert_eq!(inflated(&compressed, content.len()), Ok(content));
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200), bytes_max in 0usize..100) {
        let mut bytes = bytes;
        for prefix in [&[][..], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]] {
            let _ = inflated(&[prefix, &bytes].concat(), bytes_max);
            bytes.truncate(100);
        }
    }
}
