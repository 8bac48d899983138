//! Compressed messages: inflated once they are whole, a part in each turn, so that they cost nobody else's calls their
//! turn.
//!
//! A connection inflates one message at a time, before it reads on, but for calls that go the straight way. That of a
//! client stream is waited for where it stands, with the rest of its DATA frame behind it; a call of one message is
//! parked.

use super::Connection;
use super::calm::Disturbance;
use crate::grpc::gzip::{InflateError, Inflater};
use crate::h2::event::StreamRef;
use crate::h2::held;
use crate::h2::inbound::Refusal;
use crate::limits::{FRAGMENTS_PER_MESSAGE, GZIP_STEP_EFFORT, INFLATED_BYTES_PER_EFFORT};
use crate::status::Status;

/// The message that is being inflated.
#[derive(Debug)]
pub(crate) struct Inflating {
    stream: StreamRef,
    is_unary: bool,
    /// There is less room for it than a message may need.
    lacks_room: bool,
    inflater: Inflater,
}

impl Connection {
    /// The assembled message, inflated; none when the effort of this turn was not enough for that, so that it is to be
    /// asked for again.
    pub(super) fn take_message(&mut self, slot: usize) -> Result<Option<Vec<u8>>, Status> {
        if !self.is_inflating(slot) {
            self.calm.excuse(Disturbance::Fragments, FRAGMENTS_PER_MESSAGE);
            let is_compressed = self.streams[slot].inbound.is_compressed();
            self.forget_inbound(slot);
            let bytes = self.streams[slot].inbound.take();
            if !is_compressed {
                return Ok(Some(bytes));
            }
            self.begin_inflating(slot, bytes)?;
        }
        self.go_on_inflating()
    }

    /// Whether this stream's message is the one that is being inflated.
    pub(super) fn is_inflating(&self, slot: usize) -> bool {
        self.inflating.as_ref().is_some_and(|inflating| inflating.stream == self.streams.reference(slot))
    }

    /// The slot of the next parked call: the one whose message is being inflated comes first. None while a client
    /// stream's message is.
    pub(super) fn next_in_line(&mut self) -> Option<usize> {
        match &self.inflating {
            Some(inflating) if inflating.is_unary => self.streams.resolve(inflating.stream),
            Some(_) => None,
            None if self.holds_back() => None,
            None => {
                let slot = self.parked.pop(&self.streams)?;
                self.streams[slot].is_parked = false;
                Some(slot)
            }
        }
    }

    /// The call has ended otherwise.
    pub(super) fn forget_inflating(&mut self, stream: StreamRef) {
        if self.inflating.as_ref().is_some_and(|inflating| inflating.stream == stream) {
            self.inflating = None;
        }
    }

    /// Bytes that the message which is being inflated holds.
    pub(super) fn inflating_bytes(&self) -> usize {
        self.inflating.as_ref().map_or(0, |inflating| inflating.inflater.held_bytes())
    }

    /// The message may be as long as the limits allow, and there must be room for it beside all else that is held.
    #[cold]
    fn begin_inflating(&mut self, slot: usize, compressed: Vec<u8>) -> Result<(), Status> {
        let held = self.promised_bytes() + compressed.len();
        let room = self.limits.connection_buffer_bytes_max.saturating_sub(held);
        let lacks_room = room < self.limits.message_bytes_max;
        let spare = self.spares.take();
        let inflater = Inflater::new(compressed, room.min(self.limits.message_bytes_max), spare)
            .map_err(|error| self.inflating_failed(error, lacks_room))?;
        let is_unary = !self.streams[slot].is_client_streaming;
        let stream = self.streams.reference(slot);
        self.inflating = Some(Box::new(Inflating { stream, is_unary, lacks_room, inflater }));
        Ok(())
    }

    #[cold]
    fn go_on_inflating(&mut self) -> Result<Option<Vec<u8>>, Status> {
        while let Some(inflating) = &mut self.inflating {
            let (before, lacks_room) = (inflating.inflater.inflated_bytes(), inflating.lacks_room);
            let step = inflating.inflater.step();
            let inflated = inflating.inflater.inflated_bytes() - before;
            self.spend(GZIP_STEP_EFFORT + inflated / INFLATED_BYTES_PER_EFFORT);
            match step {
                Ok(false) if self.effort_left() > 0 => {}
                Ok(false) => break,
                Ok(true) => {
                    let message = self.inflating.take().map(|inflating| inflating.inflater.into_parts());
                    return Ok(message.map(|(message, compressed)| {
                        self.spares.give(compressed);
                        message
                    }));
                }
                Err(error) => {
                    self.inflating = None;
                    return Err(self.inflating_failed(error, lacks_room));
                }
            }
        }
        Ok(None)
    }

    fn inflating_failed(&self, error: InflateError, lacks_room: bool) -> Status {
        match error {
            InflateError::Corrupt => Refusal::Corrupt.status(&self.limits),
            InflateError::TooLong if lacks_room => held::buffer_full(&self.limits),
            InflateError::TooLong => Refusal::InflatedTooLong.status(&self.limits),
        }
    }
}
