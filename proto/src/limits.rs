//! Every bound of the program in one place, with the relations between them asserted at compile time.
//!
//! [`Limits`] holds what an operator may configure; each field is named as its key in the file (`limits.FIELD`),
//! and an error that a bound causes names that key. The constants are bounds that nobody needs to turn.

/// What an operator may set under `limits:`; bytes are bytes, times are nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest gRPC message accepted, and the longest reply built.
    pub message_bytes_max: usize,
    /// Bytes that one connection may hold: received and not yet executed, or answered and not yet sent.
    pub connection_buffer_bytes_max: usize,
    /// The same over the whole process.
    pub buffer_bytes_max: usize,
    /// Calls that may wait on one shard for another shard or a backend.
    pub calls_per_shard_max: usize,
    /// The longest key, topic or stream name.
    pub key_bytes_max: usize,
    /// Connections that the process accepts at a time.
    pub connections_max: usize,
    /// Calls that may be open at a time on one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
    pub streams_per_connection_max: usize,
    /// The longest header list of a request, counted as RFC 9113 §6.5.2 counts it.
    pub header_list_bytes_max: usize,
    /// How long a drain may take before what is left is ended.
    pub drain_timeout_ns: u64,
    /// The shortest interval at which a client may ping without drawing a strike (gRPC A8).
    pub ping_interval_min_ns: u64,
    /// Idle time after which a connection is closed; 0: never.
    pub connection_idle_max_ns: u64,
    /// Age after which a connection is asked to go, give or take a tenth; 0: never.
    pub connection_age_max_ns: u64,
    /// How long the calls of a connection that was asked to go may take before they are ended; 0: as long as they need.
    pub connection_age_grace_ns: u64,
}

/// One second in nanoseconds.
pub const SECOND_NS: u64 = 1_000_000_000;

