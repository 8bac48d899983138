//! HEADERS and CONTINUATION: from a header block to a new call, a refusal, or trailers.

use super::Connection;
use super::calm::Disturbance;
use super::count::Count;
use super::head::{CallHead, RequestHead, Verdict};
use super::refuse::{self, Answer};
use super::stream::{State, Stream};
use crate::frame::{self, Error, ErrorCode, flag};
use crate::h2::event::Event;
use crate::h2::flow::{SendWindow, StreamReceiveWindow};
use crate::h2::inbound::Inbound;
use crate::h2::input::Frame;
use crate::h2::outbound::Outbound;
use crate::hpack;
use crate::limits::{CONTINUATIONS_PER_HEADERS_MAX, HEADER_BYTES_PER_EFFORT, SPARE_BUFFER_BYTES_MAX};

/// What the HEADERS frame of a block said beside the block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockHead {
    stream: u32,
    end_stream: bool,
    depends_on_itself: bool,
}

/// A block whose CONTINUATIONs are still to come; its bytes are in the connection's `block`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PendingBlock {
    head: BlockHead,
    continuations: usize,
}

/// What a decoded block was.
#[derive(Debug)]
pub(crate) enum Decoded {
    Verdict(Verdict),
    TooLarge { is_grpc: bool },
}

