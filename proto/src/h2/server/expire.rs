//! Deadlines: a call expires wherever it is, and with it goes all that it held. And the end of those who stay too
//! long, and of those who will hear nothing more.

use super::Connection;
use super::refuse;
use super::stream::Stream;
use crate::h2::outbound::Ending;
use crate::status::Status;

impl Connection {
    /// A time before which no deadline of an open call passes; `u64::MAX` when none has one.
    pub fn next_deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// Answers every call whose deadline has passed. One that the application has not heard of was not executed and
    /// gets a status that says so; one that it has gets `told`, and the application an event of its reset. What waited
    /// for a window is dropped.
    pub fn expire(&mut self, now_ns: u64, told: &Status) {
        self.now_ns = self.now_ns.max(now_ns);
        if now_ns < self.deadline_ns {
            return;
        }
        let mut next_ns = u64::MAX;
        for slot in self.streams.slots_of(|stream| stream.deadline_ns.is_some()) {
            match self.streams[slot].deadline_ns {
                None => {}
                Some(deadline_ns) if deadline_ns > now_ns => next_ns = next_ns.min(deadline_ns),
                Some(_) => self.cut(slot, told),
            }
        }
        self.deadline_ns = next_ns;
    }

    /// Ends every call that is open: one that the application knows with `told` and an event, any other as not executed
    /// with the same.
    pub fn cut_all(&mut self, now_ns: u64, told: &Status) {
        self.now_ns = self.now_ns.max(now_ns);
        for slot in self.streams.slots() {
            self.announce_reset(slot);
            self.drop_waiting(slot);
            self.end_with(slot, told);
        }
    }

    /// The client sends nothing more: calls whose request is not whole, and those that need windows or last until the
    /// client ends them, are over. The others are answered before the connection ends.
    pub fn end_of_input(&mut self) {
        self.has_input_ended = true;
        self.abandon_incomplete();
    }

    /// Once everything that came has been dealt with: what is incomplete now stays so.
    pub(super) fn abandon_incomplete(&mut self) {
        if !self.has_input_ended || self.peer_goes || self.wants_pause() || self.has_more() {
            return;
        }
        self.peer_goes = true;
        self.pending_block = None;
        self.data = None;
        (self.kept, self.kept_from) = (Vec::new(), 0);
        for slot in self.streams.slots() {
            if !is_in_execution(&self.streams[slot]) {
                self.announce_reset(slot);
                self.release(slot);
            }
        }
    }

    /// Whether an answer is still to come that a client which has stopped sending may be waiting for.
    pub fn is_answering(&self) -> bool {
        let is_reading = self.has_input_ended && !self.peer_goes;
        let is_executing = || self.streams.has_fresh() || self.streams.iter().any(is_in_execution);
        !self.is_over() && (is_reading || is_executing())
    }

    fn cut(&mut self, slot: usize, told: &Status) {
        self.announce_reset(slot);
        self.drop_waiting(slot);
        if self.streams[slot].is_announced {
            self.end_with(slot, told);
        } else {
            self.end_with(slot, &refuse::EXPIRED);
        }
    }

    /// Drops the part of an answer that waits for a window, and how the call was to end after it.
    fn drop_waiting(&mut self, slot: usize) {
        let outbound = &mut self.streams[slot].outbound;
        self.held.waited(outbound.buffer_bytes());
        outbound.ending = Ending::Open;
        let buffer = outbound.take();
        self.spares.give(buffer);
    }
}

/// Whether a unary call is with the application, or waits for it.
fn is_in_execution(stream: &Stream) -> bool {
    let is_unary = !stream.is_client_streaming && !stream.method.method().server_streaming;
    is_unary && !stream.is_answered && !stream.state.is_receiving()
}
