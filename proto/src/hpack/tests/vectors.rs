//! RFC 7541 Appendix C, all of it.

use super::super::integer;
use super::{Decoder, Encoder, Field, Indexing, decode, encode, field, hex};

#[test]
fn c1_integers() {
    for (value, prefix_bits, bytes) in [(10, 5, "0a"), (1_337, 5, "1f9a0a"), (42, 8, "2a")] {
        let mut out = Vec::new();
        integer::write(value, prefix_bits, 0, &mut out);
        assert_eq!(out, hex(bytes));
        let mut rest = out.as_slice();
        assert_eq!((integer::read(&mut rest, prefix_bits), rest), (Ok(value), b"".as_slice()));
    }
}

#[test]
fn c2_field_representations() {
    for (block, expected, table_bytes) in [
        ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", field("custom-key", "custom-header"), 55),
        ("040c 2f73 616d 706c 652f 7061 7468", field(":path", "/sample/path"), 0),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", field("password", "secret"), 0),
        ("82", field(":method", "GET"), 0),
    ] {
        let mut decoder = Decoder::new(4_096);
        assert_eq!(decode(&mut decoder, &hex(block)), Ok(vec![expected]));
        assert_eq!(decoder.table_bytes(), table_bytes);
    }
}

#[test]
fn c2_written() {
    let cases = [
        (
            field("custom-key", "custom-header"),
            Indexing::Incremental,
            "4088 25a8 49e9 5ba9 7d7f 8925 a849 e95a 728e 42d9",
        ),
        (field(":path", "/sample/path"), Indexing::Without, "0489 6103 a6ba 0ac5 634c ff"),
        (field("password", "secret"), Indexing::Never, "1086 ac68 4783 d927 8441 4961 53"),
        (field(":method", "GET"), Indexing::Without, "82"),
    ];
    for (given, indexing, block) in cases {
        assert_eq!(encode(&mut Encoder::new(), &[given], indexing), hex(block));
    }
}

/// The table after a block: its bytes and its fields, the newest first.
type Table = (usize, Vec<Field>);

fn check(decoder: &mut Decoder, block: &str, fields: &[Field], table: &Table) {
    assert_eq!(decode(decoder, &hex(block)).as_deref(), Ok(fields));
    assert_eq!(decoder.table_bytes(), table.0);
    for (position, expected) in table.1.iter().enumerate() {
        // An indexed field reads the table without a change to it.
        assert_eq!(decode(decoder, &[0x80 | (62 + position as u8)]).as_deref(), Ok(std::slice::from_ref(expected)));
    }
    assert!(decode(decoder, &[0x80 | (62 + table.1.len() as u8)]).is_err(), "an entry too many");
}

fn requests() -> [(Vec<Field>, Table); 3] {
    let authority = field(":authority", "www.example.com");
    let cache = field("cache-control", "no-cache");
    let custom = field("custom-key", "custom-value");
    let head = |scheme: &str, path: &str| {
        vec![field(":method", "GET"), field(":scheme", scheme), field(":path", path), authority.clone()]
    };
    let second = [head("http", "/"), vec![cache.clone()]].concat();
    let third = [head("https", "/index.html"), vec![custom.clone()]].concat();
    [
        (head("http", "/"), (57, vec![authority.clone()])),
        (second, (110, vec![cache.clone(), authority.clone()])),
        (third, (164, vec![custom, cache, authority.clone()])),
    ]
}

#[test]
fn c3_requests_without_huffman() {
    let mut decoder = Decoder::new(4_096);
    let blocks = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    for (block, (fields, table)) in blocks.iter().zip(requests()) {
        check(&mut decoder, block, &fields, &table);
    }
}

#[test]
fn c4_requests_with_huffman() {
    let (mut decoder, mut encoder) = (Decoder::new(4_096), Encoder::new());
    let blocks = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for (block, (fields, table)) in blocks.iter().zip(requests()) {
        check(&mut decoder, block, &fields, &table);
        assert_eq!(encode(&mut encoder, &fields, Indexing::Incremental), hex(block));
    }
}

fn responses() -> [(Vec<Field>, Table); 3] {
    let (first_date, last_date) = ("Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT");
    let cookie = field("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
    let private = field("cache-control", "private");
    let location = field("location", "https://www.example.com");
    let (encoding, date) = (field("content-encoding", "gzip"), field("date", first_date));
    let list = |status: &str, date: &str| {
        vec![field(":status", status), private.clone(), field("date", date), location.clone()]
    };
    let status = |status: &str| field(":status", status);
    [
        (list("302", first_date), (222, vec![location.clone(), date.clone(), private.clone(), status("302")])),
        (list("307", first_date), (222, vec![status("307"), location.clone(), date, private.clone()])),
        (
            [list("200", last_date), vec![encoding.clone(), cookie.clone()]].concat(),
            (215, vec![cookie, encoding, field("date", last_date)]),
        ),
    ]
}

#[test]
fn c5_responses_without_huffman() {
    let mut decoder = Decoder::new(256);
    let blocks = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d \
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f \
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b \
         2076 6572 7369 6f6e 3d31",
    ];
    for (block, (fields, table)) in blocks.iter().zip(responses()) {
        check(&mut decoder, block, &fields, &table);
    }
}

#[test]
fn c6_responses_with_huffman() {
    let (mut decoder, mut encoder) = (Decoder::new(256), Encoder::new());
    encoder.set_peer_table_bytes_max(256);
    let blocks = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 \
         8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 \
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    for (number, (block, (fields, table))) in blocks.iter().zip(responses()).enumerate() {
        check(&mut decoder, block, &fields, &table);
        let written = encode(&mut encoder, &fields, Indexing::Incremental);
        match number {
            // The first block announces the size of 256 that the RFC's example assumes.
            0 => assert_eq!(written, [hex("3fe101"), hex(block)].concat()),
            // Here the RFC uses Huffman although it saves nothing ("307": three bytes both ways); we do not.
            1 => assert_eq!(written, hex("4803 3330 37c1 c0bf")),
            _ => assert_eq!(written, hex(block)),
        }
    }
}
