//! Writes the responses of Set, Get, Delete, Exists and the scans: for each its length, and its bytes.
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

/// `ScanResponse`: key, value and cursor; `ScanKeysResponse`: key and cursor.
const SCANNED_KEY: u32 = 1;
const SCANNED_VALUE: u32 = 2;
const SCAN_CURSOR: u32 = 3;
const SCAN_KEYS_CURSOR: u32 = 2;

/// The length of a `ScanResponse` with a key, a value and a cursor of these lengths.
pub const fn scan_response_bytes(key: usize, value: usize, cursor: usize) -> usize {
    field_bytes(key) + field_bytes(value) + field_bytes(cursor)
}

/// Writes a `ScanResponse`; the key is UTF-8.
#[inline]
pub fn write_scan_response(key: &[u8], value: &[u8], cursor: &[u8], out: &mut Vec<u8>) {
    write_field(SCANNED_KEY, key, out);
    write_field(SCANNED_VALUE, value, out);
    write_field(SCAN_CURSOR, cursor, out);
}

/// The length of a `ScanKeysResponse` with a key and a cursor of these lengths.
pub const fn scan_keys_response_bytes(key: usize, cursor: usize) -> usize {
    field_bytes(key) + field_bytes(cursor)
}

/// Writes a `ScanKeysResponse`; the key is UTF-8.
#[inline]
pub fn write_scan_keys_response(key: &[u8], cursor: &[u8], out: &mut Vec<u8>) {
    write_field(SCANNED_KEY, key, out);
    write_field(SCAN_KEYS_CURSOR, cursor, out);
}
