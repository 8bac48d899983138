//! Bounds of this crate that nobody needs to turn.

use prism_proto::limits::{FRAME_BYTES_MAX, HEADER_BYTES_PER_EFFORT, Limits};

/// What one connection may do in one turn of its shard, in units of effort: a frame is one (see
/// `prism_proto::h2::server::Connection::set_effort`), and beside that [`EVENT_UNITS`], [`INPUT_BYTES_PER_UNIT`] and
/// [`OUTPUT_BYTES_PER_UNIT`] count. The rest goes on in the next turn, after the others.
pub(crate) const SHARE_UNITS: usize = 1_024;
/// What a call or another event counts.
pub(crate) const EVENT_UNITS: usize = 2;
/// Received bytes that count as one unit.
pub(crate) const INPUT_BYTES_PER_UNIT: usize = 512;
/// Bytes of answers that count as one unit.
pub(crate) const OUTPUT_BYTES_PER_UNIT: usize = 512;
/// Bytes that a connection may have left over before it is no longer read.
pub(crate) const LEFT_OVER_BYTES_MAX: usize = 64 << 10;
/// Handshakes under way, at most, before those that are over are forgotten early.
pub(crate) const HANDSHAKES_MIN: usize = 1_024;

const _: () = {
    // A hundred calls that come together are executed together: an event, two frames, and headers of a kilobyte.
    assert!(SHARE_UNITS >= 100 * (EVENT_UNITS + 2 + 1_024 / HEADER_BYTES_PER_EFFORT));
    // One frame can always be dealt with, and a message takes few turns.
    assert!(SHARE_UNITS * INPUT_BYTES_PER_UNIT >= 8 * FRAME_BYTES_MAX);
    assert!(Limits::DEFAULT.message_bytes_max <= 16 * SHARE_UNITS * INPUT_BYTES_PER_UNIT);
    assert!(LEFT_OVER_BYTES_MAX >= 2 * FRAME_BYTES_MAX);
};
