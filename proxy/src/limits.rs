//! Every bound of the proxy that nobody needs to turn, with the relations between them asserted at compile time.

use prism_backends::limits::SCAN_WORK_PER_PAGE;
use prism_proto::limits::{
    FRAME_BYTES_MAX, HEADER_BYTES_PER_EFFORT, Limits, SECOND_NS, SMALL_REPLY_BYTES, STREAM_WINDOW_BYTES,
    UNSENT_BYTES_MAX,
};

/// How often connections are looked at: for their age, for what they could give back, and for passed deadlines.
pub(crate) const UPKEEP_INTERVAL_NS: u64 = 10_000_000;
/// The same while calls with deadlines are open.
pub(crate) const DEADLINE_INTERVAL_NS: u64 = 5_000_000;
/// Places of connections that are looked at in one turn for their age and memory.
pub(crate) const LOOKS_PER_TURN_MAX: u32 = 64;
/// Connections that are looked at in one turn for passed deadlines.
pub(crate) const WATCHES_PER_TURN_MAX: usize = 512;
/// Connections that are tried again in one turn because the process may have room again.
pub(crate) const FEEDS_PER_TURN_MAX: usize = 64;
/// How long a large message waits for room before it counts as one that waits in vain, and not only for its turn.
pub(crate) const ROOM_PATIENCE_NS: u64 = 100_000_000;
/// What a connection may hold of parts of small messages and answers, however full the process is: as much as one
/// stream's window, and a little. `limits.buffer_bytes_max` may be exceeded by so much for each connection.
pub(crate) const CONNECTION_BYTES_FREE: usize = 16 << 10;
/// How long a connection is silent before it gives back what only a busy one needs.
pub(crate) const TRIM_AFTER_NS: u64 = SECOND_NS;
/// How long a client that is asked to go may take to have seen the first GOAWAY, so that calls that cross it on their
/// way are still served. One that does not answer its PING by then is told the last call that counts.
pub(crate) const DRAIN_PATIENCE_NS: u64 = 300_000_000;
/// What one connection may do in one turn of its shard, in units of effort: a frame is one (see
/// `prism_proto::h2::server::Connection::set_effort`), and beside that [`EVENT_UNITS`], [`INPUT_BYTES_PER_UNIT`] and
/// [`OUTPUT_BYTES_PER_UNIT`] count. The rest goes on in the next turn, after the others.
pub(crate) const SHARE_UNITS: usize = 1_024;
/// What a call or another event counts.
pub(crate) const EVENT_UNITS: usize = 2;
/// Received bytes that count as one unit.
pub(crate) const INPUT_BYTES_PER_UNIT: usize = 1_024;
/// Bytes of answers that count as one unit.
pub(crate) const OUTPUT_BYTES_PER_UNIT: usize = 512;
/// Bytes that a connection may have left over before it is no longer read.
pub(crate) const LEFT_OVER_BYTES_MAX: usize = 64 << 10;
/// How long a connection is read into long buffers after its last large message.
pub(crate) const LONG_READ_NS: u64 = 100_000_000;
/// Bytes of one page of a call that is answered page by page, but for a single entry that is longer.
pub(crate) const PAGE_BYTES_MAX: usize = 32 << 10;
/// What a shard does in one turn for all pages together, before it looks for other work: entries and buckets looked at,
/// and [`PULL_BYTES_PER_WORK`]. It may be exceeded by one page.
pub(crate) const PULL_WORK_PER_TURN_MAX: usize = 128;
/// Bytes of a page that count as one unit of that work.
pub(crate) const PULL_BYTES_PER_WORK: usize = 256;
/// Calls that are looked at together before the first of them is executed, so that their waits for memory are one: more
/// than a core has reads on their way, and few enough that what was loaded first is still there.
pub(crate) const AHEAD_CALLS: usize = 32;
/// Bytes of pages that one shard may have on their way to the readers of a shard that follows logs, itself included,
/// before it waits until some have reached them all.
pub(crate) const TAIL_BYTES_UNTAKEN_MAX: usize = 1 << 20;
/// What such a page counts at least: what waits while many readers are served comes in few long pages, not in many
/// short ones.
pub(crate) const TAIL_PAGE_BYTES_MIN: usize = 8 << 10;
/// Logs whose news are sent to the shards that follow them in one turn.
pub(crate) const TAILS_PER_TURN_MAX: usize = 64;
/// Bytes of pages that are sent in one turn to all shards that follow logs together. May be exceeded by one page.
pub(crate) const TAIL_BYTES_PER_TURN_MAX: usize = 128 << 10;
/// What a shard that follows counts at least when it is looked at.
pub(crate) const TAIL_LOOK_BYTES: usize = 256;
/// Readers that are looked at in one turn to be handed a page; [`PULL_BYTES_PER_WORK`] that are copied for one count as
/// one more. May be exceeded by one page.
pub(crate) const FANOUT_PER_TURN_MAX: usize = 1_024;
/// Waits that are looked at in one turn because they may be over.
pub(crate) const WAITS_PER_TURN_MAX: usize = 256;
/// The longest that a Read may wait at the end of its log for each record.
pub(crate) const WAIT_MS_MAX: i32 = 60_000;
/// Entries of a batch that are executed one after the other without a look for other work.
pub(crate) const BATCH_ENTRIES_AT_ONCE: usize = 256;
/// Bytes of a batch, request and results, after which others have their turn.
pub(crate) const BATCH_BYTES_AT_ONCE: usize = 64 << 10;
/// The memory for results that a shard keeps for the next batch.
pub(crate) const BATCH_RESULTS_BYTES_KEPT: usize = 64 << 10;
/// How long the result of a key is thought to be before a connection has had any.
pub(crate) const BATCH_ENTRY_BYTES_FIRST: usize = 128;
/// Handshakes under way, at most, before those that are over are forgotten early.
pub(crate) const HANDSHAKES_MIN: usize = 1_024;

