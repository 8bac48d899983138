//! COMPRESSION_ERROR (RFC 9113 §4.3): a header block that cannot be decoded ends the connection wherever it comes, for
//! the tables are out of step from then on.

use super::client::{Client, GET, message};
use crate::frame::{ErrorCode, flag, kind};

/// Blocks that RFC 7541 calls decoding errors.
const BROKEN: &[(&str, &[u8])] = &[
    ("index 0", &[0x80]),
    ("an index behind the tables", &[0xff, 0x49]),
    ("an integer that does not end", &[0xff, 0xff]),
    ("an integer above 32 bits", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ("a name index behind the tables", &[0x7f, 0x89, 0x01, 0x01, b'x']),
    ("a name that is cut", &[0x40, 0x05, b'x']),
    ("a name without a value", &[0x40, 0x01, b'x']),
    ("a Huffman code with EOS", &[0x00, 0x01, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]),
    ("Huffman padding of zeros", &[0x00, 0x01, b'x', 0x81, 0x18]),
    ("Huffman padding of a byte", &[0x00, 0x01, b'x', 0x82, 0x1f, 0xff]),
    ("a table of 4,097 bytes", &[0x3f, 0xe2, 0x1f]),
    ("a table size behind a field", &[0x82, 0x20]),
];

#[test]
fn in_the_block_of_a_request() {
    for (name, block) in BROKEN {
        for cut in 0..block.len() {
            let mut client = Client::ready();
            if cut == 0 {
                client.raw(kind::HEADERS, flag::END_HEADERS, 1, block);
            } else {
                client.raw(kind::HEADERS, 0, 1, &block[..cut]);
                client.raw(kind::CONTINUATION, flag::END_HEADERS, 1, &block[cut..]);
            }
            client.dies_of(ErrorCode::CompressionError, name);
        }
    }
}

#[test]
fn in_trailers() {
    for (name, block) in BROKEN {
        let mut client = Client::ready();
        client.open(1, GET);
        client.data(1, false, &message(b""));
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, block);
        client.dies_of(ErrorCode::CompressionError, name);
    }
}

/// What is ignored on a stream still counts for the tables.
#[test]
fn on_a_stream_that_is_over() {
    for (name, block) in BROKEN {
        // Answered and reset by us, as nobody serves its path.
        let mut client = Client::ready();
        client.open(1, "/a/b");
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, block);
        client.dies_of(ErrorCode::CompressionError, name);

        let mut client = Client::ready();
        let call = client.called(1, GET, b"");
        client.reply(call, b"");
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, block);
        client.dies_of(ErrorCode::CompressionError, name);
    }
}

#[test]
fn on_a_stream_that_is_ignored_while_draining() {
    for (name, block) in BROKEN {
        let mut client = Client::ready();
        client.called(1, GET, b"");
        client.connection.drain(0);
        client.connection.drain(0);
        client.raw(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 3, block);
        client.dies_of(ErrorCode::CompressionError, name);
    }
}
