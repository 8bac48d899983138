//! The straight way of a call that comes whole and is answered at once, past everything that such a call cannot need.
//!
//! It is taken for what a busy client sends again and again: HEADERS in one frame, then one DATA frame with
//! END_STREAM that holds the one message of a method without a client stream, or what else clients make of that
//! (`rest.rs`). The two follow one another, or the HEADERS of many calls come first and their DATA in the same order
//! (`begun.rs`). [`Connection::straight_call`]
//! recognises them and [`Connection::reply_straight`] answers; both do what the general way does, in fewer steps:
//!
//! - It recognises before it changes anything. Whatever is not as expected (another frame, flag or identifier, a part
//!   only, a length that a window, a limit or a content-length might object to, a due grant, or anything that stands in
//!   line before the next frame) is left to the general way, untouched.
//! - A block that the memo does not know is decoded last. That does change the table: if it turns out to be no plain
//!   call, the general way takes what was decoded when it comes to the block, which is next.
//! - Between the two frames the general way would look for events, parked calls and pauses once more. HEADERS of such a
//!   call add none of them, so that they still are what they were before it.
//! - The stream is fresh (see `streams.rs`): any other use of the table enters it as the general way would have.

use std::borrow::Cow;

use super::drain::Drain;
use super::head::{CallHead, Encoding, Verdict, Way};
use super::headers::Decoded;
use super::memo::Missing;
use super::rest::{BELOW_LENGTH, DATA_HEAD_BYTES, Rest, head_word, straight_rest, word_of};
use super::stream::Fresh;
use super::written::ShortFrame;
use super::{Connection, Phase};
use crate::frame::{FRAME_LENGTH_BYTES, HEAD_BYTES, STREAM_MAX, flag, kind};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::event::{Call, StreamRef};
use crate::h2::flow::SendWindow;
use crate::h2::input::Input;
use crate::limits::{FRAME_BYTES_MAX, Limits};
use crate::method::MethodId;

/// The longest DATA frame that goes the straight way: within any stream's window, before and after our SETTINGS have
/// been acknowledged, and within the bounds of frames and messages.
pub(super) fn bytes_max(limits: &Limits, stream_window_bytes: u32) -> u32 {
    let message = limits.message_bytes_max.min(FRAME_BYTES_MAX - PREFIX_BYTES) + PREFIX_BYTES;
    stream_window_bytes.min(crate::h2::flow::INITIAL_WINDOW_BYTES).min(message as u32)
}

/// A fresh call whose answer no window or limit holds up.
#[derive(Debug, Clone, Copy)]
pub(super) struct StraightReply {
    call: StreamRef,
    headers: ShortFrame,
    trailers: ShortFrame,
}

/// The length of the header block behind a head, if it is that of a whole one which opens the client's stream `id`.
#[inline(always)]
pub(super) fn straight_headers(head: &[u8; HEAD_BYTES], id: u32) -> Option<usize> {
    let word = word_of(head);
    let is_one = word & BELOW_LENGTH == head_word(kind::HEADERS, flag::END_HEADERS, id) && head[0] == 0;
    (is_one && id & (!STREAM_MAX | 1) == 1).then_some((word >> 48) as usize)
}

/// Frames of an answer that goes straight: headers, message, trailers.
const STRAIGHT_FRAMES: u32 = 3;

impl Connection {
    /// The call at the input's position, if it goes the straight way.
    #[inline(always)]
    pub(super) fn straight_call<'i>(&mut self, input: &'i Input<'_>) -> Option<Call<'i>> {
        let bytes = input.in_place()?;
        let head = bytes.first_chunk::<HEAD_BYTES>()?;
        if head[3] == kind::DATA {
            return self.complete_straight(input);
        }
        // The identifier that follows: nothing is passed over, and the client's streams are odd.
        let id = self.last_seen_id.wrapping_add(2);
        let block_bytes = straight_headers(head, id)?;
        let data = bytes.get(HEAD_BYTES + block_bytes..)?;
        match straight_rest(data, id) {
            Some(rest) => self.straight_whole(input, block_bytes, rest),
            None => self.straight_otherwise(input, block_bytes),
        }
    }

