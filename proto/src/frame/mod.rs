//! The frames of HTTP/2 (RFC 9113 §4, §6): heads, payloads as they are read, and payloads as they are written.
//!
//! It checks what one frame can be checked for by itself; states, windows and the order of frames are the connection's.
mod error;
mod read;
mod settings;
mod write;

pub use error::{Error, ErrorCode};
pub use read::{
    GoAway, Headers, Priority, continuation, data, goaway, headers, ping, priority, rst_stream, settings, window_update,
};
pub use settings::{Settings, setting};
pub use write::{
    write_goaway, write_head_placeholder, write_header_block, write_length, write_ping, write_rst_stream,
    write_settings, write_settings_ack, write_window_update,
};

/// Bytes of a frame's head.
pub const HEAD_BYTES: usize = 9;
/// Bytes of the length that it begins with.
pub const FRAME_LENGTH_BYTES: usize = 3;
/// The largest stream identifier, window and window increment: 31 bits.
pub const STREAM_MAX: u32 = 0x7fff_ffff;
/// The largest length that a head can say.
pub const LENGTH_MAX: u32 = 0xff_ffff;
/// What every connection begins with on the client's side (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (RFC 9113 §6). A frame of another type is to be ignored (§5.5).
pub mod kind {
    /// Message bytes.
    pub const DATA: u8 = 0x0;
    /// A header block's beginning.
    pub const HEADERS: u8 = 0x1;
    /// Obsolete; parsed and ignored.
    pub const PRIORITY: u8 = 0x2;
    /// A stream ends at once.
    pub const RST_STREAM: u8 = 0x3;
    /// What the sender is ready for.
    pub const SETTINGS: u8 = 0x4;
    /// Never sent by a client, and switched off by us as one: a connection error of PROTOCOL_ERROR.
    pub const PUSH_PROMISE: u8 = 0x5;
    /// A measurement, or a sign of life.
    pub const PING: u8 = 0x6;
    /// The connection winds down.
    pub const GOAWAY: u8 = 0x7;
    /// Credit.
    pub const WINDOW_UPDATE: u8 = 0x8;
    /// A header block goes on.
    pub const CONTINUATION: u8 = 0x9;
}

/// Flags of a head; which of them count depends on the kind.
pub mod flag {
    /// DATA, HEADERS: the sender's last frame on the stream, CONTINUATIONs apart.
    pub const END_STREAM: u8 = 0x1;
    /// SETTINGS, PING: an answer.
    pub const ACK: u8 = 0x1;
    /// HEADERS, CONTINUATION: the header block is complete.
    pub const END_HEADERS: u8 = 0x4;
    /// DATA, HEADERS: a pad length and padding surround the payload.
    pub const PADDED: u8 = 0x8;
    /// HEADERS: priority fields precede the block.
    pub const PRIORITY: u8 = 0x20;
}

/// A frame's head (RFC 9113 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the payload: 24 bits.
    pub length: u32,
    /// One of [`kind`], or unknown.
    pub kind: u8,
    /// Bits of [`flag`].
    pub flags: u8,
    /// The stream, 0 for the connection: 31 bits.
    pub stream: u32,
}

impl Head {
    /// Reads a head; the reserved bit is ignored.
    #[inline(always)]
    pub const fn parse(bytes: &[u8; HEAD_BYTES]) -> Self {
        Self {
            length: u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]),
            kind: bytes[3],
            flags: bytes[4],
            stream: u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]) & STREAM_MAX,
        }
    }

    /// The head as it is sent.
    #[inline(always)]
    pub const fn to_bytes(&self) -> [u8; HEAD_BYTES] {
        let length = self.length.to_be_bytes();
        let stream = self.stream.to_be_bytes();
        [length[1], length[2], length[3], self.kind, self.flags, stream[0], stream[1], stream[2], stream[3]]
    }

    /// Appends the head to `out`.
    #[inline(always)]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }

    /// Whether any of the bits of `flags` is set.
    #[inline(always)]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Checks the length against the SETTINGS_MAX_FRAME_SIZE that we announced, before the payload is waited for.
    ///
    /// # Errors
    /// FRAME_SIZE_ERROR of the connection, which §4.2 asks for where the frame may change the connection's state and
    /// allows elsewhere: who ignores our settings once will do it again.
    #[inline(always)]
    pub const fn check_length(&self, frame_bytes_max: usize) -> Result<(), Error> {
        if self.length as usize > frame_bytes_max {
            return Err(Error::connection(ErrorCode::FrameSizeError, "frame above SETTINGS_MAX_FRAME_SIZE"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
