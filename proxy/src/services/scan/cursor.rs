//! Cursors: where a scan goes on, sealed so that only one of ours, with its namespace and prefix, is taken for one.
//!
//! ```text
//! seal (8 bytes) | owner shard (2, little endian) | place (5, little endian) | key, when several share the place
//! ```
//!
//! The order of a scan follows from a secret of the process, so a cursor is of no use to another process; its seal
//! does not fit there either.

use std::hash::{DefaultHasher, Hasher};

use prism_backends::{KeyHasher, Position};
use prism_proto::status::{Code, Status};

const SEAL_BYTES: usize = 8;
const OWNER_BYTES: usize = 2;
const PLACE_BYTES: usize = 5;
const KEY_AT: usize = SEAL_BYTES + OWNER_BYTES + PLACE_BYTES;

/// The length of a position's cursor.
pub(super) const fn cursor_bytes(position: Position<'_>) -> usize {
    KEY_AT + position.key.len()
}

/// Makes the cursors of one scan, and knows them again: SipHash with the process's secret, its namespace and its prefix
/// already taken in.
#[derive(Debug, Clone)]
pub(super) struct Seal(DefaultHasher);

impl Seal {
    pub(super) fn new(secret: &KeyHasher, namespace: u16, prefix: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        // All shards have the same secret. These are no keys of any namespace.
        for part in 0..2 {
            hasher.write_u64(secret.hash(part, b"\xffthe seal of cursors"));
        }
        hasher.write_u16(namespace);
        hasher.write_usize(prefix.len());
        hasher.write(prefix);
        Self(hasher)
    }

    fn of(&self, sealed: &[u8]) -> [u8; SEAL_BYTES] {
        let mut hasher = self.0.clone();
        hasher.write(sealed);
        hasher.finish().to_le_bytes()
    }

    /// Writes the cursor of a position among the entries of a shard.
    pub(super) fn write(&self, owner: u32, position: Position<'_>, cursor: &mut Vec<u8>) {
        cursor.clear();
        cursor.extend_from_slice(&[0; SEAL_BYTES]);
        cursor.extend_from_slice(&owner.to_le_bytes()[..OWNER_BYTES]);
        cursor.extend_from_slice(&position.place.to_le_bytes()[..PLACE_BYTES]);
        cursor.extend_from_slice(position.key);
        let seal = self.of(&cursor[SEAL_BYTES..]);
        cursor[..SEAL_BYTES].copy_from_slice(&seal);
    }

    /// What a cursor says.
    pub(super) fn open<'c>(&self, cursor: &'c [u8], shards: u32) -> Result<(u32, Position<'c>), Status> {
        let (seal, sealed) = cursor.split_first_chunk::<SEAL_BYTES>().ok_or_else(foreign)?;
        if cursor.len() < KEY_AT || *seal != self.of(sealed) {
            return Err(foreign());
        }
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let owner = number(&sealed[..OWNER_BYTES]) as u32;
        let place = number(&sealed[OWNER_BYTES..OWNER_BYTES + PLACE_BYTES]);
        if owner >= shards {
            return Err(foreign());
        }
        Ok((owner, Position { place, key: &cursor[KEY_AT..] }))
    }
}

#[cold]
fn foreign() -> Status {
    Status::new(
        Code::InvalidArgument,
        "cursor is not one that this proxy has given out for this namespace and prefix since it was started",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: u64, namespace: u16, prefix: &[u8]) -> Seal {
        Seal::new(&KeyHasher::fixed(secret), namespace, prefix)
    }

    const POSITIONS: [Position<'static>; 3] = [
        Position { place: 0, key: b"" },
        Position { place: 1 << 31, key: b"" },
        Position { place: 77, key: b"shares its place" },
    ];

    #[test]
    fn a_cursor_says_where_it_goes_on() {
        for position in POSITIONS {
            let mut cursor = Vec::new();
            seal(1, 2, b"p").write(3, position, &mut cursor);
            assert_eq!(cursor.len(), cursor_bytes(position));
            assert_eq!(seal(1, 2, b"p").open(&cursor, 4).unwrap(), (3, position));
            assert!(seal(1, 2, b"p").open(&cursor, 3).is_err(), "there is no such shard");
        }
    }

    #[test]
    fn no_other_scan_takes_it() {
        let mut cursor = Vec::new();
        seal(1, 2, b"prefix").write(0, POSITIONS[2], &mut cursor);
        for other in [seal(2, 2, b"prefix"), seal(1, 1, b"prefix"), seal(1, 2, b"prefi"), seal(1, 2, b"")] {
            assert_eq!(other.open(&cursor, 4).unwrap_err().code, Code::InvalidArgument);
        }
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let scan = seal(1, 2, b"prefix");
        for position in POSITIONS {
            let mut cursor = Vec::new();
            scan.write(0, position, &mut cursor);
            for at in 0..cursor.len() {
                for bit in 0..8 {
                    let mut changed = cursor.clone();
                    changed[at] ^= 1 << bit;
                    assert!(scan.open(&changed, u32::MAX).is_err(), "bit {bit} of byte {at}");
                }
                assert!(scan.open(&cursor[..at], u32::MAX).is_err(), "{at} bytes of it");
            }
            cursor.push(0);
            assert!(scan.open(&cursor, u32::MAX).is_err());
        }
    }
}