    /// The call whose HEADERS are at the input's position, with what other rest it may have; or those that begin there.
    #[inline(never)]
    fn straight_otherwise<'i>(&mut self, input: &'i Input<'_>, block_bytes: usize) -> Option<Call<'i>> {
        let data = input.in_place()?.get(HEAD_BYTES + block_bytes..)?;
        let send_window = SendWindow::new(self.peer.initial_window_bytes);
        match self.other_rest(data, self.last_seen_id.wrapping_add(2), send_window) {
            Some(rest) => self.straight_whole(input, block_bytes, rest),
            None => self.begin_straight(input),
        }
    }

    /// The next call, whose HEADERS have so many bytes behind their head, and this rest.
    #[inline(always)]
    fn straight_whole<'i>(&mut self, input: &'i Input<'_>, block_bytes: usize, rest: Rest<'i>) -> Option<Call<'i>> {
        let length = rest.content_bytes;
        if length > self.straight_bytes_max || !self.receive_window.is_silent(length) || !self.is_plain() {
            return None;
        }
        let block = input.in_place()?.get(HEAD_BYTES..)?;
        let list_bytes_max = self.limits.header_list_bytes_max;
        let way = Way::Whole(length);
        let known = match self.memo.find_for(way, block, block_bytes, &mut self.decoder, list_bytes_max) {
            Ok(known) => known,
            Err(Missing::Unsuited) => return None,
            Err(Missing::Unknown) => {
                let call = self.decode_early(&block[..block_bytes], way)?;
                self.memo.put(call)
            }
        };
        let (method, encoding, timeout_ns) = (known.method, known.encoding, known.timeout_ns);
        let mut call = self.straight_fresh(method, encoding, timeout_ns);
        self.receive_rest_silently(&rest, &mut call.send_window);
        let deadline_ns = call.deadline_ns;
        let stream = self.streams.begin_fresh(call);
        input.advance(HEAD_BYTES + block_bytes + rest.frames_bytes);
        Some(Call { stream, method, message: Cow::Borrowed(rest.message), deadline_ns })
    }

    /// The same, for the way back from the general way: out of line.
    #[inline(never)]
    pub(super) fn straight_call_later<'i>(&mut self, input: &'i Input<'_>) -> Option<Call<'i>> {
        self.straight_call(input)
    }

    /// Decodes a block that the memo does not know, and that only its meaning may keep from the straight way: then the
    /// general way finds it decoded.
    #[inline(never)]
    pub(super) fn decode_early(&mut self, block: &[u8], way: Way) -> Option<CallHead> {
        if block.len() > FRAME_BYTES_MAX {
            return None;
        }
        match self.decode_request(block) {
            Ok(Decoded::Verdict(Verdict::Call(call))) if way.is_for(&call) => Some(call),
            other => {
                self.decoded = Some(Box::new(other));
                None
            }
        }
    }

    /// Takes note of the stream that is next.
    #[inline(always)]
    pub(super) fn straight_fresh(&mut self, method: MethodId, encoding: Encoding, timeout_ns: Option<u64>) -> Fresh {
        let id = self.last_seen_id.wrapping_add(2);
        let deadline_ns = timeout_ns.map(|timeout_ns| self.now_ns.saturating_add(timeout_ns));
        if let Some(deadline_ns) = deadline_ns {
            self.deadline_ns = self.deadline_ns.min(deadline_ns);
        }
        self.last_seen_id = id;
        self.last_id = id;
        let send_window = SendWindow::new(self.peer.initial_window_bytes);
        Fresh { id, method, encoding, deadline_ns, send_window }
    }

    /// Whether nothing comes before the next frame, and a new call is welcome.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.is_quiet() && self.streams.open() < self.limits.streams_per_connection_max
    }

    /// Whether nothing comes before the next frame.
    #[inline(always)]
    pub(super) fn is_quiet(&self) -> bool {
        let in_line = self.events.len() | self.parked.len() | self.held.waiting_bytes();
        in_line == 0
            && self.phase == Phase::Open
            && self.drain == Drain::No
            && !self.peer_goes
            && self.pending_block.is_none()
            && self.data.is_none()
            && self.data_rest.is_none()
            && self.inflating.is_none()
            && self.decoded.is_none()
            && self.charged <= self.hold_back_bytes()
            && !self.wants_pause()
    }

    /// What the straight answer to a call needs, if it may go that way: the call is fresh, its answer fits the windows,
    /// the limits and one frame, and our headers and trailers are remembered.
    #[inline]
    pub(super) fn straight_reply(&self, call: StreamRef, message_bytes: usize) -> Option<StraightReply> {
        let fresh = self.streams.fresh(call)?;
        let generation = self.encoder.generation();
        let headers = self.written_headers[usize::from(fresh.encoding.is_named)].short_frame(generation)?;
        let trailers = self.written_trailers.short_frame(generation)?;
        let window = fresh.send_window.available().min(self.send_window.available());
        let fits = message_bytes <= self.limits.message_bytes_max
            && message_bytes + PREFIX_BYTES <= window.min(self.peer.frame_bytes_max)
            && self.held_bytes() + message_bytes <= self.limits.connection_buffer_bytes_max;
        fits.then_some(StraightReply { call, headers, trailers })
    }

    /// Writes headers, message and trailers of a fresh call, and forgets it.
    #[inline]
    pub(super) fn reply_straight(
        &mut self,
        reply: &StraightReply,
        message_bytes: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let id = reply.call.id;
        let out = &mut self.output;
        let at = out.len();
        out.reserve(3 * ShortFrame::BYTES_MAX + message_bytes);
        reply.headers.write(id, out);
        write_data_head(id, message_bytes as u32, out);
        let start = out.len();
        write(out);
        if out.len() - start != message_bytes {
            return self.reply_again(reply.call, at, start, message_bytes);
        }
        reply.trailers.write(id, out);
        self.send_window.take(message_bytes + PREFIX_BYTES);
        self.sent_frames = self.sent_frames.wrapping_add(STRAIGHT_FRAMES);
        self.streams.end_fresh();
    }

    /// A message that is not as long as it was said to be goes the general way, which makes the best of it.
    #[cold]
    fn reply_again(&mut self, call: StreamRef, at: usize, start: usize, message_bytes: usize) {
        let message = self.output.split_off(start);
        self.output.truncate(at);
        self.reply_anyway(call, message_bytes, |out| out.extend_from_slice(&message));
    }
}

/// Appends the head of a DATA frame that holds one message, and the message's prefix.
#[inline(always)]
fn write_data_head(id: u32, message_bytes: u32, out: &mut Vec<u8>) {
    const STREAM_BITS: usize = (HEAD_BYTES - size_of::<u32>()) * 8;
    const MESSAGE_BITS: usize = (DATA_HEAD_BYTES - size_of::<u32>()) * 8;
    // Big-endian numbers in a little-endian word; kind, flags and the byte that says "not compressed" are 0.
    let length = (message_bytes + PREFIX_BYTES as u32).swap_bytes() >> ((size_of::<u32>() - FRAME_LENGTH_BYTES) * 8);
    let bytes = u128::from(length)
        | u128::from(id.swap_bytes()) << STREAM_BITS
        | u128::from(message_bytes.swap_bytes()) << MESSAGE_BITS;
    let end = out.len() + DATA_HEAD_BYTES;
    out.extend_from_slice(&bytes.to_le_bytes());
    out.truncate(end);
}
