//! Where a key belongs in its table: derived from the hash once, kept by the table and by the record.

use crate::limits::SEGMENT_BUCKETS;

/// Bits of the prefix.
pub(super) const PREFIX_BITS: u32 = 24;
/// Bits of a place when it is packed.
pub(super) const PLACE_BITS: u32 = PREFIX_BITS + SEGMENT_BUCKETS.ilog2();

/// A key's home: the prefix picks the segment, whatever the depth of the directory, and `home` the bucket in it.
///
/// Neither uses the hash's topmost bits, which are alike for all keys of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// 24 bits, of which the topmost select the segment and the others tell entries of one segment apart.
    pub(super) prefix: u32,
    /// The bucket where the entry lies unless it overflows.
    pub(super) home: usize,
}

impl Place {
    /// The place of a key with this hash.
    #[inline]
    pub(super) fn of(hash: u64) -> Self {
        let home = (hash >> 32) as usize & (SEGMENT_BUCKETS - 1);
        Self { prefix: spread(hash as u32), home }
    }

    /// The place in [`PLACE_BITS`] bits.
    #[inline]
    pub(super) fn pack(self) -> u32 {
        self.prefix << SEGMENT_BUCKETS.ilog2() | self.home as u32
    }

    /// How far a scan is when it comes to this place: it walks home after home, each in the order of prefixes.
    #[inline]
    pub(super) fn step(self) -> u32 {
        (self.home as u32) << PREFIX_BITS | self.prefix
    }

    /// The inverse of [`Self::step`], below `1 << PLACE_BITS`.
    #[inline]
    pub(super) fn at_step(step: u32) -> Self {
        Self { prefix: step & ((1 << PREFIX_BITS) - 1), home: (step >> PREFIX_BITS) as usize & (SEGMENT_BUCKETS - 1) }
    }

    /// The inverse of [`Self::pack`].
    #[inline]
    pub(super) fn unpack(packed: u32) -> Self {
        Self { prefix: packed >> SEGMENT_BUCKETS.ilog2(), home: packed as usize & (SEGMENT_BUCKETS - 1) }
    }
}

/// Maps the fraction u to u(4 - u)/3, in [`PREFIX_BITS`] bits, which keeps the order but makes the low end twice as
/// dense as the high end.
///
/// With an even spread all segments would fill up, and split, at the same number of keys: memory for each key would
/// swing by a factor of two, and splits would come in waves. So the segments of one table are kept at all stages of
/// filling at any time, as in spiral storage (Martin, 1979); the quadratic stands in for the logarithm.
#[inline]
fn spread(fraction: u32) -> u32 {
    let half = u64::from(fraction >> 1);
    // In units of 2^-62: below 3 * 2^62.
    let product = half * ((1 << 33) - half);
    // A third of it; 0x5555_5555 is a third of 2^32, rounded down, so that the result stays below.
    (((product >> 32) * 0x5555_5555) >> (62 - PREFIX_BITS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_keeps_the_order_and_the_range() {
        assert_eq!(spread(0), 0);
        assert_eq!(spread(u32::MAX), (1 << PREFIX_BITS) - 1);
        let mut last = 0;
        for step in 0..=0xFFFFu32 {
            let now = spread(step << 16 | 0xFFFF);
            assert!(now > last, "at {step:#x}");
            last = now;
        }
    }

    #[test]
    fn the_low_end_is_twice_as_dense() {
        let low = spread(1 << 24);
        let high = spread(u32::MAX) - spread(u32::MAX - (1 << 24));
        let ratio = f64::from(low) / f64::from(high);
        assert!((1.95..2.05).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_packed_place_comes_back() {
        let place = Place::of(0x1234_5678_9abc_def0);
        assert_eq!(Place::unpack(place.pack()), place);
        assert_eq!(Place::at_step(place.step()), place);
        assert!(place.pack() < 1 << PLACE_BITS && place.step() < 1 << PLACE_BITS);
    }
}
