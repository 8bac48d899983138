//! Calls whose HEADERS come before the DATA of others: nghttp2's clients open all that they may, and then send what
//! belongs to them, in the same order.
//!
//! It is the straight way in two halves, with the same rules. Between them the call is *begun*, outside the stream
//! table (see `streams.rs`): whatever else is said of it or of all streams enters it first.

use std::borrow::Cow;

use super::Connection;
use super::head::Way;
use super::memo::Missing;
use super::rest::{Rest, straight_rest};
use super::straight::straight_headers;
use super::stream::{Begun, Fresh};
use crate::frame::HEAD_BYTES;
use crate::h2::event::Call;
use crate::h2::flow::StreamReceiveWindow;
use crate::h2::input::Input;

impl Connection {
    /// Begins the calls whose HEADERS are at the input's position and that go the straight way; the call whose DATA
    /// comes behind them, if that does too.
    #[inline(never)]
    pub(super) fn begin_straight<'i>(&mut self, input: &'i Input<'_>) -> Option<Call<'i>> {
        if !self.is_quiet() {
            return None;
        }
        while self.begin_one(input) {}
        self.complete_straight(input)
    }

    /// Begins one call; a frame is as much effort as on the general way.
    #[inline(always)]
    fn begin_one(&mut self, input: &Input<'_>) -> bool {
        let Some(bytes) = input.in_place() else { return false };
        let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else { return false };
        let id = self.last_seen_id.wrapping_add(2);
        let Some(block_bytes) = straight_headers(head, id) else { return false };
        let has_room = self.streams.open() < self.limits.streams_per_connection_max;
        // A block is told from those that are known by whole words: something has to follow it.
        if bytes.len() < HEAD_BYTES + block_bytes + HEAD_BYTES || self.effort_left == 0 || !has_room {
            return false;
        }
        let block = &bytes[HEAD_BYTES..];
        let list_bytes_max = self.limits.header_list_bytes_max;
        let head = match self.memo.find_for(Way::Begun, block, block_bytes, &mut self.decoder, list_bytes_max) {
            Ok(known) => *known,
            Err(Missing::Unsuited) => return false,
            Err(Missing::Unknown) => match self.decode_early(&block[..block_bytes], Way::Begun) {
                Some(head) => head,
                None => return false,
            },
        };
        self.spend(1);
        let call = self.straight_fresh(head.method, head.encoding, head.timeout_ns);
        let receive_window = StreamReceiveWindow::new(self.new_stream_window_bytes());
        self.streams.begin(Begun { call, content_bytes: head.content_bytes, receive_window });
        input.advance(HEAD_BYTES + block_bytes);
        true
    }

    /// The call that begun first, if what is at the input's position is all that it lacks.
    #[inline]
    pub(super) fn complete_straight<'i>(&mut self, input: &'i Input<'_>) -> Option<Call<'i>> {
        let bytes = input.in_place()?;
        match straight_rest(bytes, self.streams.first_begun()?.call.id) {
            Some(rest) => self.complete_first(input, rest),
            None => self.complete_otherwise(input),
        }
    }

    /// The same with another rest.
    #[inline(never)]
    fn complete_otherwise<'i>(&mut self, input: &'i Input<'_>) -> Option<Call<'i>> {
        let Fresh { id, send_window, .. } = self.streams.first_begun()?.call;
        let rest = self.other_rest(input.in_place()?, id, send_window)?;
        self.complete_first(input, rest)
    }

    /// The call that begun first, whose rest this is.
    #[inline(always)]
    fn complete_first<'i>(&mut self, input: &'i Input<'_>, rest: Rest<'i>) -> Option<Call<'i>> {
        let begun = self.streams.first_begun()?;
        let length = rest.content_bytes;
        let is_promised = begun.content_bytes.is_none_or(|promised| promised == u64::from(length));
        if length > self.straight_bytes_max
            || !is_promised
            || !self.receive_window.is_silent(length)
            || !self.is_quiet()
        {
            return None;
        }
        let mut call = self.streams.take_first_begun()?.call;
        self.receive_rest_silently(&rest, &mut call.send_window);
        let Fresh { method, deadline_ns, .. } = call;
        let stream = self.streams.begin_fresh(call);
        input.advance(rest.frames_bytes);
        Some(Call { stream, method, message: Cow::Borrowed(rest.message), deadline_ns })
    }
}
