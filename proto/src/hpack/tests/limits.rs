//! Bounds and everything that a decoder must refuse.

use super::super::integer;
use super::{Decoder, Encoder, Error, Indexing, decode, encode, field, hex};

fn assert_malformed(block: &[u8]) {
    let result = decode(&mut Decoder::new(4_096), block);
    assert!(matches!(result, Err(Error::Malformed(_))), "{block:02x?}: {result:?}");
}

#[test]
fn integers_are_bounded() {
    for bytes in [
        "1f",
        "1f80",
        // 2^32 - 1 is 31 + 0xffff_ffe0; one more is too much, and so are more than five continuations.
        "1fe1ffffff0f",
        "1fffffffff7f",
        "1f808080808000",
        "1f8080808080808080808080808000",
    ] {
        let read = integer::read(&mut hex(bytes).as_slice(), 5);
        assert!(matches!(read, Err(Error::Malformed(_))), "{bytes}: {read:?}");
    }
    assert_eq!(integer::read(&mut hex("1fe0ffffff0f").as_slice(), 5), Ok(u32::MAX as usize));
    assert_eq!(integer::read(&mut hex("1f8080808000").as_slice(), 5), Ok(31));
}

#[test]
fn every_integer_length_comes_back() {
    for prefix_bits in 4..=8 {
        for value in (0..32).flat_map(|shift| [(1usize << shift) - 1, 1 << shift, (1 << shift) + 1]) {
            let mut out = Vec::new();
            integer::write(value, prefix_bits, 0, &mut out);
            assert_eq!(integer::read(&mut out.as_slice(), prefix_bits), Ok(value));
        }
    }
}

#[test]
fn malformed_blocks_are_refused() {
    for block in [
        "80",                // index 0
        "be",                // an empty dynamic table
        "ff",                // an index cut short
        "ff808080808001",    // an index of too many bytes
        "7e00",              // a name beyond both tables, with indexing
        "0f3000",            // the same without
        "1f3000",            // and never indexed
        "40",                // name missing
        "4001",              // name cut short
        "400161",            // value missing
        "40016102",          // value cut short
        "0001610a62",        // value longer than the block
        "00017f8fffffff7f",  // a length of 32 bits
        "0001618100",        // Huffman: bad padding
        "000161 84ffffffff", // Huffman: the end-of-string symbol
        "8220",              // a size update after a field
        "3fe21f",            // 4,097 of 4,096
    ] {
        assert_malformed(&hex(block));
    }
}

#[test]
fn size_updates_stand_first_and_several_may() {
    let mut decoder = Decoder::new(4_096);
    assert_eq!(decode(&mut decoder, &hex("20 3fe11f 82")), Ok(vec![field(":method", "GET")]));
    assert_eq!(decode(&mut decoder, &hex("20")), Ok(vec![]));
    // With no table an insertion keeps nothing.
    assert_eq!(decode(&mut decoder, &hex("400161 0162")), Ok(vec![field("a", "b")]));
    assert!(decode(&mut decoder, &hex("be")).is_err());
}

#[test]
fn an_entry_larger_than_the_table_empties_it() {
    let mut decoder = Decoder::new(64);
    assert_eq!(decode(&mut decoder, &hex("400161 0162")), Ok(vec![field("a", "b")]));
    assert_eq!(decoder.table_bytes(), 34);
    let large = "x".repeat(32);
    let block = [hex("7e 20"), large.clone().into_bytes()].concat();
    assert_eq!(decode(&mut decoder, &block), Ok(vec![field("a", &large)]));
    assert_eq!(decoder.table_bytes(), 0);
}

#[test]
fn an_entry_as_large_as_the_table_is_kept() {
    let mut decoder = Decoder::new(34);
    assert_eq!(decode(&mut decoder, &hex("400161 0162")), Ok(vec![field("a", "b")]));
    assert_eq!(decode(&mut decoder, &hex("be")), Ok(vec![field("a", "b")]));
}

#[test]
fn a_name_may_come_from_the_entry_that_the_insertion_evicts() {
    let mut decoder = Decoder::new(40);
    for value in ["b", "c", "d"] {
        let name = if value == "b" { hex("400161") } else { hex("7e") };
        let block = [name, vec![1], value.as_bytes().to_vec()].concat();
        assert_eq!(decode(&mut decoder, &block), Ok(vec![field("a", value)]));
        assert_eq!(decoder.table_bytes(), 34);
    }
}

#[test]
fn a_list_above_its_bound_is_decoded_and_not_reported() {
    // Three fields of 1 + 1 + 32 bytes that are inserted.
    let block = hex("400161 0162 400163 0164 400165 0166");
    for (list_bytes_max, reported) in [(101, 2), (102, 3)] {
        let mut decoder = Decoder::new(4_096);
        let mut count = 0;
        let result = decoder.decode(&block, list_bytes_max, |_, _| count += 1);
        assert_eq!((result.is_ok(), count), (reported == 3, reported));
        // The table is in step all the same.
        assert_eq!(decode(&mut decoder, &hex("be")), Ok(vec![field("e", "f")]));
    }
}

