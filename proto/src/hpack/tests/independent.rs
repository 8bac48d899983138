//! Another implementation as the peer, both ways, so that no shared misreading goes unseen.

use super::{Decoder, Encoder, Field, Indexing, decode};
use proptest::prelude::*;

fn fields() -> impl Strategy<Value = Field> {
    let name = prop_oneof![
        prop::sample::select(vec![":path", ":method", ":status", "content-type", "user-agent", "x"])
            .prop_map(Vec::from),
        prop::collection::vec(any::<u8>(), 1..20),
    ];
    let value = prop_oneof![
        prop::sample::select(vec!["GET", "POST", "200", "/a.B/C", "grpc-go/1.80.0"]).prop_map(Vec::from),
        prop::collection::vec(any::<u8>(), 0..150),
    ];
    (name, value)
}

proptest! {
    #[test]
    fn it_reads_what_we_write(
        blocks in prop::collection::vec(prop::collection::vec((fields(), 0..3usize), 1..10), 1..20),
    ) {
        let mut encoder = Encoder::new();
        let mut decoder = httlib_hpack::Decoder::with_dynamic_size(4_096);
        for list in blocks {
            let mut block = Vec::new();
            for ((name, value), indexing) in &list {
                let indexing = [Indexing::Incremental, Indexing::Without, Indexing::Never][*indexing];
                encoder.encode(name, value, indexing, &mut block);
            }
            let mut read = Vec::new();
            prop_assert!(decoder.decode(&mut block, &mut read).is_ok());
            let read: Vec<Field> = read.into_iter().map(|(name, value, _)| (name, value)).collect();
            let expected: Vec<Field> = list.into_iter().map(|(field, _)| field).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn we_read_what_it_writes(
        blocks in prop::collection::vec(prop::collection::vec((fields(), 0..32u8), 1..10), 1..20),
    ) {
        let mut encoder = httlib_hpack::Encoder::with_dynamic_size(4_096);
        let mut decoder = Decoder::new(4_096);
        for list in blocks {
            let mut block = Vec::new();
            for ((name, value), flags) in &list {
                // All its flags: Huffman for name and value, indexing, never indexed, best format.
                prop_assert!(encoder.encode((name.clone(), value.clone(), *flags), &mut block).is_ok());
            }
            let expected: Vec<Field> = list.into_iter().map(|(field, _)| field).collect();
            prop_assert_eq!(decode(&mut decoder, &block), Ok(expected));
        }
    }
}
