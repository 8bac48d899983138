//! A message as it leaves: its prefix before it, and the frames that carry both.

use crate::frame::{HEAD_BYTES, Head, kind};
use crate::grpc::Prefix;
use crate::grpc::prefix::PREFIX_BYTES;

/// Appends a prefix and the message that `write` writes.
pub fn append_message(out: &mut Vec<u8>, message_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    write(out);
    let length = out.len() - at - PREFIX_BYTES;
    debug_assert_eq!(length, message_bytes, "a message is as long as it was said to be");
    let prefix = Prefix { compressed: false, length: length as u32 };
    out[at..at + PREFIX_BYTES].copy_from_slice(&prefix.to_bytes());
}

/// Makes DATA frames of at most `frame_bytes_max` of the payload that ends `out`, behind room for one head at `at`. The
/// last of them has `last_flags`.
pub(crate) fn cut_into_frames(out: &mut Vec<u8>, at: usize, stream: u32, last_flags: u8, frame_bytes_max: usize) {
    let total = out.len() - at - HEAD_BYTES;
    let head = |length: usize, flags: u8| Head { length: length as u32, kind: kind::DATA, flags, stream }.to_bytes();
    if total <= frame_bytes_max {
        out[at..at + HEAD_BYTES].copy_from_slice(&head(total, last_flags));
        return;
    }
    let frames = total.div_ceil(frame_bytes_max);
    out.resize(out.len() + (frames - 1) * HEAD_BYTES, 0);
    // From the last to the first, so that each part moves into room that is free already.
    for frame in (0..frames).rev() {
        let start = frame * frame_bytes_max;
        let length = (total - start).min(frame_bytes_max);
        let from = at + HEAD_BYTES + start;
        let to = from + frame * HEAD_BYTES;
        if frame > 0 {
            out.copy_within(from..from + length, to);
        }
        let flags = if frame + 1 == frames { last_flags } else { 0 };
        out[to - HEAD_BYTES..to].copy_from_slice(&head(length, flags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_in_place() {
        for total in [1, 4, 5, 9, 10, 11] {
            let payload: Vec<u8> = (0..total).collect();
            let mut out = [&b"before"[..], &[0; HEAD_BYTES], &payload].concat();
            cut_into_frames(&mut out, 6, 7, 1, 5);
            let mut expected = b"before".to_vec();
            for (at, part) in payload.chunks(5).enumerate() {
                let flags = u8::from((at + 1) * 5 >= payload.len());
                Head { length: part.len() as u32, kind: kind::DATA, flags, stream: 7 }.write(&mut expected);
                expected.extend_from_slice(part);
            }
            assert_eq!(out, expected, "{total} bytes");
        }
    }
}