impl Limits {
    /// The limits that hold when the configuration says nothing.
    pub const DEFAULT: Self = Self {
        message_bytes_max: 4 << 20,
        connection_buffer_bytes_max: 16 << 20,
        buffer_bytes_max: 1 << 30,
        calls_per_shard_max: 65_536,
        key_bytes_max: 1_024,
        connections_max: 10_000,
        streams_per_connection_max: 1_024,
        header_list_bytes_max: 16 << 10,
        drain_timeout_ns: 10 * SECOND_NS,
        ping_interval_min_ns: 5 * SECOND_NS,
        connection_idle_max_ns: 0,
        connection_age_max_ns: 0,
        connection_age_grace_ns: 0,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// SETTINGS_MAX_FRAME_SIZE that we accept: the protocol's initial value (RFC 9113 §6.5.2), which bounds what a
/// partial frame may hold.
pub const FRAME_BYTES_MAX: usize = 16_384;
/// SETTINGS_HEADER_TABLE_SIZE that we grant a peer's encoder, and the most that our own encoder uses (RFC 7541 §4.2).
pub const HEADER_TABLE_BYTES_MAX: usize = 4_096;
/// CONTINUATION frames that may follow one HEADERS frame (CVE-2024-27316).
pub const CONTINUATIONS_PER_HEADERS_MAX: usize = 8;
/// The window of each stream (SETTINGS_INITIAL_WINDOW_SIZE), at most: larger messages are granted more when there is
/// room.
pub const STREAM_WINDOW_BYTES: u32 = 12 << 10;
/// The least window of a stream, however tight the limits are: smaller ones would cost a round trip for every few
/// bytes.
pub const STREAM_WINDOW_BYTES_MIN: u32 = 1 << 10;
/// The window of each connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// The longest DATA frame that we send, whatever a peer accepts.
pub const DATA_FRAME_BYTES_MAX: usize = 64 << 10;
/// Answers that are not sent yet beyond which no more is read and no large reply is built: enough to keep a socket
/// busy.
pub const UNSENT_BYTES_MAX: usize = 1 << 20;
/// A reply longer than this is built only when there is room for it; a shorter one counts little.
pub const SMALL_REPLY_BYTES: usize = 4 << 10;
/// A reply longer than this gets no more memory than it needs.
pub const LARGE_REPLY_BYTES: usize = 64 << 10;
/// What one stream may send in its turn when several wait for the same window.
pub const SEND_TURN_BYTES_MAX: usize = 16 << 10;
/// Answers to PING, SETTINGS and the like that may wait to be sent before no more is read.
pub const CONTROL_FRAMES_MAX: usize = 4_096;
/// Resets, SETTINGS, empty DATA frames and broken rules that a connection is forgiven in a burst (CVE-2023-44487).
pub const DISTURBANCES_BURST_MAX: u64 = 4_096;
/// How many of them are forgiven in a second.
pub const DISTURBANCES_PER_SECOND: u64 = 1_000;
/// Pings too close to each other that are forgiven, as gRPC's A8 has it.
pub const PING_STRIKES_MAX: u32 = 2;
/// Streams that we reset last and whose late frames are ignored.
pub const RESETS_REMEMBERED_MAX: usize = 64;
/// Empty buffers that a connection keeps for messages that are assembled or wait.
pub const SPARE_BUFFERS_MAX: usize = 4;
/// The largest buffer that it keeps.
pub const SPARE_BUFFER_BYTES_MAX: usize = 16 << 10;
/// Header blocks that a connection remembers with their meaning.
pub const MEMO_BLOCKS_MAX: usize = 8;
/// The longest block that it remembers.
pub const MEMO_BLOCK_BYTES_MAX: usize = 96;
/// As much of a path or a name that we don't know as an error message shows.
pub const PATH_SHOWN_BYTES_MAX: usize = 256;
/// The longest `grpc-message` that we send, before it is percent-encoded: clients commonly take header lists of 8 KiB.
pub const STATUS_MESSAGE_BYTES_MAX: usize = 2_048;
/// The longest namespace, prefix, ordering key or subscriber id.
pub const NAME_BYTES_MAX: usize = 1_024;
/// The longest time to live in seconds: 100 years.
pub const TTL_SECONDS_MAX: i64 = 3_153_600_000;
/// How deep groups and messages may nest in a protobuf message: prost's limit, so that all messages have the same.
pub const MESSAGE_DEPTH_MAX: u32 = 100;

const _: () = {
    let limits = Limits::DEFAULT;
    // One message can always finish, whatever else a connection holds.
    assert!(limits.message_bytes_max * 2 <= limits.connection_buffer_bytes_max);
    assert!(limits.connection_buffer_bytes_max <= limits.buffer_bytes_max);
    // A key and its namespace leave room for a value.
    assert!(limits.key_bytes_max + NAME_BYTES_MAX < limits.message_bytes_max);
    // A header block fits the frames that may carry it.
    assert!(limits.header_list_bytes_max <= FRAME_BYTES_MAX * (1 + CONTINUATIONS_PER_HEADERS_MAX));
    assert!(HEADER_TABLE_BYTES_MAX <= limits.header_list_bytes_max);
    // Every stream may use its window while the largest message is assembled.
    assert!(
        limits.streams_per_connection_max * STREAM_WINDOW_BYTES as usize + limits.message_bytes_max
            <= limits.connection_buffer_bytes_max
    );
    // A reply that is built when there is room for it fits, however much waits already.
    assert!(UNSENT_BYTES_MAX + limits.message_bytes_max <= limits.connection_buffer_bytes_max / 2);
    assert!(SMALL_REPLY_BYTES <= LARGE_REPLY_BYTES && LARGE_REPLY_BYTES < UNSENT_BYTES_MAX);
    // Every stream may have a small reply on its way before calls are held back.
    assert!(limits.streams_per_connection_max * SMALL_REPLY_BYTES <= limits.connection_buffer_bytes_max / 4);
    // Half of what the process may hold is for large messages: one of them always fits.
    assert!(limits.message_bytes_max <= limits.buffer_bytes_max / 2);
    // The largest message can come without a pause for the connection's window.
    assert!(CONNECTION_WINDOW_BYTES as usize >= limits.message_bytes_max);
    // Every stream may be cancelled at once, a time-out of all calls for example, and again.
    assert!(DISTURBANCES_BURST_MAX as usize >= 2 * limits.streams_per_connection_max);
    assert!(DISTURBANCES_PER_SECOND <= SECOND_NS);
    // A status message fits one frame when each byte takes three.
    assert!(STATUS_MESSAGE_BYTES_MAX * 3 < FRAME_BYTES_MAX);
};
