//! The entries of a `map<string, string>`.

use crate::decode_error::Problem;
use crate::wire::{Reader, kind, number};

const KEY: u32 = 1;
const VALUE: u32 = 2;

/// Checks one entry; `depth` is how many levels unknown fields in it may still enter.
pub(super) fn check_entry(bytes: &[u8], depth: u32) -> Result<(), Problem> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let key = reader.key()?;
        match (number(key), key & 7) {
            (KEY | VALUE, kind::BYTES) => reader.string().map(drop)?,
            (KEY | VALUE, _) => return Err(Problem::WireType),
            _ => reader.skip(key, depth)?,
        }
    }
    Ok(())
}
