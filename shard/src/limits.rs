//! Every bound of this crate that nobody needs to turn, with the relations between them asserted at compile time.
//!
//! What an operator may set is in [`crate::Config`]; its defaults are here too.

use prism_proto::limits::{Limits, SECOND_NS};

/// How long a shard may go without handing the core to its executor's background tasks.
pub const TICK_NS: u64 = 10_000_000;
/// How long the background tasks may keep the core at a tick.
pub const BACKGROUND_NS_MAX: u64 = 200_000;
/// After which run time the executor looks for events again, and asks a background task to yield: once a tick. When
/// this time passes between the executor's look for events and its run of the tasks (the thread lost its core just
/// then), it takes its tasks for idle and sleeps with the turn loop runnable: the longer it is, the rarer that is, and
/// the timers below end it.
pub const PREEMPT_NS: u64 = TICK_NS;
/// The shortest of the timers that keep the executor from sleeping by mistake: the usual length of such a sleep.
pub const LADDER_FIRST_NS: u64 = 2_000_000;
/// How much longer each further one of these timers is.
pub const LADDER_RATIO: u64 = 4;
/// How many there are; the longest runs for two hours.
pub const LADDER_RUNGS: u32 = 12;
/// Depth of the executor's own rings: it only drives timers and hand-offs to its blocking thread.
pub const EXECUTOR_RING_DEPTH: usize = 64;

/// Size from which the allocator takes memory from the kernel and gives it back for each buffer by itself, so that the
/// buffers of large messages leave nothing behind.
pub const ALLOCATOR_DIRECT_BYTES: i32 = 256 << 10;
/// Free memory at the end of a heap from which the allocator gives it back.
pub const ALLOCATOR_TRIM_BYTES: i32 = 1 << 20;

/// Submission queue entries of a shard's ring; more operations than this in one turn cost a further system call.
pub const RING_ENTRIES_DEFAULT: u32 = 2_048;
/// Completion queue entries for each submission queue entry.
pub const COMPLETIONS_PER_ENTRY: u32 = 4;
/// Receive buffers of a shard, shared by all its sockets; a power of two.
pub const RECEIVE_BUFFERS_DEFAULT: u16 = 512;
/// Bytes of one receive buffer.
pub const RECEIVE_BUFFER_BYTES_DEFAULT: usize = 8_192;
/// Receive buffers of a shard for peers that are in the middle of a large message: fewer and longer ones, for a receive
/// costs as much as a copy of some kilobytes. A power of two.
pub const LONG_BUFFERS: u16 = 16;
/// Bytes of one of these.
pub const LONG_BUFFER_BYTES: usize = 64 << 10;
/// Peers that may have them at a time: each always finds one.
pub const LONG_READERS_MAX: usize = LONG_BUFFERS as usize;
/// The most receive buffers that a provided-buffer ring can hold.
pub const RECEIVE_BUFFERS_MAX: u16 = 32_768;

/// Parcels that may wait from one shard to one other; a power of two.
pub const MESH_CAPACITY_DEFAULT: usize = 4_096;
/// Peers that the application goes on with in one turn because they had more to do than their share of an earlier one:
/// however many there are, a turn stays short.
pub const CALLS_AGAIN_PER_TURN_MAX: usize = 8;
/// Parcels taken from one other shard in one turn, so that a busy neighbour does not starve the sockets.
pub const PARCELS_PER_TURN_MAX: usize = 512;
/// Parcels that wait for the end of the turn before the other shard is shown them.
pub const PARCELS_UNPUBLISHED_MAX: usize = 64;
/// Errands (controls, sockets to take over) that may wait for one shard.
pub const LANE_CAPACITY: usize = 4_096;
/// Errands taken in one turn.
pub const ERRANDS_PER_TURN_MAX: usize = 256;
/// Timers that may be set on one shard (16 bytes each).
pub const TIMERS_MAX: usize = 1 << 20;
/// Timers that fire in one turn.
pub const TIMERS_PER_TURN_MAX: usize = 1_024;

