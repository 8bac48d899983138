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
/// Cache lines of a record that are prefetched.
pub const PREFETCH_LINES: usize = 2;
/// A store that holds more than this does not fit the fast caches of a core, so that prefetching pays.
pub const LARGE_STORE_BYTES: usize = 4 << 20;
/// Timers that lie in one page: 16 bytes each, and one page is kept in reserve.
pub const TIMERS_PER_PAGE: usize = 512;
/// Timers that one call of `tend` takes in hand: each is collected, set anew, or comes nearer.
pub const TIMERS_PER_TEND: usize = 128;
/// The same of a write when memory is short, for each attempt.
pub const TIMERS_PER_RECLAIM: usize = 256;
/// Elements of a list with their lengths, up to so many bytes, lie in one record with the key.
pub const LIST_INLINE_BYTES_MAX: usize = 1 << 10;
/// A list of nodes that is left with one of so few bytes becomes one record again.
pub const LIST_SHRINK_BYTES_MAX: usize = 128;
/// Bytes of a node of a list, a power of two: up to a quarter of what the list has, within these bounds, or one longer
/// element.
pub const LIST_NODE_BYTES_MIN: usize = 512;
/// See [`LIST_NODE_BYTES_MIN`].
pub const LIST_NODE_BYTES_MAX: usize = 4 << 10;
/// Nodes of lists that are gone of which one call of `tend` gives the memory back.
pub const LIST_NODES_PER_TEND: usize = 64;
/// The same of a write when memory is short, for each attempt.
pub const LIST_NODES_PER_RECLAIM: usize = 64;
/// The same of each call about a list.
pub const LIST_NODES_PER_CALL: usize = 4;
/// Keys that one attempt of a write drops at most, where the policy lets it.
pub const EVICTIONS_PER_ATTEMPT: usize = 1_024;
/// Keys, buckets and timers among which the policy looks for one to drop.
pub const EVICT_LOOKS: usize = 64;
/// Samples of so many in which a namespace at its own bound looks for a key that expires.
pub const SHARE_SAMPLES: usize = 16;
/// Buckets of the table that count as much as one key there: most of a table whose keys have gone is empty.
pub const EVICT_BUCKETS_PER_LOOK: usize = 16;
/// How often one attempt of a write looks without finding a key to drop.
pub const EVICT_VAIN_TRIES: usize = 16;
/// The part of a namespace's keys that S3-FIFO has on probation.
pub const PROBATION_PART: usize = 10;
/// Keys that leave probation when one comes and there is room for all.
pub const PROBATION_MOVES: usize = 2;
/// Entries of one page of the queue of keys on probation.
pub const PROBATION_PER_PAGE: usize = 512;
/// Dropped keys of one namespace that S3-FIFO remembers at most, with two bytes each.
pub const GHOSTS_MAX: usize = 1 << 20;
/// Attempts of a write to find room, besides those for each page of its own size.
pub const RECLAIM_ATTEMPTS: usize = 8;
/// See [`RECLAIM_ATTEMPTS`].
pub const RECLAIM_ATTEMPTS_PER_PAGE: usize = 6;
/// Pages among which the emptiest is chosen to be vacated.
pub const VACATE_CANDIDATES: usize = 16;
/// The part of a long record's memory that it may leave unused: one in so many bytes. A message with more is copied.
pub const ADOPTED_WASTE_MAX: usize = 16;
/// The longest key that the memstore takes, whatever `limits.key_bytes_max` says.
pub const KEY_BYTES_MAX: usize = 4_095;
/// The longest value that the memstore takes; `limits.message_bytes_max` bounds what arrives far below it.
pub const VALUE_BYTES_MAX: usize = 1 << 30;
/// What one page of a scan may cost: buckets and entries looked at, each of which may be a miss of the caches.
pub const SCAN_WORK_PER_PAGE: usize = 128;
/// What an entry of a scan counts beside key and value: lengths, position, and what a message puts around them.
pub const SCAN_ENTRY_BYTES: usize = 64;
/// The memory of a page that a store keeps for the next one.
pub const SCAN_PAGE_BYTES_KEPT: usize = 128 << 10;
/// Bytes of the first segment of a log; each further one has twice as many, up to [`LOG_SEGMENT_BYTES_MAX`].
pub const LOG_SEGMENT_BYTES_MIN: usize = 256;
/// Bytes of a log's segment, at most, unless one record has more: the piece in which a log grows and is trimmed.
pub const LOG_SEGMENT_BYTES_MAX: usize = 64 << 10;
/// A log's segments are at most this part of what it keeps, so that it does not lose all when it loses its oldest.
pub const LOG_SEGMENTS_MIN: usize = 16;
/// The same of the time that a log keeps a record: no segment is written to for longer than that part of it.
pub const LOG_SEGMENT_AGES_MIN: u64 = 8;
/// Bytes of a segment between two places that its index knows: what a read from any offset steps over.
pub const LOG_INDEX_BYTES: usize = 1 << 10;
/// Logs of one shard. An empty one takes some 200 bytes and its name.
pub const LOGS_MAX: usize = 1 << 20;
/// Segments that one append or trim gives back at most.
pub const LOG_DROPS_MAX: usize = 256;
/// Segments that one call of `tend` gives back at most: those that were trimmed, and those that are too old.
pub const LOG_DROPS_PER_TEND: usize = 64;
/// Records of one page of a log.
pub const LOG_ENTRIES_PER_PAGE: usize = 256;
/// What a record of a log counts in a page beside its bytes and the topic: id, time, and what a message puts around.
pub const LOG_ENTRY_BYTES: usize = 64;
/// The memory of a page of records that a store keeps for the next one.
pub const LOG_PAGE_BYTES_KEPT: usize = 128 << 10;
/// Namespaces in which one call of `tend` looks for segments that are too old.
pub const LOG_NAMESPACES_PER_TEND: usize = 16;

