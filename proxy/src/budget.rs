//! What all connections of the process hold together, against `limits.buffer_bytes_max`.
//!
//! Each shard counts its own after every read and publishes the sum once a turn; it adds the sums of the others as
//! they stood then. So nothing is shared for each call, and what all of them take within one turn is what the bound
//! may be exceeded by. Half of the bound is for large messages that may come, counted whole, so that each that was
//! begun can finish; the other half is for everything else. Large messages that wait for room stand in one line of the
//! whole process, by the time since when they wait: while there is one, nobody else is given any. What each connection
//! holds of small parts ([`CONNECTION_BYTES_FREE`]) it may hold in any case, so that small calls go on whatever others
//! hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use prism_proto::h2::server::Footprint;

use crate::limits::{CONNECTION_BYTES_FREE, ROOM_PATIENCE_NS};

/// Nobody waits.
const NEVER_NS: u64 = u64::MAX;

/// The published sums of one shard, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
struct Cell {
    declared: AtomicUsize,
    other: AtomicUsize,
    /// Since when the first large message waits for room.
    waiting_ns: AtomicU64,
}

impl Default for Cell {
    fn default() -> Self {
        Self { declared: AtomicUsize::new(0), other: AtomicUsize::new(0), waiting_ns: AtomicU64::new(NEVER_NS) }
    }
}

/// The published sums of all shards.
#[derive(Debug, Clone)]
pub(crate) struct Sums(Arc<[Cell]>);

impl Sums {
    pub(crate) fn new(shards: u32) -> Self {
        Self((0..shards).map(|_| Cell::default()).collect())
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> u32 {
        u32::try_from(self.0.len()).expect("they are counted in 32 bits")
    }
}

/// One shard's view of the process's bound.
#[derive(Debug)]
pub(crate) struct Budget {
    sums: Sums,
    shard: u32,
    half_bytes: usize,
    own: Footprint,
    published: Footprint,
    others: Footprint,
    /// Since when the first large message waits for room: here, as was published, and on other shards.
    waiting_ns: u64,
    waiting_published_ns: u64,
    others_waiting_ns: u64,
    /// Whose turn it is has been found out.
    is_feeding: bool,
}

impl Budget {
    /// The budget of one shard, none of whose connections holds anything.
    pub(crate) fn new(sums: Sums, shard: u32, bytes_max: usize) -> Self {
        let none = Footprint::default();
        Self {
            sums,
            shard,
            half_bytes: bytes_max / 2,
            own: none,
            published: none,
            others: none,
            waiting_ns: NEVER_NS,
            waiting_published_ns: NEVER_NS,
            others_waiting_ns: NEVER_NS,
            is_feeding: false,
        }
    }

    /// Another bound is in force.
    pub(crate) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.half_bytes = bytes_max / 2;
    }

    /// A connection that held `counted` holds `now`.
    #[inline]
    pub(crate) fn count(&mut self, counted: &mut Footprint, now: Footprint) {
        self.own.declared_bytes = self.own.declared_bytes - counted.declared_bytes + now.declared_bytes;
        self.own.other_bytes = self.own.other_bytes - counted.other_bytes + now.other_bytes;
        *counted = now;
    }

    /// Since when the first large message of this shard waits for room, if any does.
    #[inline]
    pub(crate) fn set_waiting(&mut self, since_ns: Option<u64>) {
        self.waiting_ns = since_ns.unwrap_or(NEVER_NS);
    }

    /// Whether nobody on another shard has waited longer.
    pub(crate) fn is_next(&self, since_ns: u64) -> bool {
        since_ns <= self.others_waiting_ns
    }

    /// Whether the next room is for whoever is being served.
    pub(crate) fn set_feeding(&mut self, is_feeding: bool) {
        self.is_feeding = is_feeding;
    }

    /// Whether a large message has waited in vain, and not only for its turn.
    pub(crate) fn is_wanted(&self, now_ns: u64) -> bool {
        self.waiting_ns.min(self.others_waiting_ns) <= now_ns.saturating_sub(ROOM_PATIENCE_NS)
    }

