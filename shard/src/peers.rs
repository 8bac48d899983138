//! The sockets of one shard, each with its machine.
//!
//! What the application or a completion changes is noted; at the end of the turn each changed peer is looked at once,
//! and whatever it needs by then (a send, a receive, a cancellation, its end) is queued on the ring.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::fd::OwnedFd;

use crate::application::Machine;
use crate::limits::{ADOPTED_MAX, LONG_READERS_MAX};
pub use crate::peer::PeerId;
use crate::peer::{Phase, Slot};
use crate::pool::Pool;

mod completions;
mod settle;

pub(crate) use completions::{Received, Sent};

/// The peers of one shard: as many accepted ones as `connections_max` allows, and [`ADOPTED_MAX`] others.
pub struct Peers<M> {
    slots: Vec<Slot<M>>,
    vacant: Vec<u32>,
    /// Peers to look at, each once.
    dirty: Vec<u32>,
    /// Machines whose peer is gone, for the application.
    departed: VecDeque<(PeerId, M)>,
    /// Peers in [`Phase::Lingering`] with the time at which that ends, soonest first.
    lingering: VecDeque<(u64, PeerId)>,
    /// Peers to call the application for again, in the next turn.
    again: VecDeque<PeerId>,
    pool: Pool,
    unsent_bytes_max: usize,
    /// Slots that are not vacant.
    taken: usize,
    /// Those of them that were adopted; accepted ones are bounded where they are accepted.
    adopted: usize,
    /// Peers with bytes that the kernel has not taken yet.
    sending: usize,
    /// Peers that are read into long buffers.
    long_readers: usize,
    tally: Tally,
}

/// What happened since the last look.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) sends: u64,
    pub(crate) paused: u64,
    /// Accepted connections whose socket was closed.
    pub(crate) closed: u32,
}

/// No more peers may be had on this shard; the socket and the machine come back.
#[derive(Debug)]
pub struct PeersFull<M>(pub OwnedFd, pub M);

