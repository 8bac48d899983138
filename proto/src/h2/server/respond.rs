//! Answers: what the application writes, and what the engine says itself.

use super::Connection;
use super::refuse::{self, Answer};
use super::stream::Close;
use crate::frame::{self, ErrorCode, HEAD_BYTES, flag, kind};
use crate::grpc::percent;
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::event::StreamRef;
use crate::h2::framing::append_message;
use crate::h2::held;
use crate::h2::outbound::{Ending, Trailers};
use crate::hpack::{Encoder, Indexing};
use crate::limits::STATUS_MESSAGE_BYTES_MAX;
use crate::status::{Code, Status};

impl Connection {
    /// Answers a unary call with OK and the message of `message_bytes` bytes that `write` appends to its buffer. A call
    /// that is over is not answered, and `write` not called. A reply that no limit allows fails the call instead.
    #[inline]
    pub fn reply(&mut self, call: StreamRef, message_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
        match self.straight_reply(call, message_bytes) {
            Some(reply) => self.reply_straight(&reply, message_bytes, write),
            None => self.reply_anyway(call, message_bytes, write),
        }
    }

    /// [`Self::reply`] in whatever state.
    #[inline(never)]
    pub(super) fn reply_anyway(&mut self, call: StreamRef, message_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(slot) = self.answerable(call) else { return };
        if let Some(status) = self.reply_refused(message_bytes) {
            return self.end_with(slot, &status);
        }
        self.write_headers_once(slot, &[]);
        self.send_data(slot, PREFIX_BYTES + message_bytes, |out| append_message(out, message_bytes, write));
        self.end_with(slot, &Status::OK);
    }

    /// Sends the response headers of a streaming reply, with `metadata` beside what gRPC asks for. Names are lower
    /// case.
    pub fn open(&mut self, call: StreamRef, metadata: &[(&str, &str)]) {
        let Some(slot) = self.answerable(call) else { return };
        self.write_headers_once(slot, metadata);
    }

    /// Sends one message of a streaming reply, after its response headers. What no window allows waits, as much as the
    /// limits allow; beyond that the call fails, which its Reset event tells.
    pub fn send(&mut self, call: StreamRef, message_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(slot) = self.answerable(call) else { return };
        if let Some(status) = self.reply_refused(message_bytes) {
            self.announce_reset(slot);
            return self.end_with(slot, &status);
        }
        self.write_headers_once(slot, &[]);
        self.send_data(slot, PREFIX_BYTES + message_bytes, |out| append_message(out, message_bytes, write));
    }

    /// Sends several messages of a streaming reply in as few frames as they need. `write` appends each with
    /// [`append_message`]; with their prefixes they have `bytes` bytes, and none is longer
    /// than the limits allow. It is like [`Self::send`] for each, but kinder to both sides: some clients take many
    /// short frames for a flood.
    pub fn send_all(&mut self, call: StreamRef, bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(slot) = self.answerable(call) else { return };
        if self.held_bytes() + bytes > self.limits.connection_buffer_bytes_max {
            self.announce_reset(slot);
            return self.end_with(slot, &held::buffer_full(&self.limits));
        }
        self.write_headers_once(slot, &[]);
        if bytes > 0 {
            self.send_data(slot, bytes, write);
        }
    }

    /// Message bytes that [`Self::send`] would let go at once, and at least 1 while any window is open. When it says 0,
    /// a Writable event follows once that changes.
    pub fn writable_bytes(&mut self, call: StreamRef) -> usize {
        let Some(slot) = self.answerable(call) else { return 0 };
        let bytes = self.sendable_bytes(slot);
        let outbound = &mut self.streams[slot].outbound;
        // What waits has its own event once it has gone.
        if bytes == 0 && outbound.waiting_bytes() == 0 && !outbound.is_starved {
            outbound.is_starved = true;
            self.wake(slot);
        }
        bytes
    }

    /// Ends a call with a status and trailers; in one frame when nothing has been sent. Names are lower case.
    pub fn finish(&mut self, call: StreamRef, status: &Status, trailers: &[(&str, &str)]) {
        let Some(slot) = self.answerable(call) else { return };
        self.conclude(slot, status, trailers);
    }

    /// Whether a call still awaits its answer, or the rest of it.
    pub fn is_open(&self, call: StreamRef) -> bool {
        let streams = &self.streams;
        streams.fresh(call).is_some() || streams.entered(call).is_some_and(|stream| !stream.is_answered)
    }

    /// The slot of a call whose answer is not complete.
    fn answerable(&mut self, call: StreamRef) -> Option<usize> {
        self.streams.resolve(call).filter(|&slot| !self.streams[slot].is_answered)
    }

    /// Why a message of this length cannot be sent.
    fn reply_refused(&self, message_bytes: usize) -> Option<Status> {
        if message_bytes > self.limits.message_bytes_max {
            return Some(refuse::reply_too_long(message_bytes, &self.limits));
        }
        let after = self.held_bytes() + message_bytes;
        (after > self.limits.connection_buffer_bytes_max).then(|| held::buffer_full(&self.limits))
    }

    /// Ends a call with a status.
    pub(super) fn end_with(&mut self, slot: usize, status: &Status) {
        self.conclude(slot, status, &[]);
    }

    /// Ends a call now, or once what waits has gone.
    fn conclude(&mut self, slot: usize, status: &Status, metadata: &[(&str, &str)]) {
        let stream = &mut self.streams[slot];
        stream.is_answered = true;
        if stream.outbound.waiting_bytes() == 0 {
            return self.write_trailers(slot, status, metadata);
        }
        let is_plain = status.code == Code::Ok && status.message.is_empty() && metadata.is_empty();
        stream.outbound.ending = if is_plain {
            Ending::Ok
        } else {
            let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Ending::Trailers(Box::new(Trailers { status: status.clone(), metadata }))
        };
    }

