//! Frames as they are written, straight into the output.

use super::{ErrorCode, HEAD_BYTES, Head, STREAM_MAX, flag, kind};

/// SETTINGS of these identifiers and values.
pub fn write_settings(settings: &[(u16, u32)], out: &mut Vec<u8>) {
    Head { length: settings.len() as u32 * 6, kind: kind::SETTINGS, flags: 0, stream: 0 }.write(out);
    for (identifier, value) in settings {
        out.extend_from_slice(&identifier.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// The acknowledgement of the peer's SETTINGS.
pub fn write_settings_ack(out: &mut Vec<u8>) {
    Head { length: 0, kind: kind::SETTINGS, flags: flag::ACK, stream: 0 }.write(out);
}

/// PING, or with `ack` the answer to one.
pub fn write_ping(ack: bool, opaque: [u8; 8], out: &mut Vec<u8>) {
    let flags = if ack { flag::ACK } else { 0 };
    Head { length: 8, kind: kind::PING, flags, stream: 0 }.write(out);
    out.extend_from_slice(&opaque);
}

/// RST_STREAM.
pub fn write_rst_stream(stream: u32, code: ErrorCode, out: &mut Vec<u8>) {
    Head { length: 4, kind: kind::RST_STREAM, flags: 0, stream }.write(out);
    out.extend_from_slice(&code.to_wire().to_be_bytes());
}

/// GOAWAY; `debug_data` is text for people.
pub fn write_goaway(last_stream: u32, code: ErrorCode, debug_data: &[u8], out: &mut Vec<u8>) {
    Head { length: 8 + debug_data.len() as u32, kind: kind::GOAWAY, flags: 0, stream: 0 }.write(out);
    out.extend_from_slice(&(last_stream & STREAM_MAX).to_be_bytes());
    out.extend_from_slice(&code.to_wire().to_be_bytes());
    out.extend_from_slice(debug_data);
}

/// WINDOW_UPDATE; `increment` is 1 to 2^31-1.
#[inline]
pub fn write_window_update(stream: u32, increment: u32, out: &mut Vec<u8>) {
    Head { length: 4, kind: kind::WINDOW_UPDATE, flags: 0, stream }.write(out);
    out.extend_from_slice(&increment.to_be_bytes());
}

/// A head whose length [`write_length`] fills in once the payload is written; returns where it stands.
#[inline]
pub fn write_head_placeholder(kind: u8, flags: u8, stream: u32, out: &mut Vec<u8>) -> usize {
    let at = out.len();
    Head { length: 0, kind, flags, stream }.write(out);
    at
}

/// Fills in the length of the frame whose head stands at `at` and whose payload ends with `out`.
#[inline]
pub fn write_length(at: usize, out: &mut [u8]) {
    let length = (out.len() - at - HEAD_BYTES) as u32;
    out[at..at + 3].copy_from_slice(&length.to_be_bytes()[1..]);
}

/// A whole header block: HEADERS, and CONTINUATIONs when the peer's `frame_bytes_max` (at least 1, and at least 16,384
/// in SETTINGS) asks for them.
pub fn write_header_block(stream: u32, end_stream: bool, block: &[u8], frame_bytes_max: usize, out: &mut Vec<u8>) {
    debug_assert!(frame_bytes_max > 0, "frames that hold nothing");
    let (mut part, mut rest) = block.split_at(block.len().min(frame_bytes_max));
    let mut kind = kind::HEADERS;
    let mut flags = if end_stream { flag::END_STREAM } else { 0 };
    loop {
        if rest.is_empty() {
            flags |= flag::END_HEADERS;
        }
        Head { length: part.len() as u32, kind, flags, stream }.write(out);
        out.extend_from_slice(part);
        if rest.is_empty() {
            return;
        }
        (part, rest) = rest.split_at(rest.len().min(frame_bytes_max));
        kind = kind::CONTINUATION;
        flags = 0;
    }
}
