//! The coding as a whole.

use super::{Decoder, Encoder, Indexing};

#[test]
fn a_field_comes_back_and_is_one_byte_the_second_time() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4_096));
    for bytes in [2..64, 1..2] {
        let mut block = Vec::new();
        encoder.encode(b"content-type", b"application/grpc", Indexing::Incremental, &mut block);
        assert!(bytes.contains(&block.len()), "{} bytes", block.len());
        let mut fields = Vec::new();
        decoder
            .decode(&block, 1_000, |name, value| fields.push((name.to_vec(), value.to_vec())))
            .expect("a good block");
        assert_eq!(fields, [(b"content-type".to_vec(), b"application/grpc".to_vec())]);
    }
}
