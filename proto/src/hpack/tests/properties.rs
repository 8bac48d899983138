//! What holds for all fields, sizes and bytes.

use super::super::{Note, Reader, STATIC_FIELDS};
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

/// Notes every field that it sees by its place in a list of its own, and knows it from then on by the note alone.
#[derive(Default)]
struct Noting {
    known: Vec<Field>,
    fields: Vec<Field>,
    noted: usize,
}

impl Reader for Noting {
    fn fixed(&mut self, index: usize) -> bool {
        let (name, value) = STATIC_FIELDS[index - 1];
        self.fields.push((name.to_vec(), value.to_vec()));
        true
    }

    fn noted(&mut self, note: Note) -> bool {
        let Some(field) = self.known.get(note.0 as usize - 1) else { return false };
        self.fields.push(field.clone());
        self.noted += 1;
        // Some are asked for all the same.
        if note.0.is_multiple_of(5) {
            self.fields.pop();
        }
        !note.0.is_multiple_of(5)
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Note {
        let field = (name.to_vec(), value.to_vec());
        self.fields.push(field.clone());
        self.known.push(field);
        // Some are not noted.
        if self.known.len().is_multiple_of(7) { Note::NONE } else { Note(self.known.len() as u64) }
    }
}

proptest! {
    /// The same fields come in the same order, and the same errors, whether some are known by their notes or none.
    #[test]
    fn notes_stand_for_their_fields(steps in steps(), list_bytes_max in prop_oneof![Just(1 << 20), 0usize..900]) {
        let (mut encoder, mut plain, mut noting) = (Encoder::new(), Decoder::new(4_096), Decoder::new(4_096));
        let mut reader = Noting::default();
        for step in steps {
            let Step::Block(fields) = step else {
                let Step::Size(size) = step else { unreachable!() };
                encoder.set_peer_table_bytes_max(size);
                continue;
            };
            let mut block = Vec::new();
            for ((name, value), indexing) in &fields {
                encoder.encode(name, value, *indexing, &mut block);
            }
            let mut expected = Vec::new();
            let collect = |name: &[u8], value: &[u8]| expected.push((name.to_vec(), value.to_vec()));
            let outcome = plain.decode(&block, list_bytes_max, collect);
            prop_assert_eq!(noting.read(&block, list_bytes_max, &mut reader), outcome);
            prop_assert_eq!(std::mem::take(&mut reader.fields), expected);
        }
    }

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

#[test]
fn what_was_noted_is_not_looked_at_again() {
    let (mut encoder, mut decoder, mut reader) = (Encoder::new(), Decoder::new(4_096), Noting::default());
    let mut block = Vec::new();
    for round in 0..10 {
        block.clear();
        encoder.encode(b":path", b"/a", Indexing::Without, &mut block);
        encoder.encode(b"te", b"trailers", Indexing::Incremental, &mut block);
        decoder.read(&block, 1_000, &mut reader).expect("the encoder's own block");
        assert_eq!((reader.known.len(), reader.noted), (2, 2 * round), "round {round}");
    }
}