    /// How large the footprint of a connection that counts as `counted` may become.
    #[inline]
    pub(crate) fn room(&self, counted: Footprint) -> Footprint {
        let is_for_others = !self.is_feeding && self.waiting_ns.min(self.others_waiting_ns) != NEVER_NS;
        let room = |own: usize, others: usize, counted: usize| self.half_bytes.saturating_sub(own + others - counted);
        Footprint {
            declared_bytes: if is_for_others {
                0
            } else {
                room(self.own.declared_bytes, self.others.declared_bytes, counted.declared_bytes)
            },
            other_bytes: room(self.own.other_bytes, self.others.other_bytes, counted.other_bytes)
                .max(CONNECTION_BYTES_FREE),
        }
    }

    /// Shows the other shards what is held here, and looks at theirs; once a turn.
    pub(crate) fn exchange(&mut self) {
        let mut others = Footprint::default();
        let mut others_waiting_ns = NEVER_NS;
        for (index, cell) in self.sums.0.iter().enumerate() {
            if index != self.shard as usize {
                others.declared_bytes += cell.declared.load(Ordering::Relaxed);
                others.other_bytes += cell.other.load(Ordering::Relaxed);
                others_waiting_ns = others_waiting_ns.min(cell.waiting_ns.load(Ordering::Relaxed));
                continue;
            }
            if self.published != self.own {
                cell.declared.store(self.own.declared_bytes, Ordering::Relaxed);
                cell.other.store(self.own.other_bytes, Ordering::Relaxed);
                self.published = self.own;
            }
            if self.waiting_published_ns != self.waiting_ns {
                cell.waiting_ns.store(self.waiting_ns, Ordering::Relaxed);
                self.waiting_published_ns = self.waiting_ns;
            }
        }
        (self.others, self.others_waiting_ns) = (others, others_waiting_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(declared_bytes: usize, other_bytes: usize) -> Footprint {
        Footprint { declared_bytes, other_bytes }
    }

    #[test]
    fn room_is_what_all_others_leave() {
        let sums = Sums::new(2);
        let mut first = Budget::new(sums.clone(), 0, 2_000_000);
        let mut second = Budget::new(sums, 1, 2_000_000);
        let (mut one, mut two, mut three) = Default::default();
        first.count(&mut one, footprint(100_000, 10_000));
        first.count(&mut two, footprint(200_000, 20_000));
        second.count(&mut three, footprint(400_000, 40_000));
        assert_eq!(first.room(one), footprint(800_000, 980_000), "others' are not known before an exchange");
        first.exchange();
        second.exchange();
        first.exchange();
        assert_eq!(first.room(one), footprint(400_000, 940_000));
        assert_eq!(second.room(three), footprint(700_000, 970_000));
        first.count(&mut one, footprint(5_000_000, 5_000_000));
        assert_eq!(first.room(two), footprint(0, CONNECTION_BYTES_FREE), "small calls go on");
        for counted in [&mut one, &mut two] {
            first.count(counted, Footprint::default());
        }
        first.exchange();
        second.exchange();
        assert_eq!(second.room(three), footprint(1_000_000, 1_000_000), "nothing is left behind");
    }
    #[test]
    fn room_goes_to_those_that_wait_whoever_asks() {
        let sums = Sums::new(2);
        let mut first = Budget::new(sums.clone(), 0, 2_000_000);
        let mut second = Budget::new(sums, 1, 2_000_000);
        let exchange = |first: &mut Budget, second: &mut Budget| {
            first.exchange();
            second.exchange();
            first.exchange();
        };
        let one = Footprint::default();
        second.set_waiting(Some(7));
        exchange(&mut first, &mut second);
        assert_eq!(first.room(one), footprint(0, 1_000_000), "only large messages wait");
        first.set_waiting(Some(8));
        exchange(&mut first, &mut second);
        assert!(!first.is_next(8) && second.is_next(7));
        assert_eq!(second.room(one), footprint(0, 1_000_000), "whose turn it is stands in the line");
        second.set_feeding(true);
        assert_eq!(second.room(one), footprint(1_000_000, 1_000_000));
        second.set_feeding(false);
        assert!(!first.is_wanted(6 + ROOM_PATIENCE_NS) && first.is_wanted(7 + ROOM_PATIENCE_NS));
        second.set_waiting(None);
        exchange(&mut first, &mut second);
        assert!(first.is_next(8) && !first.is_wanted(7 + ROOM_PATIENCE_NS));
        first.set_waiting(None);
        exchange(&mut first, &mut second);
        assert_eq!((first.room(one), second.room(one)), (footprint(1_000_000, 1_000_000), first.room(one)));
    }
}
