//! What the kernel reports about a peer.

use super::{PeerId, Peers};
use crate::application::Machine;
use crate::peer::Phase;
use crate::ring::Completion;

/// What a receive completion means for the turn loop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Bytes for the application, in the buffer that the completion names.
    Bytes(PeerId, usize),
    /// The other side sends no more.
    Ended(PeerId),
    /// Nothing to deliver.
    Nothing,
    /// Every buffer was in use; the receive is armed again at the end of the turn.
    NoBuffer,
}

/// What a send completion means for the turn loop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// So many bytes, and more of the same are going.
    Partly(usize),
    /// The last of the bytes that were put out so far, if the id is there, else of one send.
    Wholly(usize, Option<PeerId>),
    /// The peer is gone or broken.
    Nothing,
}

impl<M: Machine> Peers<M> {
    /// A receive has something, or ends.
    pub(crate) fn on_receive(&mut self, completion: &Completion) -> Received {
        let index = completion.token.index();
        let Some(slot) = self.slots.get_mut(index as usize) else { return Received::Nothing };
        debug_assert!(completion.token.is_of(slot.generation), "a place is not reused before its operations ended");
        if !completion.more() {
            slot.receive_armed = false;
            slot.receive_cancelled = false;
        }
        let (phase, id) = (slot.phase, PeerId::new(index, slot.generation));
        if !completion.more() {
            self.touch(index);
        }
        match usize::try_from(completion.result) {
            Ok(0) => {
                match phase {
                    Phase::Open => self.slots[index as usize].phase = Phase::Ending,
                    Phase::Lingering => self.slots[index as usize].phase = Phase::Closing,
                    Phase::Vacant | Phase::Ending | Phase::Closing => {}
                }
                self.touch(index);
                if phase == Phase::Open { Received::Ended(id) } else { Received::Nothing }
            }
            Ok(bytes) if phase == Phase::Open => Received::Bytes(id, bytes),
            Ok(_) => Received::Nothing,
            Err(_) => match -completion.result {
                libc::ENOBUFS => Received::NoBuffer,
                // Cancelled by a pause or by the end, or to be tried again.
                libc::ECANCELED | libc::EINTR | libc::EAGAIN => Received::Nothing,
                _ => {
                    self.fail(index);
                    Received::Nothing
                }
            },
        }
    }

    /// A send has taken bytes, or failed.
    pub(crate) fn on_send(&mut self, completion: &Completion) -> Sent {
        let index = completion.token.index();
        let Some(slot) = self.slots.get_mut(index as usize) else { return Sent::Nothing };
        debug_assert!(completion.token.is_of(slot.generation), "a place is not reused before its operations ended");
        slot.send_armed = false;
        self.sending -= 1;
        let Ok(bytes) = usize::try_from(completion.result) else {
            self.touch(index);
            if !matches!(-completion.result, libc::EINTR | libc::EAGAIN) {
                self.fail(index);
            }
            return Sent::Nothing;
        };
        slot.sent += bytes;
        if slot.sent < slot.sending.len() {
            self.touch(index);
            return Sent::Partly(bytes);
        }
        slot.sent = 0;
        self.pool.put(std::mem::take(&mut slot.sending));
        if !slot.is_alive() {
            self.touch(index);
            return Sent::Wholly(bytes, None);
        }
        let (more, finished) = slot.machine.as_mut().map_or((false, false), |machine| {
            machine.set_sending(0);
            (!machine.output().is_empty(), machine.is_finished())
        });
        let id = PeerId::new(index, slot.generation);
        if more || finished || slot.paused_by_output || slot.phase == Phase::Ending {
            self.touch(index);
        }
        Sent::Wholly(bytes, (!more).then_some(id))
    }

    /// A cancellation was worked off; what it cancelled completes by itself.
    pub(crate) fn on_cancel(&mut self, completion: &Completion) {
        let index = completion.token.index();
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        slot.cancels -= 1;
        self.touch(index);
    }

    /// The connection is broken: nothing more can be read or sent.
    fn fail(&mut self, index: u32) {
        if !matches!(self.slots[index as usize].phase, Phase::Vacant | Phase::Closing) {
            self.depart(index, Phase::Closing);
        }
    }
}
