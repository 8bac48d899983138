//! DATA: as much as the windows allow at once, the rest in turn when they open.

use super::stream::Stream;
use super::{Connection, Pending};
use crate::frame::{HEAD_BYTES, Head, kind};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::framing::cut_into_frames;
use crate::h2::outbound::Ending;
use crate::limits::{LARGE_REPLY_BYTES, SEND_TURN_BYTES_MAX};

/// What usually follows a message in the output.
const TRAILERS_BYTES: usize = 64;

impl Connection {
    /// Writes messages with their prefixes, `total` bytes of them, into the output, or as much of that as the windows
    /// allow; the rest waits in the stream.
    pub(super) fn send_data(&mut self, slot: usize, total: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.sent_frames = self.sent_frames.wrapping_add(1);
        let stream = &mut self.streams[slot];
        if total > LARGE_REPLY_BYTES + PREFIX_BYTES {
            return self.send_large_data(slot, total, write);
        }
        if stream.outbound.waiting_bytes() > 0 {
            let before = stream.outbound.buffer_bytes();
            write(stream.outbound.waiting_mut());
            self.held.rebuffered(before, stream.outbound.buffer_bytes());
            return;
        }
        let at = self.output.len();
        self.output.reserve(HEAD_BYTES + total);
        self.output.extend_from_slice(&[0; HEAD_BYTES]);
        write(&mut self.output);
        debug_assert_eq!(self.output.len() - at - HEAD_BYTES, total, "they are as long as they were said to be");
        let total = self.output.len() - at - HEAD_BYTES;
        let allowed = total.min(self.send_window.available()).min(stream.send_window.available());
        if allowed < total {
            let rest = at + HEAD_BYTES + allowed;
            if stream.outbound.lacks_buffer() {
                *stream.outbound.waiting_mut() = self.spares.take();
            }
            stream.outbound.waiting_mut().extend_from_slice(&self.output[rest..]);
            self.output.truncate(if allowed > 0 { rest } else { at });
            self.held.wait(total - allowed);
        }
        if allowed > 0 {
            self.send_window.take(allowed);
            stream.send_window.take(allowed);
            let id = stream.id;
            cut_into_frames(&mut self.output, at, id, 0, self.peer.frame_bytes_max);
        }
        if allowed < total {
            self.queue_waiting(slot);
        }
    }

    /// The same for so much that its memory counts: what the windows let go wholly grows the output by no more than
    /// that, and anything else waits where it is written, so that no buffer outlives what it was made for.
    #[cold]
    fn send_large_data(&mut self, slot: usize, total: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let stream = &mut self.streams[slot];
        let allowed = self.send_window.available().min(stream.send_window.available());
        if stream.outbound.waiting_bytes() == 0 && total <= allowed {
            let frames = total.div_ceil(self.peer.frame_bytes_max);
            self.output.reserve_exact(frames * HEAD_BYTES + total + TRAILERS_BYTES);
            let at = self.output.len();
            self.output.extend_from_slice(&[0; HEAD_BYTES]);
            write(&mut self.output);
            self.send_window.take(total);
            stream.send_window.take(total);
            cut_into_frames(&mut self.output, at, stream.id, 0, self.peer.frame_bytes_max);
            return;
        }
        let before = stream.outbound.buffer_bytes();
        let waiting = stream.outbound.waiting_mut();
        waiting.reserve_exact(total);
        write(waiting);
        let after = stream.outbound.buffer_bytes();
        self.held.rebuffered(before, after);
        self.queue_waiting(slot);
        self.transmit();
    }

    /// Puts a stream that waits for the connection's window, and not for its own, into the queue.
    pub(super) fn queue_waiting(&mut self, slot: usize) {
        let reference = self.streams.reference(slot);
        let stream = &mut self.streams[slot];
        let outbound = &mut stream.outbound;
        if outbound.waiting_bytes() > 0 && !outbound.is_queued && stream.send_window.available() > 0 {
            outbound.is_queued = true;
            self.queue.push(reference);
        }
    }

