//! What a caller does: begin a call, send messages, end them, hold the reply back, cancel.

use super::calls::{Call, Reply};
use super::request::Request;
use super::{Connection, Refused};
use crate::frame::{self, ErrorCode, HEAD_BYTES, STREAM_MAX, flag, kind};
use crate::h2::event::StreamRef;
use crate::h2::flow::{SendWindow, StreamReceiveWindow};
use crate::h2::inbound::Inbound;
use crate::h2::outbound::Outbound;

impl Connection {
    /// Makes a call whose request is the one message of `message_bytes` bytes that `write` appends to its buffer. What
    /// no window allows waits, as much as the limits allow.
    ///
    /// # Errors
    /// Why the call was not begun; `write` was not called then.
    #[inline]
    pub fn call(
        &mut self,
        request: &Request<'_>,
        message_bytes: usize,
        write: impl FnOnce(&mut Vec<u8>),
        now_ns: u64,
    ) -> Result<StreamRef, Refused> {
        let slot = self.begin_call(request, message_bytes, now_ns)?;
        self.calls[slot].is_closing = true;
        self.send_message(slot, message_bytes, write);
        Ok(self.calls.reference(slot))
    }

    /// Begins a call whose messages follow with [`send`](Self::send) and end with [`close_send`](Self::close_send).
    ///
    /// # Errors
    /// Why the call was not begun.
    pub fn open(&mut self, request: &Request<'_>, now_ns: u64) -> Result<StreamRef, Refused> {
        let slot = self.begin_call(request, 0, now_ns)?;
        Ok(self.calls.reference(slot))
    }

