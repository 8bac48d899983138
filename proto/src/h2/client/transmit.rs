//! DATA: as much as the windows allow at once, the rest in turn when they open.

use super::{Connection, Pending};
use crate::frame::{HEAD_BYTES, Head, flag, kind};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::framing::{append_message, cut_into_frames};
use crate::limits::SEND_TURN_BYTES_MAX;

/// Bytes before the message of a request's first DATA frame.
const BEFORE_MESSAGE_BYTES: usize = HEAD_BYTES + PREFIX_BYTES;

impl Connection {
    /// Writes one message into the output, or as much of it as the windows allow; the rest waits with its call. The
    /// last frame of a call that is closing ends it.
    pub(super) fn send_message(&mut self, slot: usize, message_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.is_busy = true;
        let call = &mut self.calls[slot];
        if call.outbound.waiting_bytes() > 0 {
            let waiting = call.outbound.waiting_mut();
            let before = waiting.len();
            append_message(waiting, message_bytes, write);
            self.held.wait(waiting.len() - before);
            return;
        }
        let at = self.output.len();
        self.output.reserve(BEFORE_MESSAGE_BYTES + message_bytes);
        self.output.extend_from_slice(&[0; HEAD_BYTES]);
        append_message(&mut self.output, message_bytes, write);
        let total = self.output.len() - at - HEAD_BYTES;
        let allowed = total.min(self.send_window.available()).min(call.send_window.available());
        if allowed < total {
            let rest = at + HEAD_BYTES + allowed;
            if call.outbound.lacks_buffer() {
                *call.outbound.waiting_mut() = self.spares.take();
            }
            call.outbound.waiting_mut().extend_from_slice(&self.output[rest..]);
            self.output.truncate(if allowed > 0 { rest } else { at });
            self.held.wait(total - allowed);
        }
        if allowed > 0 {
            self.send_window.take(allowed);
            call.send_window.take(allowed);
            let ends = call.is_closing && allowed == total;
            call.has_ended = ends;
            let flags = if ends { flag::END_STREAM } else { 0 };
            cut_into_frames(&mut self.output, at, call.id, flags, self.peer.frame_bytes_max);
        }
        if allowed < total {
            self.queue_waiting(slot);
        }
    }

    /// Ends a call's messages when nothing waits: an empty frame, which needs no window.
    pub(super) fn write_end(&mut self, slot: usize) {
        let call = &mut self.calls[slot];
        if std::mem::replace(&mut call.has_ended, true) {
            return;
        }
        self.is_busy = true;
        Head { length: 0, kind: kind::DATA, flags: flag::END_STREAM, stream: call.id }.write(&mut self.output);
    }

    /// Puts a call that waits for the connection's window, and not for its own, into the queue.
    pub(super) fn queue_waiting(&mut self, slot: usize) {
        let reference = self.calls.reference(slot);
        let call = &mut self.calls[slot];
        let outbound = &mut call.outbound;
        if outbound.waiting_bytes() > 0 && !outbound.is_queued && call.send_window.available() > 0 {
            outbound.is_queued = true;
            self.queue.push_back(reference);
        }
    }

    /// The same for all calls, after their windows have changed together.
    pub(super) fn queue_all_waiting(&mut self) {
        for slot in self.calls.slots(|call| call.outbound.waiting_bytes() > 0) {
            self.queue_waiting(slot);
        }
    }

    /// Sends what waits: one frame of each call in turn, until the connection's window is used up.
    pub(super) fn transmit(&mut self) {
        while self.send_window.available() > 0 {
            let Some(next) = self.queue.pop_front() else { return };
            let Some(slot) = self.calls.resolve(next) else { continue };
            self.calls[slot].outbound.is_queued = false;
            self.transmit_one(slot);
        }
    }

    /// One frame of what waits for a call.
    fn transmit_one(&mut self, slot: usize) {
        let call = &mut self.calls[slot];
        let windows = self.send_window.available().min(call.send_window.available());
        let turn = windows.min(self.peer.frame_bytes_max).min(SEND_TURN_BYTES_MAX);
        let waiting = call.outbound.waiting_bytes();
        let bytes = waiting.min(turn);
        if bytes == 0 {
            return;
        }
        self.is_busy = true;
        let ends = call.is_closing && bytes == waiting;
        call.has_ended = ends;
        let flags = if ends { flag::END_STREAM } else { 0 };
        Head { length: bytes as u32, kind: kind::DATA, flags, stream: call.id }.write(&mut self.output);
        self.output.extend_from_slice(&call.outbound.waiting()[..bytes]);
        self.send_window.take(bytes);
        call.send_window.take(bytes);
        self.held.waited(bytes);
        let is_closing = call.is_closing;
        let Some(buffer) = call.outbound.consume(bytes) else { return self.queue_waiting(slot) };
        self.spares.give(buffer);
        if !is_closing {
            self.events.push_back(Pending::Writable(self.calls.reference(slot)));
        }
    }

    /// Tells the application of a window that has opened, if it has found it closed.
    pub(super) fn wake(&mut self, slot: usize) {
        if self.calls[slot].outbound.is_starved && self.sendable_bytes(slot) > 0 {
            self.calls[slot].outbound.is_starved = false;
            let reference = self.calls.reference(slot);
            self.starved.retain(|starved| *starved != reference);
            self.events.push_back(Pending::Writable(reference));
        }
    }

    /// The same for all that have found theirs closed.
    pub(super) fn wake_starved(&mut self) {
        for _ in 0..self.starved.len() {
            let Some(reference) = self.starved.pop_front() else { return };
            let Some(slot) = self.calls.resolve(reference) else { continue };
            if self.sendable_bytes(slot) > 0 {
                self.calls[slot].outbound.is_starved = false;
                self.events.push_back(Pending::Writable(reference));
            } else {
                self.starved.push_back(reference);
            }
        }
    }

    /// Message bytes that would leave at once, and at least 1 while any window is open: a server that gives so little
    /// that a prefix fills it gives more only once it is used.
    pub(super) fn sendable_bytes(&self, slot: usize) -> usize {
        let call = &self.calls[slot];
        if call.outbound.waiting_bytes() > 0 {
            return 0;
        }
        // Half of the bound, so that several calls find room.
        let room = (self.limits.connection_buffer_bytes_max / 2).saturating_sub(self.output.len());
        let open = self.send_window.available().min(call.send_window.available()).min(room);
        open.saturating_sub(PREFIX_BYTES).max(open.min(1))
    }
}
