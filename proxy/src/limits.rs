//! Every bound of the proxy that nobody needs to turn, with the relations between them asserted at compile time.

use prism_proto::limits::SECOND_NS;

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
/// How long a connection is silent before it gives back what only a busy one needs.
pub(crate) const TRIM_AFTER_NS: u64 = SECOND_NS;
/// How long a client that is asked to go may take to have seen the first GOAWAY, so that calls that cross it on their
/// way are still served. One that does not answer its PING by then is told the last call that counts.
pub(crate) const DRAIN_PATIENCE_NS: u64 = 300_000_000;

const _: () = {
    assert!(DEADLINE_INTERVAL_NS <= UPKEEP_INTERVAL_NS && UPKEEP_INTERVAL_NS < DRAIN_PATIENCE_NS);
    // A drain with nothing in flight ends within a second.
    assert!(DRAIN_PATIENCE_NS * 2 < SECOND_NS);
};
