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
    /// The same over the whole process, apart from a few KiB that each connection may hold in any case.
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
    /// How long a client may take until it has sent its preface and acknowledged our SETTINGS; 0: for ever.
    pub handshake_timeout_ns: u64,
    /// How long a large message that was given room may come more slowly than [`MESSAGE_BYTES_PER_SECOND_MIN`] while
    /// others wait for that room; 0: for ever.
    pub message_stall_max_ns: u64,
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
        handshake_timeout_ns: 10 * SECOND_NS,
        message_stall_max_ns: 5 * SECOND_NS,
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
/// Frames of one read over which a look ahead goes, so that it costs little whatever they are.
pub const AHEAD_FRAMES_MAX: usize = 1_024;
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
/// Bytes of a header list, as they are counted, that are as much effort as a frame.
pub const HEADER_BYTES_PER_EFFORT: usize = 256;
/// Streams whose windows change together that are as much effort as a frame.
pub const STREAMS_PER_EFFORT: usize = 16;
/// What one stream may send in its turn when several wait for the same window.
pub const SEND_TURN_BYTES_MAX: usize = 16 << 10;
/// Answers to PING, SETTINGS and the like that may wait to be sent before no more is read.
pub const CONTROL_FRAMES_MAX: usize = 1_024;
/// How often one connection may do a thing that costs us more than it: what is beyond ends it with ENHANCE_YOUR_CALM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many times at once.
    pub burst_max: u64,
    /// How many of them are forgiven in a second.
    pub per_second: u64,
}

/// Resets of calls without an answer (CVE-2023-44487); twice the streams of a connection when that is more.
pub const RESETS: Allowance = Allowance { burst_max: 4_096, per_second: 1_000 };
/// Streams that we reset because a frame broke their rules (CVE-2025-8671).
pub const RESETS_MADE: Allowance = Allowance { burst_max: 1_024, per_second: 100 };
/// SETTINGS frames (CVE-2019-9515). Each may change the windows of all streams.
pub const SETTINGS_FRAMES: Allowance = Allowance { burst_max: 512, per_second: 50 };
/// DATA without content or end, HEADERS and CONTINUATION without a block (CVE-2019-9518).
pub const EMPTY_FRAMES: Allowance = Allowance { burst_max: 2_048, per_second: 500 };
/// PRIORITY frames (CVE-2019-9513).
pub const PRIORITY_FRAMES: Allowance = Allowance { burst_max: 2_048, per_second: 500 };
/// Frames of unknown types, and those that nothing asked for: answers to no PING, GOAWAYs after the first, resets of
/// streams that are closed.
pub const STRAY_FRAMES: Allowance = Allowance { burst_max: 4_096, per_second: 1_000 };
/// WINDOW_UPDATEs beyond [`WINDOW_UPDATES_PER_FRAME`].
pub const WINDOW_UPDATES: Allowance = Allowance { burst_max: 4_096, per_second: 1_000 };
/// WINDOW_UPDATEs of less than [`WINDOW_INCREMENT_BYTES_LOW`] while more waits (CVE-2019-9511, CVE-2019-9517).
pub const SMALL_WINDOWS: Allowance = Allowance { burst_max: 4_096, per_second: 500 };
/// Changes of the header table's size inside header blocks.
pub const TABLE_RESIZES: Allowance = Allowance { burst_max: 256, per_second: 16 };
/// Header lists above `limits.header_list_bytes_max`.
pub const LONG_HEADER_LISTS: Allowance = Allowance { burst_max: 512, per_second: 100 };
/// Streams above `limits.streams_per_connection_max`, which are refused. A client may open many before it has read our
/// SETTINGS.
pub const STREAMS_REFUSED: Allowance = Allowance { burst_max: 4_096, per_second: 500 };
/// DATA frames of less than [`FRAGMENT_BYTES_LOW`] that leave their message incomplete.
pub const FRAGMENTS: Allowance = Allowance { burst_max: 4_096, per_second: 1_000 };

/// What a client forgives its server: SETTINGS, pings, resets, empty and unknown frames together.
pub const SERVER_DISTURBANCES: Allowance = Allowance { burst_max: 4_096, per_second: 1_000 };