#[test]
fn after_the_first_field_that_is_too_much_nothing_is_reported() {
    // Fields of 34, 37 and 34 bytes: the last would fit what the second leaves.
    let block = hex("400161 0162 400163 0464646464 400165 0166");
    let mut names = Vec::new();
    let result = Decoder::new(4_096).decode(&block, 70, |name, _| names.push(name.to_vec()));
    assert_eq!((result, names), (Err(Error::ListTooLarge), vec![b"a".to_vec()]));
}

#[test]
fn a_block_that_expands_is_cut_off_and_costs_no_memory() {
    let mut decoder = Decoder::new(4_096);
    let value = "x".repeat(4_000);
    let first = encode(&mut Encoder::new(), &[field("bomb", &value)], Indexing::Incremental);
    for (times, expected) in [(60, Error::ListTooLarge), (16_000, Error::Expansion)] {
        let block = [&first[..], &vec![0xbe; times]].concat();
        let mut reported_bytes = 0;
        let result = decoder.decode(&block, 16_384, |name, value| reported_bytes += name.len() + value.len() + 32);
        assert_eq!(result, Err(expected), "{times} times");
        assert!(reported_bytes <= 16_384);
    }
}

#[test]
fn memory_is_bounded_whatever_is_inserted() {
    let mut decoder = Decoder::new(4_096);
    for length in [10, 4_000, 100_000, 1_000, 3] {
        for letter in b'a'..=b'z' {
            // With indexing whatever the size, which our own encoder never does.
            let mut block = vec![0x40, 1, letter];
            integer::write(length, 7, 0, &mut block);
            block.resize(block.len() + length, letter);
            let literal = encode(&mut Encoder::new(), &[(vec![letter], vec![letter; length])], Indexing::Without);
            decode(&mut decoder, &block).expect("a good block");
            decode(&mut decoder, &literal).expect("a good block");
            assert!(decoder.table_bytes() <= 4_096);
            assert!(decoder.held_bytes() < 48 << 10, "{} bytes", decoder.held_bytes());
        }
    }
}

#[test]
fn the_generation_changes_with_the_table_and_only_then() {
    let mut decoder = Decoder::new(70);
    let mut last = decoder.generation();
    for (block, changes) in [
        ("82", false),
        ("040161", false),
        ("100161 0162", false),
        ("400161 0162", true),
        ("be", false),
        ("400161 0162", true),
        ("400161 0162", true), // evicts
        ("3f27", false),       // 70, as before
        ("3f20", true),        // 63: evicts
        ("20", true),
        ("400161 0162", true), // not kept, but an insertion for whoever counts
    ] {
        decode(&mut decoder, &hex(block)).expect("a good block");
        assert_eq!(decoder.generation() != last, changes, "{block}");
        last = decoder.generation();
    }
}

#[test]
fn the_encoder_announces_the_least_size_and_then_the_last() {
    let method = [field(":method", "GET")];
    for (sizes, block) in [
        (vec![], "82"),
        (vec![4_096, 65_536], "82"), // never more than our own bound
        (vec![100], "3f45 82"),
        (vec![0], "20 82"),
        (vec![0, 4_096], "20 3fe11f 82"),
        (vec![0, 4_096, 100], "20 3f45 82"),
        (vec![100, 0], "20 82"),
    ] {
        let mut encoder = Encoder::new();
        let generation = encoder.generation();
        sizes.iter().for_each(|&size| encoder.set_peer_table_bytes_max(size));
        assert_eq!(encoder.generation() == generation, block == "82");
        assert_eq!(encode(&mut encoder, &method, Indexing::Incremental), hex(block), "{sizes:?}");
        assert_eq!(encode(&mut encoder, &method, Indexing::Incremental), hex("82"));
    }
}

#[test]
fn the_encoder_writes_literals_when_the_peer_has_no_table() {
    let mut encoder = Encoder::new();
    encoder.set_peer_table_bytes_max(0);
    let fields = [field("grpc-status", "0")];
    let first = encode(&mut encoder, &fields, Indexing::Incremental);
    let second = encode(&mut encoder, &fields, Indexing::Incremental);
    assert_eq!(first[..2], [0x20, 0x00]);
    assert_eq!(first[1..], second);
}

#[test]
fn a_secret_is_never_indexed_even_when_a_table_has_it() {
    let mut encoder = Encoder::new();
    let fields = [field("authorization", "secret")];
    encode(&mut encoder, &fields, Indexing::Incremental);
    let block = encode(&mut encoder, &fields, Indexing::Never);
    assert_eq!(block[0] & 0xf0, 0x10);
    assert!(block.len() > 2);
}
