//! What follows the HEADERS of a call that goes the straight way: one DATA frame with END_STREAM, or what else clients
//! make of it.
//!
//! Some (tonic, grpc-js, grpc-java now and then) end the stream with an empty DATA frame behind the message's, some
//! (grpcio) lift the stream's window before it. [`Connection::other_rest`] recognises those, and asks what the general
//! way would ask at each frame:
//!
//! - A message that has come and whose stream has not ended is kept, so there has to be room for it, and its stream's
//!   window must not be so small by then that it were granted anew. The empty frame behind it changes nothing else.
//! - A WINDOW_UPDATE counts as one that was sent for is taken, and lifts the window, within its bound. There is nothing
//!   on the stream that could go because of it.

use super::Connection;
use super::grant::PADDING_BYTES_MAX;
use crate::frame::{HEAD_BYTES, STREAM_MAX, flag, kind};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::h2::flow::SendWindow;

/// A DATA frame's head and the prefix of the message in it.
pub(super) const DATA_HEAD_BYTES: usize = HEAD_BYTES + PREFIX_BYTES;
/// A WINDOW_UPDATE frame.
const WINDOW_UPDATE_BYTES: usize = HEAD_BYTES + size_of::<u32>();

/// The rest of a call behind its HEADERS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'b> {
    pub(super) message: &'b [u8],
    /// The length of the one DATA frame with content.
    pub(super) content_bytes: u32,
    /// The length of all frames, their heads included.
    pub(super) frames_bytes: usize,
    /// By how much the stream's window is lifted first; 0: it is not.
    pub(super) increment: u32,
}

/// Kind, flags and stream of a frame, as the low bits of [`word_of`] have them.
#[inline(always)]
pub(super) const fn head_word(kind: u8, flags: u8, stream: u32) -> u64 {
    (kind as u64) << 40 | (flags as u64) << 32 | stream as u64
}

/// All of a frame's head but the length's highest byte.
#[inline(always)]
pub(super) fn word_of(head: &[u8; HEAD_BYTES]) -> u64 {
    let [_, word @ ..] = *head;
    u64::from_be_bytes(word)
}

/// The bits of [`word_of`] below the length.
pub(super) const BELOW_LENGTH: u64 = (1 << 48) - 1;

/// The rest that `data` begins with, if it is one DATA frame that ends stream `id`.
#[inline(always)]
pub(super) fn straight_rest(data: &[u8], id: u32) -> Option<Rest<'_>> {
    let (message, content_bytes) = straight_data(data, flag::END_STREAM, id)?;
    Some(Rest { message, content_bytes, frames_bytes: HEAD_BYTES + content_bytes as usize, increment: 0 })
}

/// The message in the frame that `data` begins with, and the frame's length, if that is DATA of stream `id` with these
/// flags and all of one message.
#[inline(always)]
fn straight_data(data: &[u8], flags: u8, id: u32) -> Option<(&[u8], u32)> {
    let (head, prefix) = data.first_chunk::<DATA_HEAD_BYTES>()?.split_first_chunk::<HEAD_BYTES>()?;
    let word = word_of(head);
    let length = (word >> 48) as u32;
    let [compressed, message_length @ ..] = *prefix.first_chunk::<PREFIX_BYTES>()?;
    if word & BELOW_LENGTH != head_word(kind::DATA, flags, id)
        || head[0] | compressed != 0
        || u32::from_be_bytes(message_length).wrapping_add(PREFIX_BYTES as u32) != length
    {
        return None;
    }
    Some((data.get(DATA_HEAD_BYTES..HEAD_BYTES + length as usize)?, length))
}

/// Whether `bytes` begins with the head of a frame of so many bytes.
#[inline(always)]
fn has_head(bytes: &[u8], length: u8, kind: u8, flags: u8, id: u32) -> bool {
    let word = u64::from(length) << 48 | head_word(kind, flags, id);
    bytes.first_chunk::<HEAD_BYTES>().is_some_and(|head| head[0] == 0 && word_of(head) == word)
}

/// The increment in the frame that `bytes` begins with, if that is a WINDOW_UPDATE of stream `id`.
#[inline(always)]
fn window_increment(bytes: &[u8], id: u32) -> Option<u32> {
    let (_, increment) = bytes.first_chunk::<WINDOW_UPDATE_BYTES>()?.split_first_chunk::<HEAD_BYTES>()?;
    let increment = u32::from_be_bytes(*increment.first_chunk()?) & STREAM_MAX;
    (has_head(bytes, size_of::<u32>() as u8, kind::WINDOW_UPDATE, 0, id) && increment > 0).then_some(increment)
}

impl Connection {
    /// The rest of stream `id` that `bytes` begins with, if it is one that [`straight_rest`] does not know, and the
    /// general way would do nothing with it but tell of the call. The stream's send window is `send_window`.
    #[inline(never)]
    pub(super) fn other_rest<'b>(&self, bytes: &'b [u8], id: u32, mut send_window: SendWindow) -> Option<Rest<'b>> {
        let (mut increment, mut at) = (0, 0);
        if let Some(by) = window_increment(bytes, id) {
            if !self.calm.is_window_update_earned(self.sent_frames) || send_window.grow(by).is_err() {
                return None;
            }
            (increment, at) = (by, WINDOW_UPDATE_BYTES);
        }
        let data = bytes.get(at..)?;
        if let Some(rest) = straight_rest(data, id) {
            return Some(Rest { frames_bytes: at + rest.frames_bytes, increment, ..rest });
        }
        let (message, content_bytes) = straight_data(data, 0, id)?;
        let end = at + HEAD_BYTES + content_bytes as usize;
        let is_ended = has_head(bytes.get(end..)?, 0, kind::DATA, flag::END_STREAM, id);
        let is_taken = content_bytes + PADDING_BYTES_MAX <= self.straight_bytes_max
            && self.has_room_for_part(content_bytes as usize);
        (is_ended && is_taken).then_some(Rest { message, content_bytes, frames_bytes: end + HEAD_BYTES, increment })
    }

    /// Takes note of a rest: what it counts for, and what it does to the stream's window.
    #[inline(always)]
    pub(super) fn receive_rest_silently(&mut self, rest: &Rest<'_>, send_window: &mut SendWindow) {
        self.receive_window.receive_silently(rest.content_bytes);
        if rest.increment > 0 {
            self.lift_silently(rest.increment, send_window);
        }
    }

    #[inline(never)]
    fn lift_silently(&mut self, increment: u32, send_window: &mut SendWindow) {
        let is_taken = self.calm.window_update(self.now_ns, self.sent_frames).is_ok();
        let is_lifted = send_window.grow(increment).is_ok();
        debug_assert!(is_taken && is_lifted, "both were asked for");
    }
}
