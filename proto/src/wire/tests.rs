//! The wire format against prost.

use super::*;
use crate::limits::MESSAGE_DEPTH_MAX;
use proptest::prelude::*;

/// The edges of the varint's lengths, and any value between.
fn values() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), (0u32..64, 0u64..3).prop_map(|(bits, less)| (1u64 << bits).wrapping_sub(less))]
}

/// Bytes that mostly say that another follows.
fn continued_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0x80u8), Just(0xff), any::<u8>()], 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn varints_are_those_of_prost(value in values()) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        write_varint(value, &mut ours);
        prost::encoding::encode_varint(value, &mut theirs);
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(varint_bytes(value), ours.len());
        prop_assert_eq!(Reader::new(&ours).varint(), Ok(value));
    }

    #[test]
    fn varints_are_read_as_prost_reads_them(bytes in continued_bytes()) {
        let mut reader = Reader::new(&bytes);
        let mut theirs = bytes.as_slice();
        let expected = prost::encoding::decode_varint(&mut theirs).ok();
        prop_assert_eq!(reader.varint().ok(), expected);
        if expected.is_some() {
            prop_assert_eq!(reader.rest, theirs);
        }
    }
}

#[test]
fn a_varint_may_have_64_bits_and_no_more() {
    let longest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(Reader::new(&longest).varint(), Ok(u64::MAX));
    let mut beyond = longest;
    beyond[9] = 2;
    assert_eq!(Reader::new(&beyond).varint(), Err(Problem::Varint));
    assert_eq!(Reader::new(&[0x80; 10]).varint(), Err(Problem::Varint));
    assert_eq!(Reader::new(&[0x80; 9]).varint(), Err(Problem::Truncated));
    assert_eq!(Reader::new(&[]).varint(), Err(Problem::Truncated));
}

#[test]
fn a_group_ends_with_its_own_number() {
    let skip = |bytes: &[u8]| Reader::new(bytes).skip(key(5, kind::GROUP_START), MESSAGE_DEPTH_MAX);
    let end = key(5, kind::GROUP_END) as u8;
    assert_eq!(skip(&[end]), Ok(()));
    assert_eq!(skip(&[0x08, 0x01, end]), Ok(()));
    assert_eq!(skip(&[key(6, kind::GROUP_END) as u8]), Err(Problem::Group));
    assert_eq!(skip(&[0x08, 0x01]), Err(Problem::Truncated));
    assert_eq!(skip(&[0x00, 0x01, end]), Err(Problem::Key));
}
