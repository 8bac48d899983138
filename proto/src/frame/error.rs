//! What is wrong with a frame, and who bears it: the stream or the whole connection.

use std::fmt;

/// Error codes (RFC 9113 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ErrorCode {
    /// Not an error: a graceful end.
    NoError = 0x0,
    /// The protocol was broken in a way that no other code names.
    ProtocolError = 0x1,
    /// Our own fault.
    InternalError = 0x2,
    /// A window was exceeded, or grown beyond 2^31-1.
    FlowControlError = 0x3,
    /// SETTINGS were not acknowledged in time.
    SettingsTimeout = 0x4,
    /// A frame for a stream that its sender had closed.
    StreamClosed = 0x5,
    /// A frame of a length that its type does not allow.
    FrameSizeError = 0x6,
    /// The stream was not processed at all: safe to retry.
    RefusedStream = 0x7,
    /// The stream is no longer wanted.
    Cancel = 0x8,
    /// The header compression's state is lost.
    CompressionError = 0x9,
    /// A CONNECT's connection was reset.
    ConnectError = 0xa,
    /// The peer's behaviour costs too much.
    EnhanceYourCalm = 0xb,
    /// The transport is not safe enough.
    InadequateSecurity = 0xc,
    /// HTTP/1.1 is needed.
    Http11Required = 0xd,
}

impl ErrorCode {
    /// The code on the wire.
    pub const fn to_wire(self) -> u32 {
        self as u32
    }

    /// The code of a number on the wire; unknown ones count as INTERNAL_ERROR, as §7 allows.
    pub const fn from_wire(number: u32) -> Self {
        match number {
            0x0 => Self::NoError,
            0x1 => Self::ProtocolError,
            0x3 => Self::FlowControlError,
            0x4 => Self::SettingsTimeout,
            0x5 => Self::StreamClosed,
            0x6 => Self::FrameSizeError,
            0x7 => Self::RefusedStream,
            0x8 => Self::Cancel,
            0x9 => Self::CompressionError,
            0xa => Self::ConnectError,
            0xb => Self::EnhanceYourCalm,
            0xc => Self::InadequateSecurity,
            0xd => Self::Http11Required,
            _ => Self::InternalError,
        }
    }
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The connection ends with GOAWAY (RFC 9113 §5.4.1).
    Connection {
        /// The code of the GOAWAY.
        code: ErrorCode,
        /// Debug data for it.
        reason: &'static str,
    },
    /// The stream ends with RST_STREAM (RFC 9113 §5.4.2).
    Stream {
        /// The stream, never 0.
        stream: u32,
        /// The code of the RST_STREAM.
        code: ErrorCode,
        /// For logs.
        reason: &'static str,
    },
}

impl Error {
    /// An error of the connection.
    pub const fn connection(code: ErrorCode, reason: &'static str) -> Self {
        Self::Connection { code, reason }
    }

    /// An error of a stream.
    pub const fn stream(stream: u32, code: ErrorCode, reason: &'static str) -> Self {
        Self::Stream { stream, code, reason }
    }

    /// The code, whoever bears it.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Connection { code, .. } | Self::Stream { code, .. } => *code,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection { code, reason } => write!(formatter, "connection error {code:?}: {reason}"),
            Self::Stream { stream, code, reason } => write!(formatter, "error {code:?} of stream {stream}: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
