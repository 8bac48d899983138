//! What all connections of the process hold together, against `limits.buffer_bytes_max`.
//!
//! Each shard counts its own after every read and publishes the sum once a turn; it adds the sums of the others as
//! they stood then. So nothing is shared for each call, and what all of them take within one turn is what the bound
//! may be exceeded by. Half of the bound is for large messages that may come, counted whole, so that each that was
//! begun can finish; the other half is for everything else. What each connection holds of small parts
//! ([`CONNECTION_BYTES_FREE`]) it may hold in any case, so that small calls go on whatever others hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prism_proto::h2::server::Footprint;

use crate::limits::CONNECTION_BYTES_FREE;

/// The published sums of one shard, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell {
    declared: AtomicUsize,
    other: AtomicUsize,
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
}

impl Budget {
    /// The budget of one shard, none of whose connections holds anything.
    pub(crate) fn new(sums: Sums, shard: u32, bytes_max: usize) -> Self {
        let none = Footprint::default();
        Self { sums, shard, half_bytes: bytes_max / 2, own: none, published: none, others: none }
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

    /// How large the footprint of a connection that counts as `counted` may become.
    #[inline]
    pub(crate) fn room(&self, counted: Footprint) -> Footprint {
        let room = |own: usize, others: usize, counted: usize| self.half_bytes.saturating_sub(own + others - counted);
        Footprint {
            declared_bytes: room(self.own.declared_bytes, self.others.declared_bytes, counted.declared_bytes),
            other_bytes: room(self.own.other_bytes, self.others.other_bytes, counted.other_bytes)
                .max(CONNECTION_BYTES_FREE),
        }
    }

    /// Shows the other shards what is held here, and looks at theirs; once a turn.
    pub(crate) fn exchange(&mut self) {
        let mut others = Footprint::default();
        for (index, cell) in self.sums.0.iter().enumerate() {
            if index != self.shard as usize {
                others.declared_bytes += cell.declared.load(Ordering::Relaxed);
                others.other_bytes += cell.other.load(Ordering::Relaxed);
            } else if self.published != self.own {
                cell.declared.store(self.own.declared_bytes, Ordering::Relaxed);
                cell.other.store(self.own.other_bytes, Ordering::Relaxed);
                self.published = self.own;
            }
        }
        self.others = others;
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
}