impl Connection {
    /// HEADERS: of a new stream, or trailers.
    pub(super) fn receive_headers<'i>(&mut self, frame: &Frame<'_>) -> Result<Option<Event<'i>>, Error> {
        let headers = frame::headers(&frame.head, frame.payload)?;
        let stream = frame.head.stream;
        let head = BlockHead {
            stream,
            end_stream: frame.head.has(flag::END_STREAM),
            depends_on_itself: headers.priority.is_some_and(|priority| priority.depends_on(stream)),
        };
        if stream.is_multiple_of(2) {
            return Err(Error::connection(ErrorCode::ProtocolError, "a client's streams have odd identifiers"));
        }
        if headers.block.is_empty() {
            self.calm.disturb(self.now_ns, Disturbance::EmptyFrames)?;
        }
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
        let Some(mut pending) = self.pending_block.take().filter(|pending| pending.head.stream == frame.head.stream)
        else {
            return Err(Error::connection(ErrorCode::ProtocolError, "CONTINUATION of no header block"));
        };
        self.calm.counts.add(Count::Continuations);
        if part.is_empty() {
            self.calm.disturb(self.now_ns, Disturbance::EmptyFrames)?;
        }
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

    fn receive_block<'i>(&mut self, head: BlockHead, block: &[u8]) -> Result<Option<Event<'i>>, Error> {
        if !self.is_idle(head.stream) {
            return self.receive_trailers(head, block);
        }
        self.use_id(head.stream);
        if let Some(decoded) = self.decoded.take() {
            return self.begin_request(head, (*decoded)?);
        }
        if let Some(call) = self.memo.find(block, &mut self.decoder, self.limits.header_list_bytes_max) {
            return self.begin_request(head, Decoded::Verdict(Verdict::Call(call)));
        }
        let decoded = self.decode_request(block)?;
        self.begin_request(head, decoded)
    }

    pub(super) fn decode_request(&mut self, block: &[u8]) -> Result<Decoded, Error> {
        let insertions = self.decoder.insertions();
        let mut request = RequestHead::new();
        match self.decoder.read(block, self.limits.header_list_bytes_max, &mut request) {
            Ok(()) => self.count_block()?,
            Err(error) => {
                self.check_list(error)?;
                return Ok(Decoded::TooLarge { is_grpc: request.is_grpc() });
            }
        }
        let verdict = request.verdict();
        if let Verdict::Call(call) = verdict {
            self.memo.learn(block, insertions, &mut self.decoder, call);
        }
        Ok(Decoded::Verdict(verdict))
    }

    /// A block whose fields were not all taken: only a list that is too long leaves the connection as it was.
    fn check_list(&mut self, error: hpack::Error) -> Result<(), Error> {
        self.count_block()?;
        match error {
            hpack::Error::ListTooLarge => self.calm.disturb(self.now_ns, Disturbance::LongHeaderLists),
            hpack::Error::Expansion => {
                let reason = "a header block expands beyond all measure";
                Err(Error::connection(ErrorCode::EnhanceYourCalm, reason))
            }
            hpack::Error::Malformed(reason) => Err(Error::connection(ErrorCode::CompressionError, reason)),
        }
    }

    /// Counts what the block that was decoded last has cost, and its changes of the header table's size.
    fn count_block(&mut self) -> Result<(), Error> {
        self.spend(self.decoder.list_bytes() / HEADER_BYTES_PER_EFFORT);
        for _ in 0..self.decoder.take_resizes() {
            self.calm.disturb(self.now_ns, Disturbance::TableResizes)?;
        }
        Ok(())
    }

    /// A request on a stream that was idle.
    fn begin_request<'i>(&mut self, head: BlockHead, decoded: Decoded) -> Result<Option<Event<'i>>, Error> {
        if self.ignores_new_calls() {
            return Ok(None);
        }
        self.last_id = head.stream;
        if head.depends_on_itself {
            return Err(Error::stream(head.stream, ErrorCode::ProtocolError, "stream depends on itself"));
        }
        if let Decoded::Verdict(Verdict::Malformed(reason)) = decoded {
            return Err(Error::stream(head.stream, ErrorCode::ProtocolError, reason));
        }
        if self.streams.open() >= self.limits.streams_per_connection_max {
            // RFC 9113 §5.1.2; nothing was done, so the client may try again.
            frame::write_rst_stream(head.stream, ErrorCode::RefusedStream, &mut self.output);
            self.remember_reset(head.stream);
            self.count_control();
            self.calm.disturb(self.now_ns, Disturbance::StreamsRefused)?;
            return Ok(None);
        }
        let answer = match &decoded {
            Decoded::TooLarge { is_grpc } => Some(refuse::list_too_large(*is_grpc, &self.limits)),
            Decoded::Verdict(verdict) => refuse::answer(verdict),
        };
        match (answer, decoded) {
            (None, Decoded::Verdict(Verdict::Call(call))) => self.begin_call(head, call),
            (Some(answer), _) => {
                self.refuse(head, &answer);
                Ok(None)
            }
            (None, _) => Ok(None),
        }
    }

    fn begin_call<'i>(&mut self, head: BlockHead, call: CallHead) -> Result<Option<Event<'i>>, Error> {
        let is_client_streaming = call.method.method().client_streaming;
        let deadline_ns = call.timeout_ns.map(|timeout_ns| self.now_ns.saturating_add(timeout_ns));
        if head.end_stream && call.content_bytes.is_some_and(|bytes| bytes > 0) {
            return Err(Error::stream(head.stream, ErrorCode::ProtocolError, "less content than content-length"));
        }
        self.deadline_ns = self.deadline_ns.min(deadline_ns.unwrap_or(u64::MAX));
        let slot = self.streams.insert(Stream {
            id: head.stream,
            state: State::new(head.end_stream),
            method: call.method,
            is_client_streaming,
            is_announced: is_client_streaming,
            is_parked: false,
            is_answered: false,
            encoding: call.encoding,
            deadline_ns,
            content_bytes_left: call.content_bytes,
            receive_window: StreamReceiveWindow::new(self.new_stream_window_bytes()),
            send_window: SendWindow::new(self.peer.initial_window_bytes),
            inbound: Inbound::new(call.encoding.is_gzip),
            outbound: Outbound::default(),
        });
        if !is_client_streaming {
            return if head.end_stream { Ok(self.end_request(slot)) } else { Ok(None) };
        }
        let stream = self.streams.reference(slot);
        if head.end_stream {
            self.events.push_back(super::Pending::HalfClosed(stream));
        }
        Ok(Some(Event::Opened { stream, method: call.method, deadline_ns }))
    }

    /// Answers a request that gets no stream of its own.
    fn refuse(&mut self, head: BlockHead, answer: &Answer) {
        self.calm.counts.add(Count::RequestsRefused);
        self.write_answer(head.stream, answer);
        self.count_control();
        if !head.end_stream {
            frame::write_rst_stream(head.stream, ErrorCode::NoError, &mut self.output);
            self.remember_reset(head.stream);
        }
    }

    /// HEADERS on a stream that is not idle: trailers, whose content nobody needs.
    fn receive_trailers<'i>(&mut self, head: BlockHead, block: &[u8]) -> Result<Option<Event<'i>>, Error> {
        let mut trailers = RequestHead::new();
        match self.decoder.decode(block, self.limits.header_list_bytes_max, |name, value| trailers.take(name, value)) {
            Ok(()) => self.count_block()?,
            Err(error) => self.check_list(error)?,
        }
        let Some(slot) = self.streams.find(head.stream) else {
            // What crossed our reset on its way is ignored (RFC 9113 §5.1); anything else was sent after its
            // END_STREAM.
            if self.was_reset(head.stream) {
                return Ok(None);
            }
            if self.was_skipped(head.stream) {
                return Err(Error::connection(ErrorCode::ProtocolError, "a new stream below an earlier one"));
            }
            return Err(Error::connection(ErrorCode::StreamClosed, "HEADERS on a closed stream"));
        };
        if !self.streams[slot].state.is_receiving() {
            return Err(Error::stream(head.stream, ErrorCode::StreamClosed, "HEADERS after END_STREAM"));
        }
        if let Some(reason) = trailers.trailers_fault() {
            return Err(Error::stream(head.stream, ErrorCode::ProtocolError, reason));
        }
        if !head.end_stream {
            return Err(Error::stream(head.stream, ErrorCode::ProtocolError, "trailers without END_STREAM"));
        }
        if self.streams[slot].content_bytes_left.is_some_and(|bytes| bytes > 0) {
            return Err(Error::stream(head.stream, ErrorCode::ProtocolError, "less content than content-length"));
        }
        self.streams[slot].state.end_received();
        Ok(self.end_request(slot))
    }
}
