//! DATA: flow control first, then messages, each delivered as soon as it is whole.

use std::borrow::Cow;

use super::Connection;
use super::calm::Disturbance;
use super::count::Count;
use super::refuse;
use crate::frame::{self, Error, ErrorCode, Head, flag};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::event::{Call, Event, StreamRef};
use crate::h2::inbound::{Refusal, whole};
use crate::h2::input::Frame;
use crate::limits::FRAGMENT_BYTES_LOW;
use crate::status::Status;

/// How much of the DATA frame at the input's position has been dealt with; its events leave one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataCursor {
    stream: StreamRef,
    /// Bytes of the payload without its padding.
    offset: usize,
}

impl Connection {
    /// DATA, from where the last poll left it.
    pub(super) fn receive_data<'i>(&mut self, frame: &Frame<'i>) -> Result<Option<Event<'i>>, Error> {
        let payload = frame::data(&frame.head, frame.payload)?;
        let end_stream = frame.head.has(flag::END_STREAM);
        let cursor = match self.data.take() {
            Some(cursor) => cursor,
            None => match self.account_data(&frame.head, payload.len(), end_stream)? {
                Some(stream) => DataCursor { stream, offset: 0 },
                None => return Ok(None),
            },
        };
        // The application may have ended the call between two of the frame's messages.
        let Some(slot) = self.streams.resolve(cursor.stream) else { return Ok(None) };
        if self.streams[slot].is_answered {
            self.forget_inflating(cursor.stream);
            if end_stream {
                self.streams[slot].state.end_received();
            }
            return Ok(None);
        }
        let outcome = if self.streams[slot].is_client_streaming {
            self.next_message(slot, payload, cursor)
        } else {
            self.only_message(slot, payload, end_stream)
        };
        match outcome {
            Ok(Some(event)) => return Ok(Some(event)),
            // A message is being inflated, and the turn is over: the frame is looked at again.
            Ok(None) if self.data.is_some() => return Ok(None),
            Ok(None) => {}
            Err(status) => {
                self.fail_call(slot, end_stream, status);
                return Ok(None);
            }
        }
        if !end_stream {
            if cursor.offset == 0 && payload.len() < FRAGMENT_BYTES_LOW && self.is_fragment(slot) {
                self.calm.disturb(self.now_ns, Disturbance::Fragments)?;
            }
            self.grant(slot);
            return Ok(None);
        }
        self.streams[slot].state.end_received();
        Ok(self.end_request(slot))
    }

    /// Whether a frame that brought no message to its end has left one incomplete.
    fn is_fragment(&self, slot: usize) -> bool {
        let inbound = &self.streams[slot].inbound;
        !inbound.is_empty() && !inbound.is_complete()
    }

    /// Counts a DATA frame against the windows and its stream's rules; the stream, when it still takes data.
    pub(super) fn account_data(
        &mut self,
        head: &Head,
        content_bytes: usize,
        end_stream: bool,
    ) -> Result<Option<StreamRef>, Error> {
        let id = head.stream;
        if self.is_idle(id) {
            return Err(Error::connection(ErrorCode::ProtocolError, "DATA on an idle stream"));
        }
        if content_bytes == 0 && !end_stream {
            self.calm.disturb(self.now_ns, Disturbance::EmptyFrames)?;
        }
        let grant = self.receive_window.receive(head.length).map_err(|_| {
            Error::connection(ErrorCode::FlowControlError, "more DATA than the connection's window allows")
        })?;
        if let Some(grant) = grant {
            frame::write_window_update(0, grant, &mut self.output);
            self.count_control();
        }
        let Some(slot) = self.streams.find(id) else {
            if self.was_reset(id) {
                return Ok(None);
            }
            return Err(Error::stream(id, ErrorCode::StreamClosed, "DATA on a closed stream"));
        };
        let stream = &mut self.streams[slot];
        if !stream.state.is_receiving() {
            return Err(Error::stream(id, ErrorCode::StreamClosed, "DATA after END_STREAM"));
        }
        stream
            .receive_window
            .receive(head.length)
            .map_err(|_| Error::stream(id, ErrorCode::FlowControlError, "more DATA than the stream's window allows"))?;
        if let Some(left) = &mut stream.content_bytes_left {
            *left = left.checked_sub(content_bytes as u64).filter(|left| *left == 0 || !end_stream).ok_or(
                Error::stream(id, ErrorCode::ProtocolError, "the content is not as long as content-length says"),
            )?;
        }
        Ok(Some(self.streams.reference(slot)))
    }

    /// The next message of a client stream.
    fn next_message<'i>(
        &mut self,
        slot: usize,
        payload: &'i [u8],
        mut cursor: DataCursor,
    ) -> Result<Option<Event<'i>>, Status> {
        if !self.is_inflating(slot) {
            let rest = &payload[cursor.offset..];
            if rest.is_empty() {
                return Ok(None);
            }
            if self.streams[slot].inbound.is_empty()
                && let Some(message) = self.whole(slot, rest)?
            {
                cursor.offset += PREFIX_BYTES + message.len();
                self.data = Some(cursor);
                return Ok(Some(Event::Message { stream: cursor.stream, message: Cow::Borrowed(message) }));
            }
            cursor.offset += self.absorb(slot, rest)?;
            if !self.streams[slot].inbound.is_complete() {
                return Ok(None);
            }
        }
        let message = self.take_message(slot)?;
        self.data = Some(cursor);
        Ok(message.map(|message| Event::Message { stream: cursor.stream, message: Cow::Owned(message) }))
    }

    /// A part, or all, of the one message that the method takes.
    fn only_message<'i>(
        &mut self,
        slot: usize,
        payload: &'i [u8],
        end_stream: bool,
    ) -> Result<Option<Event<'i>>, Status> {
        if end_stream
            && !self.holds_back()
            && self.streams[slot].inbound.is_empty()
            && let Some(message) = self.whole(slot, payload)?
            && message.len() + PREFIX_BYTES == payload.len()
        {
            self.streams[slot].state.end_received();
            return Ok(Some(self.announce_call(slot, Cow::Borrowed(message))));
        }
        if payload.is_empty() {
            return Ok(None);
        }
        if self.streams[slot].inbound.is_complete() || self.absorb(slot, payload)? < payload.len() {
            return Err(refuse::MESSAGES);
        }
        Ok(None)
    }

    /// The request has ended: what that means for the messages that have come.
    pub(super) fn end_request<'i>(&mut self, slot: usize) -> Option<Event<'i>> {
        let stream = &self.streams[slot];
        if stream.is_answered {
            return None;
        }
        let inbound = &stream.inbound;
        let status = match (stream.is_client_streaming, inbound.is_empty()) {
            (true, true) => return Some(Event::HalfClosed { stream: self.streams.reference(slot) }),
            // Without effort left it is told of in the next turn.
            (false, false)
                if inbound.is_complete() && (inbound.is_compressed() || self.holds_back() || self.effort_left == 0) =>
            {
                self.streams[slot].is_parked = true;
                self.parked.push(self.streams.reference(slot));
                return None;
            }
            (false, false) if inbound.is_complete() => match self.take_message(slot) {
                Ok(message) => return message.map(|message| self.announce_call(slot, Cow::Owned(message))),
                Err(status) => status,
            },
            (false, true) => refuse::NO_MESSAGE,
            (_, false) => refuse::TRUNCATED,
        };
        self.calm.counts.add(Count::CallsFailed);
        self.announce_reset(slot);
        self.end_with(slot, &status);
        None
    }

    /// Whether so much of earlier replies waits for the client's windows that no further call is told of: rather than
    /// fail its reply for lack of room, it waits with its request.
    pub(super) fn holds_back(&self) -> bool {
        let waiting = self.held.waiting_bytes();
        waiting + self.charged > self.hold_back_bytes() || waiting > self.room.wait_bytes
    }

    /// The next call that was held back, when there is room for its reply, or whose message had to be inflated.
    pub(super) fn next_parked<'i>(&mut self) -> Option<Event<'i>> {
        loop {
            let slot = self.next_in_line()?;
            match self.take_message(slot) {
                Ok(message) => return message.map(|message| self.announce_call(slot, Cow::Owned(message))),
                Err(status) => {
                    self.calm.counts.add(Count::CallsFailed);
                    self.end_with(slot, &status);
                }
            }
        }
    }

    fn announce_call<'i>(&mut self, slot: usize, message: Cow<'i, [u8]>) -> Event<'i> {
        let stream = self.streams.reference(slot);
        let kept = &mut self.streams[slot];
        kept.is_announced = true;
        Event::Unary(Call { stream, method: kept.method, message, deadline_ns: kept.deadline_ns })
    }

    /// Ends a call whose request breaks a rule; what else the client sends of it is dropped.
    pub(super) fn fail_call(&mut self, slot: usize, end_stream: bool, status: Status) {
        self.calm.counts.add(Count::CallsFailed);
        if end_stream {
            self.streams[slot].state.end_received();
        }
        self.announce_reset(slot);
        self.end_with(slot, &status);
    }

    fn refusal(&self, refusal: Refusal) -> Status {
        refusal.status(&self.limits)
    }

    /// Takes bytes into the message that is being assembled; how many belonged to it.
    pub(super) fn absorb(&mut self, slot: usize, bytes: &[u8]) -> Result<usize, Status> {
        if !self.has_room_for(slot, bytes.len()) {
            return Err(self.room_refusal());
        }
        if self.streams[slot].inbound.lacks_buffer() {
            let buffer = self.spares.take();
            self.streams[slot].inbound.provide(buffer);
        }
        let inbound = &mut self.streams[slot].inbound;
        if let Some(length) = inbound.outgrows(bytes.len())
            && let Some(buffer) = self.large.as_mut().and_then(|large| large.take(length))
        {
            self.spares.give(inbound.move_to(buffer));
        }
        let before = inbound.held_bytes();
        let taken = inbound.absorb(bytes, self.limits.message_bytes_max);
        let after = inbound.held_bytes();
        let admission = inbound.admission;
        self.held.assembled(admission, after - before);
        taken.map_err(|refusal| self.refusal(refusal))
    }

    /// The message at the beginning of `bytes`, when all of it is there and not compressed.
    #[inline]
    fn whole<'i>(&self, slot: usize, bytes: &'i [u8]) -> Result<Option<&'i [u8]>, Status> {
        match whole(bytes, self.limits.message_bytes_max) {
            Err(Refusal::Compressed) if self.streams[slot].inbound.takes_compressed() => Ok(None),
            outcome => outcome.map_err(|refusal| self.refusal(refusal)),
        }
    }
}
