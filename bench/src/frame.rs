//! The head of an HTTP/2 frame (RFC 9113 §4.1), read and written without looking at what it leads.
//!
//! Deliberately apart from the proxy's own frame code: a client that shared the server's parser would share its faults.

/// Bytes of a frame's head.
pub const HEAD_BYTES: usize = 9;
/// SETTINGS_MAX_FRAME_SIZE that every peer accepts (RFC 9113 §6.5.2), and the most that we accept.
pub const PAYLOAD_BYTES_MAX: usize = 16_384;

/// Frame types (RFC 9113 §6).
pub mod kind {
    /// A piece of a body.
    pub const DATA: u8 = 0;
    /// The beginning of a header block.
    pub const HEADERS: u8 = 1;
    /// The end of a stream by force.
    pub const RST_STREAM: u8 = 3;
    /// Parameters of the connection.
    pub const SETTINGS: u8 = 4;
    /// A sign of life.
    pub const PING: u8 = 6;
    /// The beginning of a connection's end.
    pub const GOAWAY: u8 = 7;
    /// A grant of bytes.
    pub const WINDOW_UPDATE: u8 = 8;
    /// More of a header block.
    pub const CONTINUATION: u8 = 9;
}

/// Frame flags (RFC 9113 §6).
pub mod flag {
    /// On SETTINGS and PING: an answer.
    pub const ACK: u8 = 0x1;
    /// On DATA and HEADERS: the sender's last frame of this stream.
    pub const END_STREAM: u8 = 0x1;
    /// On HEADERS and CONTINUATION: the block is complete.
    pub const END_HEADERS: u8 = 0x4;
    /// On DATA and HEADERS: a pad length leads, padding trails.
    pub const PADDED: u8 = 0x8;
    /// On HEADERS: five bytes of priority lead.
    pub const PRIORITY: u8 = 0x20;
}

/// A frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload that follow.
    pub payload_bytes: usize,
    /// The type, one of [`kind`].
    pub kind: u8,
    /// The flags, of [`flag`].
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
}

impl Head {
    /// Reads a head from the front of `bytes`; none when there are fewer than [`HEAD_BYTES`].
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
        let payload_bytes = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Some(Self { payload_bytes, kind: head[3], flags: head[4], stream })
    }

    /// Appends the head; the payload's length is to fit 24 bits.
    pub fn write(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.payload_bytes).expect("payloads are cut to PAYLOAD_BYTES_MAX").to_be_bytes();
        out.extend_from_slice(&length[1..]);
        out.extend_from_slice(&[self.kind, self.flags]);
        out.extend_from_slice(&self.stream.to_be_bytes());
    }

    /// Whether `flag` is set.
    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_as_written() {
        let head = Head { payload_bytes: 0x01_0203, kind: kind::HEADERS, flags: 5, stream: 0x7fff_ffff };
        let mut out = Vec::new();
        head.write(&mut out);
        assert_eq!(out, [1, 2, 3, 1, 5, 0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(Head::parse(&out), Some(head));
        assert_eq!(Head::parse(&out[..8]), None);
    }

    #[test]
    fn the_reserved_bit_is_not_part_of_the_stream() {
        let head = Head::parse(&[0, 0, 0, 0, 0, 0x80, 0, 0, 1]).expect("nine bytes");
        assert_eq!(head.stream, 1);
    }
}
