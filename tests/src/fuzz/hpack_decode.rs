//! The HPACK decoder on any blocks: its bounds, the exactness of its generation, and agreement with another decoder.

use prism_proto::hpack::{Decoder, Error};

use super::choices::Choices;

type Field = (Vec<u8>, Vec<u8>);

/// Where another decoder has its table's bound.
const TABLE_BYTES: [usize; 4] = [4_096, 0, 64, 200];

/// The input is a table's bound, a list's bound, and blocks with their lengths.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let table_bytes_max = TABLE_BYTES[choices.below(TABLE_BYTES.len())];
    let list_bytes_max = [16 << 10, 100][choices.below(2)];
    let mut decoder = Decoder::new(table_bytes_max);
    let mut other = httlib_hpack::Decoder::with_dynamic_size(table_bytes_max as u32);
    while !choices.is_empty() {
        let length = choices.length();
        let block = choices.take(length);
        let before = decoder.clone();
        let (result, fields) = decode(&mut decoder, block, list_bytes_max);
        let list_bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
        assert!(list_bytes <= list_bytes_max, "{list_bytes} bytes were told of");
        assert!(decoder.table_bytes() <= table_bytes_max, "the table has {} bytes", decoder.table_bytes());
        if let Err(Error::Malformed(_)) = result {
            return;
        }
        assert!(decoder.held_bytes() <= 64 << 10, "{} bytes are kept between blocks", decoder.held_bytes());
        if decoder.generation() == before.generation() {
            // What the memo of header blocks lives by.
            assert_eq!(decoder.table_bytes(), before.table_bytes());
            assert_eq!(decode(&mut decoder.clone(), block, list_bytes_max), (result, fields.clone()));
        }
        let mut read = Vec::new();
        match other.decode(&mut block.to_vec(), &mut read) {
            Ok(_) => {}
            // It takes fewer bytes for an integer: RFC 7541 §5.1 leaves the bound to each.
            Err(httlib_hpack::DecoderError::IntegerOverflow) => return,
            Err(error) => panic!("what we can read, another decoder cannot: {error:?}"),
        }
        let read: Vec<Field> = read.into_iter().map(|(name, value, _)| (name, value)).collect();
        match result {
            Ok(()) => assert_eq!(fields, read),
            Err(_) => assert_eq!(fields, read[..fields.len()]),
        }
    }
}

fn decode(decoder: &mut Decoder, block: &[u8], list_bytes_max: usize) -> (Result<(), Error>, Vec<Field>) {
    let mut fields = Vec::new();
    let result = decoder.decode(block, list_bytes_max, |name, value| fields.push((name.to_vec(), value.to_vec())));
    (result, fields)
}