impl<M: Machine> Peers<M> {
    pub(crate) fn new(unsent_bytes_max: usize) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            dirty: Vec::new(),
            departed: VecDeque::new(),
            lingering: VecDeque::new(),
            again: VecDeque::new(),
            pool: Pool::default(),
            unsent_bytes_max,
            taken: 0,
            adopted: 0,
            sending: 0,
            long_readers: 0,
            tally: Tally::default(),
        }
    }

    /// How many peers there are, those included whose socket is being closed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Makes a connected stream socket a peer: it is read from this turn on, and what its machine has to send is
    /// sent. The application hears of its end as of any other's.
    ///
    /// # Errors
    /// [`PeersFull`] with both when the shard has as many peers as it may.
    pub fn adopt(&mut self, socket: OwnedFd, machine: M) -> Result<PeerId, PeersFull<M>> {
        if self.adopted >= ADOPTED_MAX {
            return Err(PeersFull(socket, machine));
        }
        self.adopted += 1;
        let id = self.place(socket, false);
        self.furnish(id, machine);
        Ok(id)
    }

    /// The machine of a peer, to be fed or to be given something to send; `None` when the peer is gone. What it has
    /// to send goes out at the end of the turn.
    #[inline]
    pub fn get_mut(&mut self, id: PeerId) -> Option<&mut M> {
        let index = self.find(id)?;
        self.touch(index);
        let machine = self.slots[index as usize].machine.as_mut()?;
        if machine.output().capacity() == 0 {
            *machine.output() = self.pool.take();
        }
        Some(machine)
    }

    /// The machine of a peer, to be looked at and changed in what nobody outside sees: it does not count as a change.
    pub fn peek_mut(&mut self, id: PeerId) -> Option<&mut M> {
        let index = self.find(id)?;
        self.slots[index as usize].machine.as_mut()
    }

    /// The machine of a peer, to be looked at.
    #[must_use]
    pub fn get(&self, id: PeerId) -> Option<&M> {
        let index = self.find(id)?;
        self.slots[index as usize].machine.as_ref()
    }

    /// Bytes put out for a peer that the kernel has not taken yet; 0 when the peer is gone.
    pub fn unsent_bytes(&mut self, id: PeerId) -> usize {
        let Some(index) = self.find(id) else { return 0 };
        let slot = &mut self.slots[index as usize];
        slot.sending.len() - slot.sent + slot.machine.as_mut().map_or(0, |machine| machine.output().len())
    }

    /// Stops reading a peer, so that its sender is held by TCP. Bytes that had arrived by then may still be delivered.
    pub fn pause_reading(&mut self, id: PeerId) {
        self.set_paused(id, true);
    }

    /// Reads a peer again. (One that takes too little of its output stays paused until it has taken enough.)
    pub fn resume_reading(&mut self, id: PeerId) {
        self.set_paused(id, false);
    }

    /// Reads a peer into long buffers from now on, or no longer: much is to come from it. Nothing happens when as many
    /// as may have them do.
    pub fn read_long(&mut self, id: PeerId, is_long: bool) {
        let Some(index) = self.find(id) else { return };
        let slot = &mut self.slots[index as usize];
        if slot.is_long == is_long || (is_long && self.long_readers >= LONG_READERS_MAX) {
            return;
        }
        slot.is_long = is_long;
        self.long_readers = if is_long { self.long_readers + 1 } else { self.long_readers - 1 };
        self.touch(index);
    }

    /// Has [`crate::Application::called_again`] called for a peer in the next turn: for one that has more to do than
    /// its share of this one. A peer whose other side has stopped sending does not end before.
    pub fn call_again(&mut self, id: PeerId) {
        let Some(index) = self.find(id) else { return };
        if !std::mem::replace(&mut self.slots[index as usize].to_call_again, true) {
            self.again.push_back(id);
        }
    }

    /// Ends a peer at once: what is unsent is dropped, and the application is told in this turn. To end one after its
    /// output is sent, have its machine say that it is finished.
    pub fn close(&mut self, id: PeerId) {
        if let Some(index) = self.find(id) {
            self.depart(index, Phase::Closing);
        }
    }

    /// How many places there are for peers; some may be vacant.
    #[must_use]
    pub fn places(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The peer in a place, if there is one, for whoever looks at all of them a few at a time. Changing it in what
    /// nobody outside sees is no change of the peer.
    pub fn at(&mut self, place: u32) -> Option<(PeerId, &mut M)> {
        let slot = self.slots.get_mut(place as usize).filter(|slot| slot.is_alive())?;
        let id = PeerId::new(place, slot.generation);
        slot.machine.as_mut().map(|machine| (id, machine))
    }

    /// Every peer that is open or ending.
    pub fn ids(&self) -> impl Iterator<Item = PeerId> {
        let alive = self.slots.iter().enumerate().filter(|(_, slot)| slot.is_alive());
        alive.map(|(index, slot)| PeerId::new(index as u32, slot.generation))
    }

    /// Finds a place for a socket; its machine follows by [`Peers::furnish`].
    pub(crate) fn place(&mut self, socket: OwnedFd, accepted: bool) -> PeerId {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::vacant());
            u32::try_from(self.slots.len() - 1).expect("the bounds are below 2^32")
        });
        self.taken += 1;
        let slot = &mut self.slots[index as usize];
        slot.phase = Phase::Open;
        slot.socket = Some(socket);
        slot.accepted = accepted;
        let generation = slot.generation;
        self.touch(index);
        PeerId::new(index, generation)
    }

    /// Gives a placed peer its machine; if the application has closed it meanwhile, the machine departs at once.
    pub(crate) fn furnish(&mut self, id: PeerId, machine: M) {
        match self.find(id) {
            Some(index) => self.slots[index as usize].machine = Some(machine),
            None => self.departed.push_back((id, machine)),
        }
    }

    /// A machine whose peer is gone, to be handed to the application.
    pub(crate) fn take_departed(&mut self) -> Option<(PeerId, M)> {
        self.departed.pop_front()
    }

    /// How many peers are to be called again.
    pub(crate) fn again(&self) -> usize {
        self.again.len()
    }

    /// The next peer to be called again, if it is still there.
    pub(crate) fn take_again(&mut self) -> Option<PeerId> {
        let id = self.again.pop_front()?;
        let index = self.find(id)?;
        self.slots[index as usize].to_call_again = false;
        self.touch(index);
        Some(id)
    }

    /// Whether bytes are still to be sent to peers.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending > 0
    }

    /// Whether there is work that the end of this turn left over.
    pub(crate) fn has_work(&self) -> bool {
        !self.dirty.is_empty() || !self.departed.is_empty()
    }

    /// Ends every peer, whatever it is doing.
    pub(crate) fn close_all(&mut self) {
        for index in 0..self.slots.len() as u32 {
            if self.slots[index as usize].phase != Phase::Vacant {
                self.depart(index, Phase::Closing);
            }
        }
    }

    /// What happened since the last call.
    pub(crate) fn tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// The place of a peer that is open or ending.
    #[inline]
    fn find(&self, id: PeerId) -> Option<u32> {
        let slot = self.slots.get(id.index() as usize)?;
        (slot.generation == id.generation() && slot.is_alive()).then_some(id.index())
    }

    /// Notes that a peer is to be looked at.
    #[inline]
    fn touch(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(index);
        }
    }

    fn set_paused(&mut self, id: PeerId, paused: bool) {
        let Some(index) = self.find(id) else { return };
        if std::mem::replace(&mut self.slots[index as usize].paused_by_application, paused) != paused {
            self.touch(index);
        }
    }

    /// Moves a peer to [`Phase::Lingering`] or [`Phase::Closing`]; its machine goes to the application.
    fn depart(&mut self, index: u32, phase: Phase) {
        let slot = &mut self.slots[index as usize];
        slot.phase = phase;
        if let Some(machine) = slot.machine.take() {
            self.departed.push_back((PeerId::new(index, slot.generation), machine));
        }
        if phase == Phase::Lingering
            && let Some(socket) = &slot.socket
        {
            // It fails when the other side is gone already, which the receive will tell.
            let _ = socket2::SockRef::from(socket).shutdown(Shutdown::Write);
        }
        self.touch(index);
    }
}

#[cfg(test)]
mod tests;
