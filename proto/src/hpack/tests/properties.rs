//! What holds for all fields, sizes and bytes.

use super::{Decoder, Encoder, Error, Field, Indexing, decode};
use proptest::prelude::*;

/// One step of a connection's life.
#[derive(Debug, Clone)]
enum Step {
    /// The peer's SETTINGS_HEADER_TABLE_SIZE changes.
    Size(usize),
    /// A block is sent.
    Block(Vec<(Field, Indexing)>),
}

fn fields() -> impl Strategy<Value = (Field, Indexing)> {
    let name = prop_oneof![
        3 => prop::sample::select(vec![":path", ":method", "content-type", "grpc-status", "a"]).prop_map(Vec::from),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    let value = prop_oneof![
        3 => prop::sample::select(vec!["", "GET", "0", "/", "application/grpc", "trailers"]).prop_map(Vec::from),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ];
    let indexing = prop::sample::select(vec![Indexing::Incremental, Indexing::Without, Indexing::Never]);
    ((name, value), indexing)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![Just(0), 0usize..300, Just(4_096), Just(1 << 20)];
    let step = prop_oneof![
        1 => size.prop_map(Step::Size),
        4 => prop::collection::vec(fields(), 0..12).prop_map(Step::Block),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn fields_come_back_over_any_course_of_sizes(steps in steps()) {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4_096));
        for step in steps {
            match step {
                Step::Size(size) => encoder.set_peer_table_bytes_max(size),
                Step::Block(fields) => {
                    let mut block = Vec::new();
                    for ((name, value), indexing) in &fields {
                        encoder.encode(name, value, *indexing, &mut block);
                    }
                    let expected: Vec<Field> = fields.into_iter().map(|(field, _)| field).collect();
                    prop_assert_eq!(decode(&mut decoder, &block), Ok(expected));
                }
            }
        }
    }

    /// Random bytes, and bytes that are more often the beginning of something: no panic, and the bounds hold.
    #[test]
    fn no_block_breaks_the_decoder(
        blocks in prop::collection::vec(prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(vec![0x40, 0xbe, 0x82, 0x00, 0x10, 0x20, 0x01, 0x3f, 0x7f])],
            0..60,
        ), 0..20),
        table_bytes_max in prop_oneof![Just(0usize), 0usize..200, Just(4_096)],
    ) {
        let mut decoder = Decoder::new(table_bytes_max);
        for block in blocks {
            let mut list_bytes = 0;
            let result = decoder.decode(&block, 300, |name, value| list_bytes += name.len() + value.len() + 32);
            prop_assert!(list_bytes <= 300);
            prop_assert!(decoder.table_bytes() <= table_bytes_max);
            if matches!(result, Err(Error::Malformed(_))) {
                break;
            }
        }
    }

    /// While the generation stays, so does the meaning of a block.
    #[test]
    fn a_block_means_the_same_in_one_generation(
        lists in prop::collection::vec(prop::collection::vec(fields(), 1..6), 1..10),
    ) {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4_096));
        let mut seen: Vec<(Vec<u8>, u64, Vec<Field>)> = Vec::new();
        for list in lists.iter().chain(&lists) {
            let mut block = Vec::new();
            for ((name, value), indexing) in list {
                encoder.encode(name, value, *indexing, &mut block);
            }
            let before = decoder.generation();
            let decoded = decode(&mut decoder, &block).expect("a good block");
            for (known, generation, fields) in &seen {
                prop_assert!(known != &block || generation != &before || fields == &decoded);
            }
            if decoder.generation() == before {
                seen.push((block, before, decoded));
            }
        }
    }
}
