//! The way from one shard to the others: a bounded queue for each ordered pair, shown to the other side once a turn.
//!
//! A shard never waits for room: a full queue gives the parcel back. Waking the other side is the turn loop's work.

use crate::limits::PARCELS_UNPUBLISHED_MAX;
use crate::spsc::{Consumer, Producer, channel};

/// The queues of one shard, to and from each shard, itself included.
pub struct Mesh<P> {
    outboxes: Vec<Producer<P>>,
    inboxes: Vec<Consumer<P>>,
    /// The shards that got something this turn, each once.
    touched: Vec<u32>,
    sent: u64,
    full: u64,
}

impl<P> Mesh<P> {
    /// The meshes of `shards` shards, each queue holding `capacity` parcels (rounded up to a power of two).
    pub(crate) fn build(shards: u32, capacity: usize) -> Vec<Self> {
        let mut meshes: Vec<_> = (0..shards)
            .map(|_| Self { outboxes: Vec::new(), inboxes: Vec::new(), touched: Vec::new(), sent: 0, full: 0 })
            .collect();
        for from in 0..meshes.len() {
            for to in 0..meshes.len() {
                let (producer, consumer) = channel(capacity);
                meshes[from].outboxes.push(producer);
                meshes[to].inboxes.push(consumer);
            }
        }
        meshes
    }

    /// Sends a parcel to a shard, which may be this one; it arrives in one of that shard's next turns, in order.
    ///
    /// # Errors
    /// The parcel itself, when the queue is full: the caller answers RESOURCE_EXHAUSTED or tries in a later turn.
    ///
    /// # Panics
    /// When there is no such shard.
    #[inline]
    pub fn send(&mut self, to: u32, parcel: P) -> Result<(), P> {
        let outbox = &mut self.outboxes[to as usize];
        if let Err(parcel) = outbox.push(parcel) {
            self.full += 1;
            return Err(parcel);
        }
        self.sent += 1;
        match outbox.hidden() {
            1 if !self.touched.contains(&to) => self.touched.push(to),
            PARCELS_UNPUBLISHED_MAX.. => outbox.publish(),
            _ => {}
        }
        Ok(())
    }

    /// Takes the next parcel of one shard.
    #[inline]
    pub(crate) fn take(&mut self, from: u32) -> Option<P> {
        self.inboxes[from as usize].pop()
    }

    /// Gives the room of what was taken back to that shard.
    #[inline]
    pub(crate) fn release(&mut self, from: u32) {
        self.inboxes[from as usize].release();
    }

    /// Whether no shard has sent anything that was not taken.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.inboxes.iter().all(Consumer::is_empty)
    }

    /// Shows every shard what it got, then calls `wake` for each that got something.
    #[inline]
    pub(crate) fn publish(&mut self, mut wake: impl FnMut(u32)) {
        for shard in &self.touched {
            self.outboxes[*shard as usize].publish();
        }
        for shard in self.touched.drain(..) {
            wake(shard);
        }
    }

    /// Parcels sent and given back since the last call.
    pub(crate) fn tally(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_its_own_order_and_bound() {
        let mut meshes = Mesh::build(3, 4);
        for parcel in 0..4 {
            meshes[0].send(2, parcel).unwrap();
        }
        assert_eq!(meshes[0].send(2, 9), Err(9));
        meshes[0].send(0, 50).unwrap();
        meshes[1].send(2, 70).unwrap();
        let mut woken = Vec::new();
        meshes[0].publish(|shard| woken.push(shard));
        meshes[1].publish(|shard| woken.push(shard));
        assert_eq!(woken, [2, 0, 2]);
        assert_eq!((meshes[0].tally(), meshes[0].tally()), ((5, 1), (0, 0)));
        let taken: Vec<_> = std::iter::from_fn(|| meshes[2].take(0)).collect();
        assert_eq!((taken, meshes[2].take(1), meshes[2].take(2)), (vec![0, 1, 2, 3], Some(70), None));
        assert!(meshes[2].is_empty() && meshes[1].is_empty() && !meshes[0].is_empty());
        meshes[2].release(0);
        assert_eq!((meshes[0].send(2, 9), meshes[0].take(0)), (Ok(()), Some(50)));
    }

    #[test]
    fn many_parcels_of_one_turn_are_shown_early() {
        let mut meshes = Mesh::build(2, 1_024);
        for parcel in 0..PARCELS_UNPUBLISHED_MAX + 1 {
            meshes[0].send(1, parcel).unwrap();
        }
        assert_eq!(std::iter::from_fn(|| meshes[1].take(0)).count(), PARCELS_UNPUBLISHED_MAX);
        let mut wakes = 0;
        meshes[0].publish(|_| wakes += 1);
        assert_eq!((wakes, meshes[1].take(0)), (1, Some(PARCELS_UNPUBLISHED_MAX)));
    }
}
