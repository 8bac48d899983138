//! The bytes of one read, seen as whole frames: what was kept from before, completed, and then the rest in place.
//!
//! It knows only where a frame begins and ends; what a frame means is the connection's concern.

use std::cell::Cell;

use super::ahead::Ahead;
use crate::frame::{HEAD_BYTES, Head};
use crate::limits::FRAME_BYTES_MAX;

/// One read's bytes between `begin` and `end` of a connection; events borrow their messages from it.
#[derive(Debug)]
pub struct Input<'b> {
    /// What was kept of earlier reads; its last frame was completed from this read, if that was enough.
    kept: Vec<u8>,
    /// This read's bytes after those that completed `kept`.
    rest: &'b [u8],
    /// Bytes of `kept` and `rest` together that have been dealt with; always at the beginning of a frame.
    position: Cell<usize>,
}

/// A whole frame in an [`Input`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'i> {
    pub(crate) head: Head,
    pub(crate) payload: &'i [u8],
}

/// What an [`Input`] holds at its position.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next<'i> {
    /// A whole frame.
    Frame(Frame<'i>),
    /// A frame longer than SETTINGS_MAX_FRAME_SIZE; its payload need not have come.
    TooLong(Head),
    /// Nothing, or a part of a frame.
    Incomplete,
}

impl<'b> Input<'b> {
    /// Takes `kept`, of which the first `from` bytes have been dealt with and `skip` more are no frame, and completes
    /// its only frame from `bytes`. When it has a whole one already, `bytes` follow it there: nothing is gained by
    /// looking for the last of many frames, each time that more come.
    pub(super) fn new(mut kept: Vec<u8>, from: usize, bytes: &'b [u8], skip: usize) -> Self {
        let mut rest = bytes;
        if !kept.is_empty() {
            while !rest.is_empty() {
                match missing_bytes(&kept, from + skip) {
                    Missing::Nothing { next } if next == kept.len() => break,
                    Missing::Nothing { .. } => kept.extend_from_slice(std::mem::take(&mut rest)),
                    Missing::Bytes(missing) => {
                        let (first, others) = rest.split_at(missing.min(rest.len()));
                        kept.extend_from_slice(first);
                        rest = others;
                    }
                    Missing::TooLong => break,
                }
            }
        }
        Self { kept, rest, position: Cell::new(from) }
    }

    /// The bytes at the position, up to the end of the part that holds them.
    pub(super) fn remaining(&self) -> &[u8] {
        let position = self.position.get();
        match position.checked_sub(self.kept.len()) {
            None => &self.kept[position..],
            Some(offset) => &self.rest[offset..],
        }
    }

    /// The same without a bound that could panic: frames that were kept whole lie in place there too.
    #[inline]
    pub(super) fn in_place(&self) -> Option<&[u8]> {
        let position = self.position.get();
        match position.checked_sub(self.kept.len()) {
            Some(offset) => self.rest.get(offset..),
            None => self.kept.get(position..),
        }
    }

    /// The messages that lie ahead of the position, as far as the bytes there lie together.
    pub fn ahead(&self) -> Ahead<'_> {
        Ahead::new(self.in_place().unwrap_or_default())
    }

    /// The frame at the position.
    pub(super) fn next(&self) -> Next<'_> {
        let bytes = self.remaining();
        let Some((head, after)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return Next::Incomplete };
        let head = Head::parse(head);
        let length = head.length as usize;
        if length > FRAME_BYTES_MAX {
            return Next::TooLong(head);
        }
        match after.get(..length) {
            Some(payload) => Next::Frame(Frame { head, payload }),
            None => Next::Incomplete,
        }
    }

    /// Leaves `bytes` at the position behind.
    #[inline]
    pub(super) fn advance(&self, bytes: usize) {
        self.position.set(self.position.get() + bytes);
    }

    /// Moves what has not been dealt with into a buffer, `spare` where `kept` had none, which may be empty; where in it
    /// that begins. What is kept through many looks is moved to the front no more than twice.
    pub(super) fn into_kept(self, spare: Vec<u8>) -> (Vec<u8>, usize) {
        let Self { mut kept, rest, position } = self;
        let position = position.get();
        match position.checked_sub(kept.len()) {
            None => {
                let from = if position >= kept.len() / 2 { 0 } else { position };
                kept.drain(..position - from);
                // What is more than a frame waits for its client, maybe for long.
                if kept.len() > FRAME_BYTES_MAX {
                    kept.reserve_exact(rest.len());
                }
                kept.extend_from_slice(rest);
                (kept, from)
            }
            Some(offset) => {
                let mut buffer = if kept.capacity() > spare.capacity() { kept } else { spare };
                buffer.clear();
                buffer.extend_from_slice(&rest[offset..]);
                (buffer, 0)
            }
        }
    }
}

/// Whether `bytes` begin with a whole frame, or with the head of one that is too long.
pub(super) fn begins_with_frame(bytes: &[u8]) -> bool {
    !matches!(missing_bytes(bytes, 0), Missing::Bytes(_))
}

/// What the frame at a place still lacks.
enum Missing {
    Nothing { next: usize },
    Bytes(usize),
    TooLong,
}

fn missing_bytes(kept: &[u8], start: usize) -> Missing {
    let present = kept.len().saturating_sub(start);
    let Some(head) = kept.get(start..).and_then(|bytes| bytes.first_chunk::<HEAD_BYTES>()) else {
        return Missing::Bytes(start + HEAD_BYTES - kept.len());
    };
    let length = Head::parse(head).length as usize;
    if length > FRAME_BYTES_MAX {
        return Missing::TooLong;
    }
    match (HEAD_BYTES + length).checked_sub(present) {
        None | Some(0) => Missing::Nothing { next: start + HEAD_BYTES + length },
        Some(missing) => Missing::Bytes(missing),
    }
}