/// WINDOW_UPDATEs that every frame of HEADERS or DATA entitles its receiver to.
pub const WINDOW_UPDATES_PER_FRAME: u32 = 4;
/// WINDOW_UPDATEs that may be saved up by that.
pub const WINDOW_UPDATES_SAVED_MAX: u32 = 65_536;
/// An increment below it is a dribble when it does not let all go that waits.
pub const WINDOW_INCREMENT_BYTES_LOW: u32 = 64;
/// A DATA frame below it is a dribble when its message needs more.
pub const FRAGMENT_BYTES_LOW: usize = 256;
/// Small fragments that every message which becomes whole excuses.
pub const FRAGMENTS_PER_MESSAGE: u64 = 16;
/// What a connection brings of its large messages in a second, at least, while others wait for the room that these
/// have; they share it. Whoever is slower for `limits.message_stall_max` makes place.
pub const MESSAGE_BYTES_PER_SECOND_MIN: usize = 64 << 10;
/// Changes of the header table's size at the start of one header block (RFC 7541 §4.2: at most two are of use).
pub const TABLE_RESIZES_PER_BLOCK_MAX: usize = 2;
/// What a header list may expand to before the whole connection is ended: more than any block without repetition can.
pub const HEADER_LIST_EXPANDED_BYTES_MAX: usize = 256 << 10;
/// Pings too close to each other that are forgiven, as gRPC's A8 has it.
pub const PING_STRIKES_MAX: u32 = 2;
/// Streams that we reset last and whose late frames are ignored.
pub const RESETS_REMEMBERED_MAX: usize = 64;
/// Empty buffers that a connection keeps for messages that are assembled or wait.
pub const SPARE_BUFFERS_MAX: usize = 4;
/// The largest buffer that it keeps.
pub const SPARE_BUFFER_BYTES_MAX: usize = 16 << 10;
/// Empty buffers of large messages that one thread keeps for all its connections.
pub const LARGE_BUFFERS_MAX: usize = 16;
/// Bytes of memory that they may have together, beside what connections hold.
pub const LARGE_BUFFERS_BYTES_MAX: usize = 8 << 20;
/// A message from this length on gets a buffer with [`LARGE_MESSAGE_SPARE_BYTES`] more, so that a store may keep it as
/// it is.
pub const LARGE_MESSAGE_BYTES: usize = 64 << 10;
/// What the store needs behind the value: the longest usual key, and a few bytes.
pub const LARGE_MESSAGE_SPARE_BYTES: usize = Limits::DEFAULT.key_bytes_max + 64;
/// The part of an admitted message after which it gets a buffer for all of it: one in so many bytes has come.
pub const BUFFER_AHEAD_MAX: usize = 8;
/// Header blocks that a connection remembers with their meaning.
pub const MEMO_BLOCKS_MAX: usize = 8;
/// The longest block that it remembers or recognises.
pub const MEMO_BLOCK_BYTES_MAX: usize = 256;
/// How often on end the same block is learned: the first time may teach its literals only.
pub const LEARNED_ON_END_MAX: u8 = 4;
/// The largest window that a client gives each of its calls, when its limits have room for more.
pub const CALL_WINDOW_BYTES_MAX: u32 = 64 << 10;
/// Calls that a client has open before the server has said how many it takes: what RFC 9113 §6.5.2 recommends to allow.
pub const CALLS_BEFORE_SETTINGS_MAX: usize = 100;
/// Time-outs that a client enters into the header table, so that one byte says them; others are sent as literals.
pub const TIMEOUTS_INDEXED_MAX: usize = 8;
/// Methods whose request headers a client remembers as it wrote them last.
pub const TEMPLATES_MAX: usize = 8;
/// The longest block that it remembers.
pub const TEMPLATE_BYTES_MAX: usize = 48;
/// As much of a path or a name that we don't know as an error message shows.
pub const PATH_SHOWN_BYTES_MAX: usize = 256;
/// The longest `grpc-message` that we send, before it is percent-encoded: clients commonly take header lists of 8 KiB.
pub const STATUS_MESSAGE_BYTES_MAX: usize = 2_048;
/// Blocks of a gzip stream that may hold next to nothing, an end that is flushed for example.
pub const GZIP_BLOCKS_SPARE: usize = 64;
/// What the others hold on average, at least: compressors write blocks of tens of kilobytes, and each costs us as much
/// as inflating kilobytes.
pub const GZIP_BLOCK_BYTES_MIN: usize = 512;
/// What is inflated in one step, at most; after each the connection's share of the turn is looked at.
pub const GZIP_STEP_BYTES: usize = 16 << 10;
/// Inflated bytes that are as much effort as a frame.
pub const INFLATED_BYTES_PER_EFFORT: usize = 256;
/// The effort of any step, which may be the end of a block.
pub const GZIP_STEP_EFFORT: usize = 4;
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
    // The buffer of the largest message can be used again, and is not the only one.
    assert!(limits.message_bytes_max * 2 <= LARGE_BUFFERS_BYTES_MAX);
    assert!(SPARE_BUFFER_BYTES_MAX < LARGE_BUFFERS_BYTES_MAX);
    // What is spare beyond a message, and not counted, is next to nothing.
    assert!(LARGE_MESSAGE_SPARE_BYTES * 32 <= LARGE_MESSAGE_BYTES);
    // Half of what the process may hold is for large messages: one of them always fits.
    assert!(limits.message_bytes_max <= limits.buffer_bytes_max / 2);
    // The largest message can come without a pause for the connection's window.
    assert!(CONNECTION_WINDOW_BYTES as usize >= limits.message_bytes_max);
    // Every stream may be cancelled at once, a time-out of all calls for example, and again.
    assert!(RESETS.burst_max as usize >= 2 * limits.streams_per_connection_max);
    // A block that names every byte of its list, in Huffman codes of five bits, does not count as an expansion.
    assert!(FRAME_BYTES_MAX * (1 + CONTINUATIONS_PER_HEADERS_MAX) * 8 / 5 <= HEADER_LIST_EXPANDED_BYTES_MAX);
    // A status message fits one frame when each byte takes three.
    assert!(STATUS_MESSAGE_BYTES_MAX * 3 < FRAME_BYTES_MAX);
};
