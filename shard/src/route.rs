//! Which shard owns a key.
//!
//! One 64-bit hash serves twice: its high half picks the shard, the rest serves the owner's table, so that the keys of
//! one shard are still spread evenly over that table.

/// The shard, of `shards`, that owns a key with this hash: the high 32 bits scaled to the count (Lemire's reduction).
#[inline]
pub fn owner(hash: u64, shards: u32) -> u32 {
    u32::try_from(((hash >> 32) * u64::from(shards)) >> 32).expect("a 32-bit fraction of a 32-bit count")
}