    /// Sends one more message of a call. What no window allows waits, as much as the limits allow.
    ///
    /// # Errors
    /// Why the message was not taken; `write` was not called then.
    pub fn send(
        &mut self,
        call: StreamRef,
        message_bytes: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Refused> {
        let slot = self.sending(call).ok_or(Refused::Over)?;
        self.check_room(message_bytes)?;
        self.send_message(slot, message_bytes, write);
        Ok(())
    }

    /// Message bytes that [`Self::send`] would let go at once, and at least 1 while any window is open. When it says 0,
    /// a Writable event follows once that changes.
    pub fn writable_bytes(&mut self, call: StreamRef) -> usize {
        let Some(slot) = self.sending(call) else { return 0 };
        let bytes = self.sendable_bytes(slot);
        let outbound = &mut self.calls[slot].outbound;
        // What waits has its own event once it has gone.
        if bytes == 0 && outbound.waiting_bytes() == 0 && !outbound.is_starved {
            outbound.is_starved = true;
            self.starved.push_back(call);
        }
        bytes
    }

    /// Ends a call's messages; the reply is awaited further.
    pub fn close_send(&mut self, call: StreamRef) {
        let Some(slot) = self.sending(call) else { return };
        self.calls[slot].is_closing = true;
        if std::mem::take(&mut self.calls[slot].outbound.is_starved) {
            self.starved.retain(|starved| *starved != call);
        }
        if self.calls[slot].outbound.waiting_bytes() == 0 {
            self.write_end(slot);
        }
    }

    /// Gives a call up: the server is told, and nothing more is heard of it. Whether it was still open; if not, its
    /// [`Finished`](super::Finished) event has come, or comes at the next poll.
    pub fn cancel(&mut self, call: StreamRef) -> bool {
        let Some(slot) = self.calls.resolve(call) else { return false };
        self.write_reset(call.id, ErrorCode::Cancel);
        self.release(slot);
        self.calls.remove(slot);
        true
    }

    /// Whether the reply's messages are held back: the server may send as much as it has been granted already, and no
    /// more. Backpressure for those who pass messages on.
    pub fn hold_back(&mut self, call: StreamRef, is_held_back: bool) {
        let Some(slot) = self.calls.resolve(call) else { return };
        self.calls[slot].is_held_back = is_held_back;
        self.grant(slot);
    }

    /// Whether a call's end is still to come.
    pub fn is_open(&self, call: StreamRef) -> bool {
        self.calls.resolve(call).is_some()
    }

    /// Calls that may be begun now.
    pub fn free_calls(&self) -> usize {
        if !self.takes_calls() {
            return 0;
        }
        self.limits.streams_per_connection_max.min(self.peer.calls_max).saturating_sub(self.calls.open())
    }

    /// The slot of a call whose caller may still send.
    fn sending(&self, call: StreamRef) -> Option<usize> {
        self.calls.resolve(call).filter(|&slot| !self.calls[slot].is_closing)
    }

    /// Whether a message of this length may be sent or wait.
    fn check_room(&self, message_bytes: usize) -> Result<(), Refused> {
        if message_bytes > self.limits.message_bytes_max {
            return Err(Refused::TooLong);
        }
        let unsent = self.held.waiting_bytes() + self.output.len();
        if unsent + message_bytes > self.limits.connection_buffer_bytes_max { Err(Refused::Full) } else { Ok(()) }
    }

    #[inline]
    fn begin_call(&mut self, request: &Request<'_>, message_bytes: usize, now_ns: u64) -> Result<usize, Refused> {
        self.now_ns = self.now_ns.max(now_ns);
        if self.free_calls() == 0 {
            if !self.takes_calls() {
                return Err(Refused::Gone);
            }
            self.wants_ready = true;
            return Err(Refused::Busy);
        }
        self.check_room(message_bytes)?;
        if request.timeout_ns == Some(0) {
            return Err(Refused::Expired);
        }
        if let Some(fault) = request.fault() {
            return Err(Refused::Invalid(fault));
        }
        if self.peer.header_list_bytes_max.is_some_and(|bytes_max| request.list_bytes(&self.fixed) > bytes_max) {
            return Err(Refused::Invalid("the request's headers are longer than the server takes"));
        }
        let deadline_ns = request.timeout_ns.map_or(u64::MAX, |timeout_ns| self.now_ns.saturating_add(timeout_ns));
        self.deadline_floor_ns = self.deadline_floor_ns.min(deadline_ns);
        let id = self.next_id;
        self.next_id += 2;
        self.write_headers(id, request);
        Ok(self.calls.insert(Call {
            id,
            reply: Reply::Awaited,
            is_single: request.is_single(),
            has_message: false,
            wants_headers: request.wants_headers,
            is_held_back: false,
            is_closing: false,
            has_ended: false,
            deadline_ns,
            content_bytes_left: None,
            receive_window: StreamReceiveWindow::new(self.call_window_bytes),
            send_window: SendWindow::new(self.peer.initial_window_bytes),
            inbound: Inbound::default(),
            outbound: Outbound::default(),
        }))
    }

    /// Writes HEADERS straight into the output; cuts them into CONTINUATIONs only when they are that long.
    #[inline]
    fn write_headers(&mut self, id: u32, request: &Request<'_>) {
        self.is_busy = true;
        let at = frame::write_head_placeholder(kind::HEADERS, flag::END_HEADERS, id, &mut self.output);
        self.templates.write(request, &self.fixed, &mut self.encoder, &mut self.output);
        if self.output.len() - at - HEAD_BYTES <= self.peer.frame_bytes_max {
            return frame::write_length(at, &mut self.output);
        }
        let block = self.output.split_off(at + HEAD_BYTES);
        self.output.truncate(at);
        frame::write_header_block(id, false, &block, self.peer.frame_bytes_max, &mut self.output);
    }

    /// RST_STREAM; what the server sends before it reads that is ignored.
    pub(super) fn write_reset(&mut self, id: u32, code: ErrorCode) {
        frame::write_rst_stream(id, code, &mut self.output);
        self.remember_reset(id);
    }

    /// Whether identifiers are left.
    pub(super) fn has_ids(&self) -> bool {
        self.next_id <= STREAM_MAX
    }
}