/// Sockets that one shard may open itself, beyond the connections that it accepts.
pub const ADOPTED_MAX: usize = 65_536;
/// Connections accepted beyond `connections_max` that wait, unserved, for one to close; one more is closed at once.
pub const ACCEPTED_WAITING_MAX: usize = 4_096;
/// How long accepting rests after the process or the system ran out of descriptors or memory.
pub const ACCEPT_REST_NS: u64 = 100_000_000;
/// Unsent bytes of one peer at which its socket is no longer read; it is read again at half of that.
pub const UNSENT_BYTES_MAX_DEFAULT: usize = 4 << 20;
/// Bytes of output buffers that one shard keeps for reuse.
pub const POOLED_BYTES_MAX: usize = 16 << 20;
/// The largest output buffer kept for reuse.
pub const POOLED_BUFFER_BYTES_MAX: usize = 1 << 20;
/// Capacity of a fresh output buffer.
pub const OUTPUT_BUFFER_BYTES: usize = 4_096;
/// The most bytes in one send; what is longer goes in several.
pub const SEND_BYTES_MAX: usize = 1 << 30;
/// How long a connection whose last byte was sent waits for its peer to close.
pub const LINGER_NS: u64 = 200_000_000;
/// How long a stopping shard waits for the kernel to give its operations back.
pub const STOP_NS_MAX: u64 = SECOND_NS;
/// Passes over the peers that changed, in one turn; what still changes then waits for the next.
pub const SETTLE_PASSES_MAX: usize = 4;

/// Bytes of a region of memory, cut into blocks: those of a huge page of x86-64.
pub const REGION_BYTES: usize = 2 << 20;
/// Regions of one kind that a thread has before further ones are to be huge pages, so that it never takes much more
/// than it was asked for: at most one region in five.
pub const HUGE_AFTER_REGIONS: usize = 4;

const _: () = {
    assert!(RECEIVE_BUFFERS_DEFAULT.is_power_of_two() && RECEIVE_BUFFERS_DEFAULT <= RECEIVE_BUFFERS_MAX);
    assert!(LONG_BUFFERS.is_power_of_two() && LONG_READERS_MAX <= LONG_BUFFERS as usize);
    assert!(LONG_BUFFER_BYTES > RECEIVE_BUFFER_BYTES_DEFAULT);
    assert!(MESH_CAPACITY_DEFAULT.is_power_of_two());
    // The peer is shown parcels well before the queue is full of hidden ones.
    assert!(PARCELS_UNPUBLISHED_MAX * 4 <= MESH_CAPACITY_DEFAULT);
    assert!(PARCELS_PER_TURN_MAX <= MESH_CAPACITY_DEFAULT && ERRANDS_PER_TURN_MAX <= LANE_CAPACITY);
    assert!(BACKGROUND_NS_MAX * 10 <= TICK_NS);
    // The executor looks for events after every tick.
    assert!(PREEMPT_NS <= TICK_NS);
    // The timers against a sleep by mistake span everything from less than a tick to hours.
    assert!(LADDER_FIRST_NS < TICK_NS && LADDER_FIRST_NS * LADDER_RATIO.pow(LADDER_RUNGS - 1) > 7_200 * SECOND_NS);
    // A peer may hold one whole message unsent without being paused, and pausing comes before its buffer bound.
    assert!(UNSENT_BYTES_MAX_DEFAULT >= Limits::DEFAULT.message_bytes_max);
    assert!(UNSENT_BYTES_MAX_DEFAULT < Limits::DEFAULT.connection_buffer_bytes_max);
    assert!(OUTPUT_BUFFER_BYTES <= POOLED_BUFFER_BYTES_MAX && POOLED_BUFFER_BYTES_MAX <= POOLED_BYTES_MAX);
    // A drain with nothing in flight ends within a second.
    assert!(LINGER_NS * 2 <= SECOND_NS);
    // Slot indexes are 32 bits wide.
    assert!(Limits::DEFAULT.connections_max + ADOPTED_MAX < u32::MAX as usize);
};
