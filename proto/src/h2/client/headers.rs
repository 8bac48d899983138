//! HEADERS and CONTINUATION: from a header block to response headers, or to the end of a call.

use super::calls::Reply;
use super::response::{Plain, ResponseHead};
use super::{Connection, Event, Metadata, status};
use crate::frame::{self, Error, ErrorCode, flag};
use crate::h2::input::Frame;
use crate::hpack;
use crate::limits::{CONTINUATIONS_PER_HEADERS_MAX, SPARE_BUFFER_BYTES_MAX};
use crate::status::{Code, Status};

/// What the HEADERS frame of a block said beside the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockHead {
    id: u32,
    end_stream: bool,
}

/// A block whose CONTINUATIONs are still to come; its bytes are in the connection's `block`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingBlock {
    head: BlockHead,
    continuations: usize,
}

/// What a decoded block was.
enum Decoded {
    Plain(Plain),
    List(Box<ResponseHead>),
    TooLarge,
}

impl Connection {
    pub(super) fn receive_headers<'i>(&mut self, frame: &Frame<'_>) -> Result<Option<Event<'i>>, Error> {
        let headers = frame::headers(&frame.head, frame.payload)?;
        let id = frame.head.stream;
        if self.is_idle(id) {
            return Err(Error::connection(ErrorCode::ProtocolError, "HEADERS on a stream that no call has opened"));
        }
        let head = BlockHead { id, end_stream: frame.head.has(flag::END_STREAM) };
        if frame.head.has(flag::END_HEADERS) {
            return self.receive_block(head, headers.block);
        }
        self.block.clear();
        self.block.extend_from_slice(headers.block);
        self.pending_block = Some(PendingBlock { head, continuations: 0 });
        Ok(None)
    }

    /// CONTINUATION. `poll` lets no other frame through while a block is pending.
    pub(super) fn receive_continuation<'i>(&mut self, frame: &Frame<'_>) -> Result<Option<Event<'i>>, Error> {
        let part = frame::continuation(&frame.head, frame.payload)?;
        let Some(mut pending) = self.pending_block.take().filter(|pending| pending.head.id == frame.head.stream) else {
            return Err(Error::connection(ErrorCode::ProtocolError, "CONTINUATION of no header block"));
        };
        pending.continuations += 1;
        if pending.continuations > CONTINUATIONS_PER_HEADERS_MAX {
            return Err(Error::connection(ErrorCode::EnhanceYourCalm, "too many CONTINUATION frames"));
        }
        self.block.extend_from_slice(part);
        if !frame.head.has(flag::END_HEADERS) {
            self.pending_block = Some(pending);
            return Ok(None);
        }
        let mut block = std::mem::take(&mut self.block);
        let outcome = self.receive_block(pending.head, &block);
        block.clear();
        block.shrink_to(SPARE_BUFFER_BYTES_MAX);
        self.block = block;
        outcome
    }

    #[inline]
    fn receive_block<'i>(&mut self, head: BlockHead, block: &[u8]) -> Result<Option<Event<'i>>, Error> {
        self.is_busy = true;
        let slot = self.calls.find(head.id);
        let decoded = match self.memo.find(block, self.decoder.generation()) {
            Some(plain) => Decoded::Plain(plain),
            None => {
                let wants_all = head.end_stream || slot.is_some_and(|slot| self.calls[slot].wants_headers);
                self.decode_block(block, slot.is_some() && wants_all)?
            }
        };
        let Some(slot) = slot else {
            // What crossed our reset on its way is ignored (RFC 9113 §5.1); anything else was sent after its
            // END_STREAM.
            if self.was_reset(head.id) {
                return Ok(None);
            }
            return Err(Error::connection(ErrorCode::StreamClosed, "HEADERS on a closed stream"));
        };
        match (self.calls[slot].reply, head.end_stream) {
            (Reply::Awaited, _) => self.receive_response(slot, head, decoded),
            (_, true) => self.receive_trailers(slot, head, decoded).map(Some),
            (_, false) => Err(Error::stream(head.id, ErrorCode::ProtocolError, "trailers without END_STREAM")),
        }
    }

    #[inline(never)]
    fn decode_block(&mut self, block: &[u8], collects: bool) -> Result<Decoded, Error> {
        let generation = self.decoder.generation();
        let mut response = ResponseHead::new(collects);
        let list_bytes_max = self.limits.header_list_bytes_max;
        match self.decoder.decode(block, list_bytes_max, |name, value| response.field(name, value)) {
            Ok(()) => {}
            Err(hpack::Error::ListTooLarge) => return Ok(Decoded::TooLarge),
            Err(hpack::Error::Expansion) => {
                let reason = "a header block expands beyond all measure";
                return Err(Error::connection(ErrorCode::EnhanceYourCalm, reason));
            }
            Err(hpack::Error::Malformed(reason)) => {
                return Err(Error::connection(ErrorCode::CompressionError, reason));
            }
        }
        let Some(plain) = response.plain() else { return Ok(Decoded::List(Box::new(response))) };
        if self.decoder.generation() == generation {
            self.memo.learn(block, generation, plain);
        }
        Ok(Decoded::Plain(plain))
    }

    /// The first HEADERS of a reply: an informational response, response headers, or trailers alone.
    fn receive_response<'i>(
        &mut self,
        slot: usize,
        head: BlockHead,
        decoded: Decoded,
    ) -> Result<Option<Event<'i>>, Error> {
        let malformed = |reason| Err(Error::stream(head.id, ErrorCode::ProtocolError, reason));
        let response = match decoded {
            Decoded::Plain(Plain::Headers) if !head.end_stream => None,
            Decoded::Plain(Plain::Headers) => {
                let status = Status::new(Code::Unknown, "the reply has ended without grpc-status (HTTP status 200)");
                return Ok(Some(self.conclude(slot, status, Metadata::default())));
            }
            Decoded::Plain(Plain::Trailers(_)) => return malformed("a response without :status"),
            Decoded::TooLarge => return Ok(Some(self.list_too_large(slot, head.end_stream))),
            Decoded::List(response) => Some(response),
        };
        if let Some(reason) = response.as_ref().and_then(|response| response.fault()) {
            return malformed(reason);
        }
        let Some(response) = response else { return Ok(self.begin_messages(slot, None, Metadata::default())) };
        if response.is_informational() {
            if head.end_stream {
                return malformed("an informational response with END_STREAM");
            }
            self.calm.disturb(self.now_ns, "too many informational responses")?;
            return Ok(None);
        }
        if head.end_stream {
            if response.content_bytes.is_some_and(|bytes| bytes > 0) {
                return malformed("less content than content-length");
            }
            return Ok(Some(self.conclude(slot, response.status(), response.metadata)));
        }
        if let Some(refusal) = response.refusal() {
            // The status that gRPC gives counts more, wherever it stands.
            let status = response.explicit_status().unwrap_or(refusal);
            return Ok(Some(self.abandon(slot, false, status)));
        }
        Ok(self.begin_messages(slot, response.content_bytes, response.metadata))
    }

    fn begin_messages<'i>(&mut self, slot: usize, content_bytes: Option<u64>, metadata: Metadata) -> Option<Event<'i>> {
        let reference = self.calls.reference(slot);
        let call = &mut self.calls[slot];
        call.reply = Reply::Messages;
        call.content_bytes_left = content_bytes;
        call.wants_headers.then_some(Event::Headers { call: reference, metadata })
    }

    /// The trailers after messages, or after none.
    fn receive_trailers<'i>(&mut self, slot: usize, head: BlockHead, decoded: Decoded) -> Result<Event<'i>, Error> {
        let malformed = |reason| Err(Error::stream(head.id, ErrorCode::ProtocolError, reason));
        if self.calls[slot].content_bytes_left.is_some_and(|bytes| bytes > 0) {
            return malformed("less content than content-length");
        }
        match decoded {
            Decoded::Plain(Plain::Trailers(code)) => {
                Ok(self.conclude(slot, Status { code, message: "".into() }, Metadata::default()))
            }
            Decoded::Plain(Plain::Headers) => malformed("pseudo-header in trailers"),
            Decoded::TooLarge => Ok(self.list_too_large(slot, head.end_stream)),
            Decoded::List(trailers) => match trailers.trailers_fault() {
                Some(reason) => malformed(reason),
                None => Ok(self.conclude(slot, trailers.status(), trailers.metadata)),
            },
        }
    }

    /// The reply has ended with a status: whether its messages bear that out.
    fn conclude<'i>(&mut self, slot: usize, status: Status, trailers: Metadata) -> Event<'i> {
        let call = &self.calls[slot];
        let status = match status.code {
            Code::Ok if !call.inbound.is_empty() => status::TRUNCATED,
            Code::Ok if call.is_single && !call.has_message => status::NO_MESSAGE,
            _ => status,
        };
        if !call.has_ended {
            // The server needs no more of the request (RFC 9113 §8.1).
            self.write_reset(self.calls[slot].id, ErrorCode::NoError);
        }
        self.finish(slot, status, trailers)
    }

    fn list_too_large<'i>(&mut self, slot: usize, end_stream: bool) -> Event<'i> {
        let status = status::list_too_large(&self.limits);
        self.abandon(slot, end_stream, status)
    }
}