    /// Ends a call whose last waiting bytes have gone.
    pub(super) fn write_ending(&mut self, slot: usize) {
        match std::mem::take(&mut self.streams[slot].outbound.ending) {
            Ending::Open => {}
            Ending::Ok => self.write_trailers(slot, &Status::OK, &[]),
            Ending::Trailers(trailers) => {
                let metadata: Vec<(&str, &str)> =
                    trailers.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                self.write_trailers(slot, &trailers.status, &metadata);
            }
        }
    }

    /// Writes the trailers, and the headers with them when nothing was sent before, and forgets the stream.
    fn write_trailers(&mut self, slot: usize, status: &Status, metadata: &[(&str, &str)]) {
        let stream = &self.streams[slot];
        let (id, close, has_headers) = (stream.id, stream.state.end_sent(), stream.outbound.has_headers);
        let names_encodings = stream.encoding.is_named;
        if has_headers && status.code == Code::Ok && status.message.is_empty() && metadata.is_empty() {
            let mut written = self.written_trailers;
            self.write_header_block(id, true, |encoder, out| {
                written.write(encoder, out, |encoder, out| encode_status(encoder, &Status::OK, out));
            });
            self.written_trailers = written;
        } else {
            self.write_header_block(id, true, |encoder, out| {
                if !has_headers {
                    let fill = if names_encodings { encode_headers_and_encodings } else { encode_headers };
                    fill(encoder, out);
                }
                encode_status(encoder, status, out);
                encode_metadata(encoder, metadata, out);
            });
        }
        if close == Close::ResetToo {
            frame::write_rst_stream(id, ErrorCode::NoError, &mut self.output);
            self.remember_reset(id);
        }
        self.release(slot);
    }

    fn write_headers_once(&mut self, slot: usize, metadata: &[(&str, &str)]) {
        let stream = &mut self.streams[slot];
        if std::mem::replace(&mut stream.outbound.has_headers, true) {
            return;
        }
        let (id, names_encodings) = (stream.id, stream.encoding.is_named);
        let at = usize::from(names_encodings);
        let mut written = self.written_headers[at];
        self.write_header_block(id, false, |encoder, out| {
            let fill = if names_encodings { encode_headers_and_encodings } else { encode_headers };
            written.write(encoder, out, fill);
            encode_metadata(encoder, metadata, out);
        });
        self.written_headers[at] = written;
    }

    /// Answers a request that has no stream of its own: one frame of HEADERS.
    pub(super) fn write_answer(&mut self, id: u32, answer: &Answer) {
        self.write_header_block(id, true, |encoder, out| match answer {
            Answer::Status(status) => {
                encode_headers(encoder, out);
                encode_status(encoder, status, out);
            }
            Answer::Encoding(status) => {
                encode_headers_and_encodings(encoder, out);
                encode_status(encoder, status, out);
            }
            Answer::Http(status, header) => {
                encoder.encode(b":status", status.as_bytes(), Indexing::Without, out);
                encoder.encode(b"content-length", b"0", Indexing::Without, out);
                if let Some((name, value)) = header {
                    encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Without, out);
                }
            }
        });
    }

    /// Writes HEADERS straight into the output; cuts them into CONTINUATIONs only when they are that long.
    fn write_header_block(&mut self, id: u32, end_stream: bool, fill: impl FnOnce(&mut Encoder, &mut Vec<u8>)) {
        self.sent_frames = self.sent_frames.wrapping_add(1);
        let flags = flag::END_HEADERS | if end_stream { flag::END_STREAM } else { 0 };
        let at = frame::write_head_placeholder(kind::HEADERS, flags, id, &mut self.output);
        fill(&mut self.encoder, &mut self.output);
        if self.output.len() - at - HEAD_BYTES <= self.peer.frame_bytes_max {
            frame::write_length(at, &mut self.output);
        } else {
            let block = self.output.split_off(at + HEAD_BYTES);
            self.output.truncate(at);
            frame::write_header_block(id, end_stream, &block, self.peer.frame_bytes_max, &mut self.output);
        }
    }
}

/// The response headers; the same bytes each time once the encoder has indexed them.
fn encode_headers(encoder: &mut Encoder, out: &mut Vec<u8>) {
    encoder.encode(b":status", b"200", Indexing::Incremental, out);
    encoder.encode(b"content-type", b"application/grpc", Indexing::Incremental, out);
}

/// The same with the encodings that we take; our own messages are not compressed.
fn encode_headers_and_encodings(encoder: &mut Encoder, out: &mut Vec<u8>) {
    encode_headers(encoder, out);
    encoder.encode(b"grpc-accept-encoding", b"gzip,identity", Indexing::Incremental, out);
}

fn encode_metadata(encoder: &mut Encoder, metadata: &[(&str, &str)], out: &mut Vec<u8>) {
    for (name, value) in metadata {
        encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Without, out);
    }
}

fn encode_status(encoder: &mut Encoder, status: &Status, out: &mut Vec<u8>) {
    /// Every code in digits, in its place.
    const DIGITS: [&str; 17] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];
    encoder.encode(b"grpc-status", DIGITS[status.code as usize].as_bytes(), Indexing::Incremental, out);
    if status.message.is_empty() {
        return;
    }
    let end = status.message.floor_char_boundary(STATUS_MESSAGE_BYTES_MAX);
    let mut encoded = Vec::with_capacity(end);
    percent::encode(&status.message[..end], &mut encoded);
    encoder.encode(b"grpc-message", &encoded, Indexing::Without, out);
}