const _: () = {
    assert!(ROOM_PATIENCE_NS > 2 * UPKEEP_INTERVAL_NS);
    assert!(DEADLINE_INTERVAL_NS <= UPKEEP_INTERVAL_NS && UPKEEP_INTERVAL_NS < DRAIN_PATIENCE_NS);
    // A drain with nothing in flight ends within a second.
    assert!(DRAIN_PATIENCE_NS * 2 < SECOND_NS);
    // A hundred calls that come together are executed together: an event, two frames, and headers of a kilobyte.
    assert!(SHARE_UNITS >= 100 * (EVENT_UNITS + 2 + 1_024 / HEADER_BYTES_PER_EFFORT));
    assert!(CONNECTION_BYTES_FREE > STREAM_WINDOW_BYTES as usize);
    // The floor of all connections stays well below the bound of the process.
    assert!(CONNECTION_BYTES_FREE * Limits::DEFAULT.connections_max * 4 <= Limits::DEFAULT.buffer_bytes_max);
    // One frame can always be dealt with, and a message takes few turns.
    assert!(SHARE_UNITS * INPUT_BYTES_PER_UNIT >= 8 * FRAME_BYTES_MAX);
    assert!(Limits::DEFAULT.message_bytes_max <= 16 * SHARE_UNITS * INPUT_BYTES_PER_UNIT);
    // A turn has room for a page.
    assert!(
        PULL_WORK_PER_TURN_MAX >= SCAN_WORK_PER_PAGE && PAGE_BYTES_MAX <= PULL_WORK_PER_TURN_MAX * PULL_BYTES_PER_WORK
    );
    // A turn has room for news of all logs that it looks at, and for pages to some shards.
    assert!(TAILS_PER_TURN_MAX * TAIL_LOOK_BYTES <= TAIL_BYTES_PER_TURN_MAX / 4);
    assert!(PAGE_BYTES_MAX <= TAIL_BYTES_PER_TURN_MAX / 4 && TAIL_BYTES_PER_TURN_MAX <= TAIL_BYTES_UNTAKEN_MAX);
    assert!(PAGE_BYTES_MAX <= FANOUT_PER_TURN_MAX / 4 * PULL_BYTES_PER_WORK);
    // A page is no more than what a connection may have on its way.
    assert!(SMALL_REPLY_BYTES <= PAGE_BYTES_MAX && PAGE_BYTES_MAX < UNSENT_BYTES_MAX);
    assert!(LEFT_OVER_BYTES_MAX >= 2 * FRAME_BYTES_MAX);
};
