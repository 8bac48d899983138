//! A look ahead over what was received, for hints: nothing is checked, and nothing changes.

use crate::frame::{HEAD_BYTES, Head, flag, kind};
use crate::grpc::prefix::PREFIX_BYTES;
use crate::limits::{AHEAD_FRAMES_MAX, FRAME_BYTES_MAX};

/// Messages that lie ahead in an [`Input`](super::Input): those of DATA frames that are whole requests, in their order.
/// Whether they become calls is for the connection to say.
///
/// It ends at the first frame that is not whole, and after a number of frames.
#[derive(Debug, Clone)]
pub struct Ahead<'i> {
    bytes: &'i [u8],
    frames_left: usize,
}

impl<'i> Ahead<'i> {
    /// What lies ahead in `bytes`, which begin with a frame.
    pub(super) fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, frames_left: AHEAD_FRAMES_MAX }
    }
}

impl<'i> Iterator for Ahead<'i> {
    type Item = &'i [u8];

    #[inline]
    fn next(&mut self) -> Option<&'i [u8]> {
        while self.frames_left > 0 {
            self.frames_left -= 1;
            let (head, after) = self.bytes.split_first_chunk::<HEAD_BYTES>()?;
            let head = Head::parse(head);
            let (payload, rest) = after.split_at_checked(head.length as usize)?;
            if payload.len() > FRAME_BYTES_MAX {
                return None;
            }
            self.bytes = rest;
            if head.kind == kind::DATA && head.flags == flag::END_STREAM && payload.len() >= PREFIX_BYTES {
                return Some(&payload[PREFIX_BYTES..]);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h2::Input;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let head = [0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1];
        [&head, payload].concat()
    }

    #[test]
    fn whole_requests_are_seen_and_nothing_else() {
        let bytes = [
            frame(kind::HEADERS, flag::END_HEADERS, b"block"),
            frame(kind::DATA, flag::END_STREAM, b"\0\0\0\0\x03one"),
            frame(kind::DATA, 0, b"\0\0\0\0\x03two"),
            frame(kind::DATA, flag::END_STREAM | flag::PADDED, b"\0\0\0\0\0\x05three"),
            frame(kind::DATA, flag::END_STREAM, b"\0\0\0"),
            frame(kind::DATA, flag::END_STREAM, b"\0\0\0\0\0"),
            frame(kind::DATA, flag::END_STREAM, b"\0\0\0\0\x04four"),
        ]
        .concat();
        let seen = |cut: usize| Ahead::new(&bytes[..cut]).collect::<Vec<_>>();
        assert_eq!(seen(bytes.len()), [&b"one"[..], b"", b"four"]);
        let mut last = 0;
        for cut in 0..bytes.len() {
            assert!(seen(cut).len() >= last && seen(cut).len() < 3, "cut at {cut}");
            last = seen(cut).len();
        }
    }

    #[test]
    fn it_begins_where_the_input_is_and_moves_nothing() {
        let bytes =
            [frame(kind::DATA, flag::END_STREAM, b"\0\0\0\0\x01a"), frame(kind::DATA, 1, b"\0\0\0\0\x01b")].concat();
        let (kept, rest) = bytes.split_at(3);
        let input = Input::new(kept.to_vec(), 0, rest, 0);
        assert_eq!(input.ahead().collect::<Vec<_>>(), [b"a"], "a frame that was kept in part lies apart from the rest");
        input.advance(HEAD_BYTES + 6);
        assert_eq!((input.ahead().collect::<Vec<_>>(), input.ahead().count()), (vec![&b"b"[..]], 1));
    }

    #[test]
    fn it_ends_after_a_number_of_frames() {
        let one = frame(kind::DATA, flag::END_STREAM, b"\0\0\0\0\x01a");
        assert_eq!(Ahead::new(&one.repeat(2 * AHEAD_FRAMES_MAX)).count(), AHEAD_FRAMES_MAX);
    }
}