    /// The same for all streams, after their windows have changed together.
    pub(super) fn queue_all_waiting(&mut self) {
        for slot in self.streams.slots_of(|stream| stream.outbound.waiting_bytes() > 0) {
            self.queue_waiting(slot);
        }
    }

    /// Sends what waits: one frame of each stream in turn, until the connection's window is used up.
    pub(super) fn transmit(&mut self) {
        while self.send_window.available() > 0 {
            let Some(slot) = self.queue.pop(&self.streams) else { return };
            self.streams[slot].outbound.is_queued = false;
            self.transmit_one(slot);
        }
    }

    /// One frame of what waits in a stream.
    fn transmit_one(&mut self, slot: usize) {
        self.spend(1);
        let stream = &mut self.streams[slot];
        let windows = self.send_window.available().min(stream.send_window.available());
        let turn = windows.min(self.peer.frame_bytes_max).min(SEND_TURN_BYTES_MAX);
        let bytes = stream.outbound.waiting_bytes().min(turn);
        if bytes == 0 {
            return;
        }
        self.sent_frames = self.sent_frames.wrapping_add(1);
        Head { length: bytes as u32, kind: kind::DATA, flags: 0, stream: stream.id }.write(&mut self.output);
        self.output.extend_from_slice(&stream.outbound.waiting()[..bytes]);
        self.send_window.take(bytes);
        stream.send_window.take(bytes);
        let before = stream.outbound.buffer_bytes();
        let emptied = stream.outbound.consume(bytes);
        self.held.rebuffered(before, stream.outbound.buffer_bytes());
        let Some(buffer) = emptied else { return self.queue_waiting(slot) };
        self.spares.give(buffer);
        if matches!(self.streams[slot].outbound.ending, Ending::Open) {
            self.events.push_back(Pending::Writable(self.streams.reference(slot)));
        } else {
            self.write_ending(slot);
        }
    }

    /// Tells the application of a window that has opened, if it has found it closed. One whose own window is open, and
    /// not the connection's, stands in the line that waits for that.
    pub(super) fn wake(&mut self, slot: usize) {
        if !self.streams[slot].outbound.is_starved {
            return;
        }
        let reference = self.streams.reference(slot);
        if self.sendable_bytes(slot) > 0 {
            self.streams[slot].outbound.is_starved = false;
            self.events.push_back(Pending::Writable(reference));
            return;
        }
        let Stream { send_window, outbound, .. } = &mut self.streams[slot];
        if send_window.available() > 0 && outbound.waiting_bytes() == 0 && !outbound.is_in_line {
            outbound.is_in_line = true;
            self.starved.push(reference);
        }
    }

    /// The same for those that wait for the connection, once it lets anything go.
    pub(super) fn wake_starved(&mut self) {
        for _ in 0..self.starved.len() {
            if self.send_window.available() == 0 || self.output.len() >= self.pause_bytes() {
                return;
            }
            let Some(slot) = self.starved.pop(&self.streams) else { return };
            self.streams[slot].outbound.is_in_line = false;
            self.wake(slot);
        }
    }

    /// The same for all, after their windows have changed together.
    pub(super) fn wake_all(&mut self) {
        for slot in self.streams.slots_of(|stream| stream.outbound.is_starved) {
            self.wake(slot);
        }
    }

    /// Message bytes that would leave at once, and at least 1 while any window is open: a client that gives so little
    /// that a prefix fills it gives more only once it is used.
    pub(super) fn sendable_bytes(&self, slot: usize) -> usize {
        let stream = &self.streams[slot];
        if stream.outbound.waiting_bytes() > 0 {
            return 0;
        }
        let room = self.pause_bytes().saturating_sub(self.unsent_bytes());
        let windows = self.send_window.available().min(stream.send_window.available());
        let open = windows.min(room);
        open.saturating_sub(PREFIX_BYTES).max(open.min(1))
    }
}
