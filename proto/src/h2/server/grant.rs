//! Which stream may send how much: every stream a small window, and a message that is larger than that a window of its
//! own once there is room for all of it.
//!
//! So what is held stays within `limits.connection_buffer_bytes_max` without a call failing for another's sake, and
//! one message can always finish: when none is admitted, the next one is.

use super::Connection;
use crate::frame;
use crate::h2::event::StreamRef;
use crate::h2::inbound::Admission;

/// What padding may take of a window in one frame (RFC 9113 §6.1): who pads every frame gets through with this to
/// spare.
pub(super) const PADDING_BYTES_MAX: u32 = 256;

impl Connection {
    /// Whether `bytes` more of a stream's message may be held.
    pub(super) fn has_room_for(&self, slot: usize, bytes: usize) -> bool {
        self.streams[slot].inbound.admission == Admission::Admitted || self.has_room_for_part(bytes)
    }

    /// The same for a message that is not admitted.
    pub(super) fn has_room_for_part(&self, bytes: usize) -> bool {
        self.promised_bytes() + bytes <= self.limits.connection_buffer_bytes_max
            && self.footprint().other_bytes + bytes <= self.room.other_bytes
    }

    /// Grants a stream what its message still needs, or, between messages, its window again once half of it is used.
    pub(super) fn grant(&mut self, slot: usize) {
        let own = i64::from(self.stream_window_bytes);
        let stream = &self.streams[slot];
        if stream.is_answered || !stream.state.is_receiving() {
            return;
        }
        let available = stream.receive_window.available();
        let inbound = &stream.inbound;
        let missing = inbound.missing_bytes() as i64;
        let is_low = stream.is_client_streaming && available < own / 2;
        if missing + i64::from(PADDING_BYTES_MAX) <= available && !is_low {
            return;
        }
        let is_large = !inbound.is_empty() && inbound.total_bytes() as i64 > own;
        let target = match inbound.admission {
            Admission::Admitted => missing + own / 2,
            Admission::Waiting => return,
            Admission::NotNeeded if is_large && missing > available => {
                if !self.admit(slot) {
                    return;
                }
                missing + own / 2
            }
            Admission::NotNeeded => own,
        };
        self.write_grant(slot, target);
    }

    /// Admits a large message, or puts it in the queue.
    fn admit(&mut self, slot: usize) -> bool {
        let reference = self.streams.reference(slot);
        let is_admitted = self.has_room_to_admit(slot);
        let inbound = &mut self.streams[slot].inbound;
        let total = inbound.total_bytes();
        if is_admitted {
            self.held.admit(inbound.held_bytes(), total);
            inbound.admission = Admission::Admitted;
            self.stall_ns = 0;
        } else {
            inbound.admission = Admission::Waiting;
            self.admissions.push(reference);
        }
        is_admitted
    }

    /// A message is no longer assembled; its room goes to those that wait for it, in their order.
    pub(super) fn forget_inbound(&mut self, slot: usize) {
        let inbound = &self.streams[slot].inbound;
        let admission = inbound.admission;
        self.held.forget(admission, inbound.held_bytes(), inbound.total_bytes());
        self.streams[slot].inbound.admission = Admission::NotNeeded;
        match admission {
            Admission::NotNeeded => {}
            // Its name in the line finds nothing, or a stream that does not wait.
            Admission::Waiting => self.admissions.vanish(&self.streams),
            Admission::Admitted => self.admit_waiting(),
        }
    }

    /// Whether a large message may come: within what the process has room for, and as the connection's only one in any
    /// case.
    fn has_room_to_admit(&self, slot: usize) -> bool {
        let declared = self.held.declared_bytes();
        let after = declared + self.streams[slot].inbound.total_bytes();
        after <= self.room.declared_bytes && (declared == 0 || after <= self.admitted_bytes_max)
    }

    /// Admits what there is room for by now.
    pub(super) fn admit_waiting(&mut self) {
        while let Some(slot) = self.admissions.first(&self.streams) {
            if self.streams[slot].inbound.admission != Admission::Waiting {
                self.admissions.pop(&self.streams);
                continue;
            }
            if !self.has_room_to_admit(slot) {
                return;
            }
            self.admissions.pop(&self.streams);
            self.streams[slot].inbound.admission = Admission::NotNeeded;
            self.admit(slot);
            self.grant(slot);
        }
    }

    fn write_grant(&mut self, slot: usize, target: i64) {
        let stream = &mut self.streams[slot];
        let grant = stream.receive_window.raise_to(target);
        if grant > 0 {
            let StreamRef { id, .. } = self.streams.reference(slot);
            frame::write_window_update(id, grant, &mut self.output);
            self.count_control();
        }
    }
}
