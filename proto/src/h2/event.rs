//! What a connection tells its application.

use std::borrow::Cow;

use crate::method::MethodId;

/// A call on a connection. It may outlive the call: whatever is done with it then is dropped silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamRef {
    /// The HTTP/2 stream's identifier, unique within the connection.
    pub id: u32,
    /// Where the connection keeps it.
    pub slot: u32,
}

/// A call whose request is one message, which has come whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'i> {
    /// Where the answer goes.
    pub stream: StreamRef,
    /// The method called; never one with a client stream.
    pub method: MethodId,
    /// The message without its prefix; borrowed from the input when one DATA frame held it.
    pub message: Cow<'i, [u8]>,
    /// When the caller stops waiting, on the clock of `now_ns`; it may have passed.
    pub deadline_ns: Option<u64>,
}

/// What has happened. Events borrow from the input and not from the connection, so that answers may be written while
/// several are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'i> {
    /// A call of a method without a client stream, once its request has ended: answered with
    /// [`reply`](super::server::Connection::reply) when the method is unary, else with `open`, `send` and `finish`.
    Unary(Call<'i>),
    /// A call of a method with a client stream has begun.
    Opened {
        /// Where answers go.
        stream: StreamRef,
        /// The method called.
        method: MethodId,
        /// When the caller stops waiting, on the clock of `now_ns`.
        deadline_ns: Option<u64>,
    },
    /// A message of a client stream.
    Message {
        /// The call.
        stream: StreamRef,
        /// The message without its prefix.
        message: Cow<'i, [u8]>,
    },
    /// A client stream has ended.
    HalfClosed {
        /// The call.
        stream: StreamRef,
    },
    /// A call that an earlier event told of is over before it was answered: cancelled, or failed by a limit.
    Reset {
        /// The call.
        stream: StreamRef,
    },
    /// What waited for a window has gone, or a window has opened that
    /// [`writable_bytes`](super::server::Connection::writable_bytes) found closed: more may be sent.
    Writable {
        /// The call.
        stream: StreamRef,
    },
}
