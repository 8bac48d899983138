//! The Huffman code by itself.

use super::super::huffman;
use super::hex;
use proptest::prelude::*;

fn encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    huffman::encode(text, &mut out);
    assert_eq!(out.len(), huffman::encoded_bytes(text));
    out
}

fn decode(source: &[u8]) -> Option<Vec<u8>> {
    let mut out = b"kept".to_vec();
    let decoded = huffman::decode(source, &mut out);
    assert!(out.starts_with(b"kept"));
    decoded.is_ok().then(|| out.split_off(4))
}

#[test]
fn every_byte_and_every_pair_comes_back() {
    for first in 0..=255 {
        assert_eq!(decode(&encode(&[first])), Some(vec![first]));
        for second in 0..=255 {
            assert_eq!(decode(&encode(&[first, second])), Some(vec![first, second]));
        }
    }
}

#[test]
fn padding_is_less_than_a_byte_of_ones() {
    assert_eq!(decode(b""), Some(vec![]));
    // "0" is 00000, then three bits of padding.
    assert_eq!(decode(&[0b0000_0111]), Some(b"0".to_vec()));
    for padding in 0..0b111 {
        assert_eq!(decode(&[padding]), None, "padding {padding:03b}");
    }
    // "&" is a whole byte: eight bits of padding are too many.
    assert_eq!(decode(&[0xf8]), Some(b"&".to_vec()));
    for ones in 1..12 {
        assert_eq!(decode(&[[0xf8].as_slice(), &vec![0xff; ones]].concat()), None, "{ones} bytes of ones");
        assert_eq!(decode(&vec![0xff; ones]), None, "{ones} bytes of ones alone");
    }
}

#[test]
fn every_bit_of_the_padding_counts() {
    // "0" has five bits: its repetitions leave padding of each length. "|||&" fills four look-ups and leaves seven.
    let texts = (1..=8).map(|count| vec![b'0'; count]).chain([b"|||&".to_vec()]);
    for text in texts {
        let coded = encode(&text);
        let padding_bits = coded.last().expect("a byte").trailing_ones();
        for bit in 0..padding_bits.min(7) {
            let mut changed = coded.clone();
            *changed.last_mut().expect("a byte") ^= 1 << bit;
            let other = decode(&changed);
            let is_another = other.is_none_or(|other| other != text && encode(&other) == changed);
            assert!(is_another, "{text:?}, bit {bit}");
        }
    }
}

#[test]
fn the_end_of_string_symbol_is_refused_wherever_it_stands() {
    for text in ["", "0", "aaaaaaaa", "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get"] {
        // Eight times any text fill whole bytes. Then the symbol's thirty ones, and zeros that would decode to "0".
        let coded = encode(&text.repeat(8).into_bytes());
        for tail in ["fffffffc", "fffffffc00", "fffffffc0000000000000000000000"] {
            assert_eq!(decode(&[coded.clone(), hex(tail)].concat()), None, "{text:?} {tail}");
        }
    }
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..300), "[ -~]{0,300}".prop_map(String::into_bytes)]
}

proptest! {
    #[test]
    fn any_string_comes_back(text in texts()) {
        prop_assert_eq!(decode(&encode(&text)), Some(text));
    }

    /// Each text has exactly one code, so whatever is accepted must encode to itself.
    #[test]
    fn only_the_one_code_of_a_text_is_accepted(source in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Some(text) = decode(&source) {
            prop_assert_eq!(encode(&text), source);
        }
    }

    /// One changed bit is another text or an error, never the same text.
    #[test]
    fn a_changed_bit_does_not_go_unseen(text in texts(), position in any::<prop::sample::Index>()) {
        let mut source = encode(&text);
        if !source.is_empty() {
            let bit = position.index(source.len() * 8);
            source[bit / 8] ^= 0x80 >> (bit % 8);
            if let Some(other) = decode(&source) {
                prop_assert_ne!(&other, &text);
                prop_assert_eq!(encode(&other), source);
            }
        }
    }
}
