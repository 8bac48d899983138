//! Every bound of the backends in one place, with the relations between them asserted at compile time.

/// Bytes of one page of the memstore's arena; the piece in which memory is taken and given back.
pub const PAGE_BYTES: usize = 64 << 10;
/// The longest record that shares a page; a longer one has an allocation of its own.
pub const SLOT_BYTES_MAX: usize = 8 << 10;
/// The smallest slot of a page.
pub const SLOT_BYTES_MIN: usize = 16;
/// Slots of one bucket of the memstore's table: one cache line.
pub const BUCKET_SLOTS: usize = 8;
/// Buckets of one segment; a split moves the entries of one segment and zeroes the bytes of another.
pub const SEGMENT_BUCKETS: usize = 128;
/// Buckets in which one entry may lie, beginning with its home.
pub const PROBE_BUCKETS_MAX: usize = 8;
/// Hash bits that the table's directory may use, so its most entries are 2 to this power.
pub const DEPTH_MAX: u32 = 22;
/// Buckets that one call of `tend` looks through for expired entries.
pub const SWEEP_BUCKETS_PER_TEND: usize = 32;
/// How long the sweep rests after a lap that found nothing expired.
pub const SWEEP_REST_NS: u64 = 100_000_000;
/// Buckets that a write looks through for expired entries when memory is short, for each attempt.
pub const RECLAIM_BUCKETS: usize = 256;
/// Attempts of a write to find room, besides two for each page of its own size.
pub const RECLAIM_ATTEMPTS: usize = 4;
/// Pages among which the emptiest is chosen to be vacated.
pub const VACATE_CANDIDATES: usize = 16;
/// The part of a long record's memory that it may leave unused: one in so many bytes. A message with more is copied.
pub const ADOPTED_WASTE_MAX: usize = 16;
/// The longest key that the memstore takes, whatever `limits.key_bytes_max` says.
pub const KEY_BYTES_MAX: usize = 4_095;
/// The longest value that the memstore takes; `limits.message_bytes_max` bounds what arrives far below it.
pub const VALUE_BYTES_MAX: usize = 1 << 30;

const _: () = {
    assert!(prism_proto::limits::Limits::DEFAULT.key_bytes_max <= KEY_BYTES_MAX);
    assert!(prism_proto::limits::Limits::DEFAULT.message_bytes_max <= VALUE_BYTES_MAX);
    assert!(PAGE_BYTES.is_multiple_of(SLOT_BYTES_MIN));
    // Where a slot begins, in units of 8 bytes, fits 16 bits with a value to spare.
    assert!(PAGE_BYTES / 8 < 1 << 16);
    // Even the largest class shares a page with some others.
    assert!(SLOT_BYTES_MAX * 8 <= PAGE_BYTES);
    // The length of a value in a slot, and two marks above it, fit 14 bits.
    assert!(SLOT_BYTES_MAX < (1 << 14) - 2);
    assert!(SEGMENT_BUCKETS.is_power_of_two() && SEGMENT_BUCKETS <= 128);
    // A distance fits 3 bits.
    assert!(PROBE_BUCKETS_MAX <= 8 && PROBE_BUCKETS_MAX < SEGMENT_BUCKETS);
    // At full depth two bits of the 24 that an entry keeps of its hash still tell entries apart.
    assert!(DEPTH_MAX <= 22);
};
