//! DATA: flow control first, then messages, each delivered as soon as it is whole.

use std::borrow::Cow;

use super::calls::Reply;
use super::{Connection, Event, status};
use crate::frame::{self, Error, ErrorCode, flag};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::event::StreamRef;
use crate::h2::held;
use crate::h2::inbound::whole;
use crate::h2::input::Frame;
use crate::status::Status;

/// How much of the DATA frame at the input's position has been dealt with; its events leave one by one.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataCursor {
    call: StreamRef,
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
            None => match self.account_data(frame, payload.len(), end_stream)? {
                Some(call) => DataCursor { call, offset: 0 },
                None => return Ok(None),
            },
        };
        // The application may have ended the call between two of the frame's messages.
        let Some(slot) = self.calls.resolve(cursor.call) else { return Ok(None) };
        match self.next_message(slot, payload, cursor) {
            Ok(Some(event)) => return Ok(Some(event)),
            Ok(None) => {}
            Err(status) => return Ok(Some(self.abandon(slot, end_stream, status))),
        }
        if end_stream {
            return Ok(Some(self.abandon(slot, true, status::NO_TRAILERS)));
        }
        self.grant(slot);
        Ok(None)
    }

    /// Counts a DATA frame against the windows and its stream's rules; the call, when it still takes data.
    fn account_data(
        &mut self,
        frame: &Frame<'_>,
        content_bytes: usize,
        end_stream: bool,
    ) -> Result<Option<StreamRef>, Error> {
        let id = frame.head.stream;
        self.is_busy = true;
        if self.is_idle(id) {
            return Err(Error::connection(ErrorCode::ProtocolError, "DATA on an idle stream"));
        }
        let grant = self.receive_window.receive(frame.head.length).map_err(|_| {
            Error::connection(ErrorCode::FlowControlError, "more DATA than the connection's window allows")
        })?;
        if let Some(grant) = grant {
            frame::write_window_update(0, grant, &mut self.output);
        }
        if content_bytes == 0 && !end_stream {
            self.calm.disturb(self.now_ns, "too many empty DATA frames")?;
        }
        let Some(slot) = self.calls.find(id) else {
            if self.was_reset(id) {
                return Ok(None);
            }
            return Err(Error::stream(id, ErrorCode::StreamClosed, "DATA on a closed stream"));
        };
        let call = &mut self.calls[slot];
        if call.reply == Reply::Awaited {
            return Err(Error::stream(id, ErrorCode::ProtocolError, "DATA before HEADERS"));
        }
        call.receive_window
            .receive(frame.head.length)
            .map_err(|_| Error::stream(id, ErrorCode::FlowControlError, "more DATA than the stream's window allows"))?;
        if let Some(left) = &mut call.content_bytes_left {
            *left = left.checked_sub(content_bytes as u64).filter(|left| *left == 0 || !end_stream).ok_or(
                Error::stream(id, ErrorCode::ProtocolError, "the content is not as long as content-length says"),
            )?;
        }
        Ok(Some(self.calls.reference(slot)))
    }

    /// The next message of the reply.
    fn next_message<'i>(
        &mut self,
        slot: usize,
        payload: &'i [u8],
        mut cursor: DataCursor,
    ) -> Result<Option<Event<'i>>, Status> {
        let message_bytes_max = self.limits.message_bytes_max;
        let rest = &payload[cursor.offset..];
        if rest.is_empty() {
            return Ok(None);
        }
        let call = &mut self.calls[slot];
        if call.is_single && call.has_message {
            return Err(status::MESSAGES);
        }
        if call.inbound.is_empty()
            && let Some(message) = whole(rest, message_bytes_max).map_err(|refusal| refusal.status(&self.limits))?
        {
            call.has_message = true;
            cursor.offset += PREFIX_BYTES + message.len();
            self.data = Some(cursor);
            return Ok(Some(Event::Message { call: cursor.call, message: Cow::Borrowed(message) }));
        }
        cursor.offset += self.absorb(slot, rest)?;
        if !self.calls[slot].inbound.is_complete() {
            return Ok(None);
        }
        self.data = Some(cursor);
        self.calls[slot].has_message = true;
        self.forget_inbound(slot);
        let message = self.calls[slot].inbound.take();
        Ok(Some(Event::Message { call: cursor.call, message: Cow::Owned(message) }))
    }

    /// Takes bytes into the message that is being assembled; how many belonged to it.
    fn absorb(&mut self, slot: usize, bytes: &[u8]) -> Result<usize, Status> {
        if !self.has_room_for(slot, bytes.len()) {
            return Err(held::buffer_full(&self.limits));
        }
        if self.calls[slot].inbound.lacks_buffer() {
            let buffer = self.spares.take();
            self.calls[slot].inbound.provide(buffer);
        }
        let inbound = &mut self.calls[slot].inbound;
        let before = inbound.held_bytes();
        let taken = inbound.absorb(bytes, self.limits.message_bytes_max);
        let after = inbound.held_bytes();
        let admission = inbound.admission;
        self.held.assembled(admission, after - before);
        taken.map_err(|refusal| refusal.status(&self.limits))
    }
}
