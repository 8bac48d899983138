//! Which call's reply may be sent how much: every call a small window, and a message that is larger than that a window
//! of its own once there is room for all of it.
//!
//! So what is held stays within `limits.connection_buffer_bytes_max` without a call failing for another's sake, and
//! one message can always finish: when none is admitted, the next one is.

use super::Connection;
use super::calls::Reply;
use crate::frame;
use crate::h2::event::StreamRef;
use crate::h2::inbound::Admission;
use crate::limits::{CALL_WINDOW_BYTES_MAX, Limits, STREAM_WINDOW_BYTES_MIN};

/// What padding may take of a window in one frame (RFC 9113 §6.1): who pads every frame gets through with this to
/// spare.
const PADDING_BYTES_MAX: i64 = 256;

/// The window of each call: all calls that may be open can fill theirs while the largest message finishes.
pub(super) fn call_window_bytes(limits: &Limits) -> u32 {
    let room = limits.connection_buffer_bytes_max.saturating_sub(limits.message_bytes_max);
    let share = room / limits.streams_per_connection_max.max(1);
    u32::try_from(share).unwrap_or(CALL_WINDOW_BYTES_MAX).clamp(STREAM_WINDOW_BYTES_MIN, CALL_WINDOW_BYTES_MAX)
}

impl Connection {
    /// Whether `bytes` more of a reply's message may be held. With a server that keeps to its windows, always.
    pub(super) fn has_room_for(&self, slot: usize, bytes: usize) -> bool {
        let promised = self.held.promised_bytes() - self.held.waiting_bytes();
        self.calls[slot].inbound.admission == Admission::Admitted
            || promised + bytes <= self.limits.connection_buffer_bytes_max
    }

    /// Grants a reply what its message still needs, or, between messages, its window again once half of it is used.
    pub(super) fn grant(&mut self, slot: usize) {
        let own = i64::from(self.call_window_bytes);
        let call = &self.calls[slot];
        if call.is_held_back || call.reply == Reply::Over {
            return;
        }
        let available = call.receive_window.available();
        let inbound = &call.inbound;
        let missing = inbound.missing_bytes() as i64;
        let is_low = !call.is_single && available < own / 2;
        if missing + PADDING_BYTES_MAX <= available && !is_low {
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
        let reference = self.calls.reference(slot);
        let inbound = &mut self.calls[slot].inbound;
        let total = inbound.total_bytes();
        let declared = self.held.declared_bytes();
        let is_admitted = declared == 0 || declared + total <= self.admitted_bytes_max;
        if is_admitted {
            self.held.admit(inbound.held_bytes(), total);
            inbound.admission = Admission::Admitted;
        } else {
            inbound.admission = Admission::Waiting;
            self.admissions.push_back(reference);
        }
        is_admitted
    }

    /// A message is no longer assembled; its room goes to those that wait for it, in their order.
    #[inline]
    pub(super) fn forget_inbound(&mut self, slot: usize) {
        let inbound = &mut self.calls[slot].inbound;
        if inbound.is_empty() {
            return;
        }
        let admission = std::mem::take(&mut inbound.admission);
        self.held.forget(admission, inbound.held_bytes(), inbound.total_bytes());
        match admission {
            Admission::NotNeeded => {}
            Admission::Waiting => {
                let reference = self.calls.reference(slot);
                self.admissions.retain(|waiting| *waiting != reference);
            }
            Admission::Admitted => self.admit_waiting(),
        }
    }

    fn admit_waiting(&mut self) {
        while let Some(&next) = self.admissions.front() {
            let slot = self.calls.resolve(next);
            let Some(slot) = slot.filter(|&slot| self.calls[slot].inbound.admission == Admission::Waiting) else {
                self.admissions.pop_front();
                continue;
            };
            let total = self.calls[slot].inbound.total_bytes();
            let declared = self.held.declared_bytes();
            if declared > 0 && declared + total > self.admitted_bytes_max {
                return;
            }
            self.admissions.pop_front();
            self.calls[slot].inbound.admission = Admission::NotNeeded;
            self.admit(slot);
            self.grant(slot);
        }
    }

    fn write_grant(&mut self, slot: usize, target: i64) {
        let grant = self.calls[slot].receive_window.raise_to(target);
        if grant > 0 {
            let StreamRef { id, .. } = self.calls.reference(slot);
            frame::write_window_update(id, grant, &mut self.output);
        }
    }
}