const _: () = {
    // What a log holds always includes the segment that it writes to, and a few before it.
    assert!(LOG_SEGMENT_BYTES_MIN < LOG_SEGMENT_BYTES_MAX && LOG_SEGMENTS_MIN >= 4);
    assert!(LOG_INDEX_BYTES >= LOG_SEGMENT_BYTES_MIN);
    assert!(LOGS_MAX < u32::MAX as usize);
    assert!(prism_proto::limits::Limits::DEFAULT.key_bytes_max <= KEY_BYTES_MAX);
    assert!(prism_proto::limits::Limits::DEFAULT.message_bytes_max <= VALUE_BYTES_MAX);
    assert!(PAGE_BYTES.is_multiple_of(SLOT_BYTES_MIN));
    // Where a slot begins, in units of 8 bytes, fits 16 bits with a value to spare.
    assert!(PAGE_BYTES / 8 < 1 << 16);
    // Even the largest class shares a page with some others.
    assert!(SLOT_BYTES_MAX * 8 <= PAGE_BYTES);
    // The length of a value in a slot, and four marks above it, fit 14 bits.
    assert!(SLOT_BYTES_MAX < (1 << 14) - 4);
    // A list in one record shares a page, with the longest key too; so does a node, and the bytes of both fit 16 bits.
    assert!(LIST_INLINE_BYTES_MAX + KEY_BYTES_MAX + 64 <= SLOT_BYTES_MAX);
    assert!(LIST_NODE_BYTES_MAX + 64 <= SLOT_BYTES_MAX && LIST_SHRINK_BYTES_MAX < LIST_INLINE_BYTES_MAX);
    assert!(LIST_INLINE_BYTES_MAX <= 2 * LIST_NODE_BYTES_MAX && LIST_NODE_BYTES_MIN <= LIST_NODE_BYTES_MAX);
    assert!(SEGMENT_BUCKETS.is_power_of_two() && SEGMENT_BUCKETS <= 128);
    // A distance fits 3 bits.
    assert!(PROBE_BUCKETS_MAX <= 8 && PROBE_BUCKETS_MAX < SEGMENT_BUCKETS);
    // At full depth two bits of the 24 that an entry keeps of its hash still tell entries apart.
    assert!(DEPTH_MAX <= 22);
};
