//! Why a call was not begun, or a message not taken.

use std::fmt;

use crate::status::Code;

/// Why a call was not begun, or a message not taken. Nothing of it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The connection takes no new calls: it has ended, the server goes away, or its identifiers are used up. Use
    /// another one.
    Gone,
    /// As many calls are open as the server and `limits.streams_per_connection_max` allow;
    /// [`Ready`](super::Event::Ready) follows when one has ended.
    Busy,
    /// More waits to be sent than `limits.connection_buffer_bytes_max` allows: try again once the output
    /// has been sent, or the server has opened its windows.
    Full,
    /// The message is longer than `limits.message_bytes_max`.
    TooLong,
    /// The time-out is 0.
    Expired,
    /// The call is over, or its caller has ended its messages.
    Over,
    /// The path or a field of the metadata cannot be sent; the reason.
    Invalid(&'static str),
}

impl Refused {
    /// The status code that a caller is told.
    pub const fn code(self) -> Code {
        match self {
            Self::Gone => Code::Unavailable,
            Self::Busy | Self::Full | Self::TooLong => Code::ResourceExhausted,
            Self::Expired => Code::DeadlineExceeded,
            Self::Over => Code::FailedPrecondition,
            Self::Invalid(_) => Code::Internal,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gone => "the connection takes no new calls",
            Self::Busy => "as many calls are open as the server and limits.streams_per_connection_max allow",
            Self::Full => "more waits to be sent than limits.connection_buffer_bytes_max allows",
            Self::TooLong => "the message is longer than limits.message_bytes_max",
            Self::Expired => "the deadline had passed before the call was sent",
            Self::Over => "the call is over",
            Self::Invalid(reason) => reason,
        })
    }
}

impl std::error::Error for Refused {}
