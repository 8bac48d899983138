//! The coding as a whole: the RFC's own vectors, properties, and another implementation as the peer.
mod independent;
mod limits;
mod properties;
mod strings;
mod vectors;

use super::{Decoder, Encoder, Error, Indexing};

/// A field that owns its name and value.
type Field = (Vec<u8>, Vec<u8>);

const LIST_BYTES_MAX: usize = 1 << 20;

fn field(name: &str, value: &str) -> Field {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Field>, Error> {
    let mut fields = Vec::new();
    decoder.decode(block, LIST_BYTES_MAX, |name, value| fields.push((name.to_vec(), value.to_vec())))?;
    Ok(fields)
}

fn encode(encoder: &mut Encoder, fields: &[Field], indexing: Indexing) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        encoder.encode(name, value, indexing, &mut block);
    }
    block
}

/// Bytes from their hexadecimal digits; blanks do not count.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).expect("a digit"))
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
