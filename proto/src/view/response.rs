//! Writes the responses of Set, Get, Delete and Exists: for each its length, and its bytes.
//!
//! Their `error` fields stay empty, and `success` is true: a failure is a gRPC status.

use crate::wire::{field_bytes, key, kind, write_field};

/// `success`, `found` or `exists`: field 1, true.
const FIRST_TRUE: [u8; 2] = [key(1, kind::VARINT) as u8, 1];
/// `DeleteResponse.found`: field 3, true.
const FOUND_TRUE: [u8; 2] = [key(3, kind::VARINT) as u8, 1];
/// `GetResponse.value`.
const VALUE: u32 = 2;

/// The length of a `SetResponse`.
pub const fn set_response_bytes() -> usize {
    FIRST_TRUE.len()
}

/// Writes a `SetResponse`.
#[inline]
pub fn write_set_response(out: &mut Vec<u8>) {
    out.extend_from_slice(&FIRST_TRUE);
}

/// The length of a `GetResponse`; no value: the key is missing.
#[inline]
pub const fn get_response_bytes(value: Option<&[u8]>) -> usize {
    match value {
        Some(value) => FIRST_TRUE.len() + field_bytes(value.len()),
        None => 0,
    }
}

/// Writes a `GetResponse`.
#[inline]
pub fn write_get_response(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        // The usual answer: everything before a short value is written at once.
        Some(value @ &[_, ..]) if value.len() < 0x80 => {
            let [found_key, found] = FIRST_TRUE;
            out.extend_from_slice(&[found_key, found, key(VALUE, kind::BYTES) as u8, value.len() as u8]);
            out.extend_from_slice(value);
        }
        Some(value) => {
            out.extend_from_slice(&FIRST_TRUE);
            write_field(VALUE, value, out);
        }
        None => {}
    }
}

/// The length of a `DeleteResponse`; an `ExpireResponse` and a `PersistResponse` say what was found in the same place.
pub const fn delete_response_bytes(found: bool) -> usize {
    if found { FIRST_TRUE.len() + FOUND_TRUE.len() } else { FIRST_TRUE.len() }
}

/// Writes a `DeleteResponse`, an `ExpireResponse` or a `PersistResponse`.
#[inline]
pub fn write_delete_response(found: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&FIRST_TRUE);
    if found {
        out.extend_from_slice(&FOUND_TRUE);
    }
}

/// The length of an `ExistsResponse`.
pub const fn exists_response_bytes(exists: bool) -> usize {
    if exists { FIRST_TRUE.len() } else { 0 }
}

/// Writes an `ExistsResponse`.
#[inline]
pub fn write_exists_response(exists: bool, out: &mut Vec<u8>) {
    if exists {
        out.extend_from_slice(&FIRST_TRUE);
    }
}
