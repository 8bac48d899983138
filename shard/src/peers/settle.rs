//! The end of a turn: what each changed peer needs now is queued on the ring.

use std::os::fd::AsRawFd;

use super::{PeerId, Peers};
use crate::application::Machine;
use crate::limits::LINGER_NS;
use crate::peer::{Phase, Slot};
use crate::ring::{BUFFER_GROUP, LONG_BUFFER_GROUP, Ring};
use crate::token::{Kind, Token};

impl<M: Machine> Peers<M> {
    /// Looks at every peer that changed.
    pub(crate) fn settle(&mut self, ring: &mut Ring, now_ns: u64) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            self.slots[index as usize].dirty = false;
            self.settle_one(index, ring, now_ns);
        }
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
    }

    /// Ends the peers that have lingered long enough.
    pub(crate) fn end_lingering(&mut self, now_ns: u64) {
        while let Some((until_ns, id)) = self.lingering.front().copied() {
            if until_ns > now_ns {
                return;
            }
            self.lingering.pop_front();
            let slot = &mut self.slots[id.index() as usize];
            if slot.generation == id.generation() && slot.phase == Phase::Lingering {
                slot.phase = Phase::Closing;
                self.touch(id.index());
            }
        }
    }

    fn settle_one(&mut self, index: u32, ring: &mut Ring, now_ns: u64) {
        let slot = &mut self.slots[index as usize];
        if slot.is_alive() {
            self.send_output(index, ring);
            self.end_if_done(index, now_ns);
        }
        let slot = &mut self.slots[index as usize];
        match slot.phase {
            Phase::Open | Phase::Ending | Phase::Lingering => settle_input(slot, index, ring),
            Phase::Closing => self.finish_closing(index, ring),
            Phase::Vacant => {}
        }
    }

    /// Starts the one send that a peer may have under way: the rest of the last, or what its machine has put out since.
    fn send_output(&mut self, index: u32, ring: &mut Ring) {
        let slot = &mut self.slots[index as usize];
        let Some(machine) = slot.machine.as_mut() else { return };
        if !slot.send_armed {
            if slot.sending.is_empty() {
                std::mem::swap(machine.output(), &mut slot.sending);
                if slot.sending.is_empty() {
                    self.pool.put(std::mem::take(&mut slot.sending));
                } else {
                    machine.set_sending(slot.sending.len());
                }
            }
            if !slot.sending.is_empty() {
                let socket = slot.socket.as_ref().expect("an open peer has a socket").as_raw_fd();
                let token = Token::new(Kind::Send, slot.generation, index);
                // SAFETY: `sending` is left alone until the completion clears `send_armed`, and the slot is not
                // vacated, so the vector neither moves its bytes nor is dropped; the ring takes its operations back
                // before the peers go.
                unsafe { ring.send(socket, &slot.sending[slot.sent..], token) };
                slot.send_armed = true;
                self.sending += 1;
                self.tally.sends += 1;
            }
        }
        let unsent_bytes = slot.sending.len() - slot.sent + machine.output().len();
        if slot.paused_by_output {
            slot.paused_by_output = unsent_bytes > self.unsent_bytes_max / 2;
        } else if unsent_bytes > self.unsent_bytes_max {
            slot.paused_by_output = true;
            self.tally.paused += 1;
        }
    }

    /// Ends a peer that has nothing more to say.
    fn end_if_done(&mut self, index: u32, now_ns: u64) {
        let slot = &mut self.slots[index as usize];
        let Some(machine) = slot.machine.as_mut() else { return };
        if slot.send_armed || slot.to_call_again || !machine.output().is_empty() {
            return;
        }
        if slot.phase == Phase::Ending && !machine.is_answering() {
            self.depart(index, Phase::Closing);
        } else if machine.is_finished() {
            self.lingering.push_back((now_ns + LINGER_NS, PeerId::new(index, slot.generation)));
            self.depart(index, Phase::Lingering);
        }
    }

    /// Cancels what the kernel still has; when it has nothing, closes the socket and vacates the place.
    fn finish_closing(&mut self, index: u32, ring: &mut Ring) {
        let slot = &mut self.slots[index as usize];
        if slot.receive_armed || slot.send_armed {
            if !slot.all_cancelled {
                let socket = slot.socket.as_ref().expect("a closing peer has a socket").as_raw_fd();
                ring.cancel_all_of(socket, Token::new(Kind::Cancel, slot.generation, index));
                slot.all_cancelled = true;
                slot.cancels += 1;
            }
            return;
        }
        if slot.is_armed() {
            return;
        }
        self.pool.put(std::mem::take(&mut slot.sending));
        self.tally.closed += u32::from(slot.accepted);
        self.adopted -= usize::from(!slot.accepted);
        self.long_readers -= usize::from(slot.is_long);
        *slot = Slot { generation: slot.generation.wrapping_add(1), dirty: slot.dirty, ..Slot::vacant() };
        self.taken -= 1;
        self.vacant.push(index);
    }
}

/// Arms or cancels the receive of a peer, as it is wanted or not.
fn settle_input<M>(slot: &mut Slot<M>, index: u32, ring: &mut Ring) {
    let kind = |is_long: bool| if is_long { Kind::ReceiveLong } else { Kind::Receive };
    let wants_input = slot.wants_input();
    if wants_input && !slot.receive_armed {
        let socket = slot.socket.as_ref().expect("an open peer has a socket").as_raw_fd();
        let group = if slot.is_long { LONG_BUFFER_GROUP } else { BUFFER_GROUP };
        ring.receive(socket, group, Token::new(kind(slot.is_long), slot.generation, index));
        slot.receive_armed = true;
        slot.is_armed_long = slot.is_long;
    } else if slot.receive_armed && !slot.receive_cancelled && (!wants_input || slot.is_long != slot.is_armed_long) {
        // When that is done it is armed again, if it is wanted, as it is wanted.
        let token = Token::new(kind(slot.is_armed_long), slot.generation, index);
        ring.cancel(token, Token::new(Kind::Cancel, slot.generation, index));
        slot.receive_cancelled = true;
        slot.cancels += 1;
    }
}
