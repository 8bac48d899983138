//! What a client's connection tells its application.

use std::borrow::Cow;

use super::metadata::Metadata;
use crate::frame::ErrorCode;
use crate::h2::event::StreamRef;
use crate::status::Status;

/// What has happened. Events borrow from the input and not from the connection, so that calls may be made while several
/// are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'i> {
    /// The response headers of a call that asked for them. A call that fails at once has none: all that the server said
    /// is in its [`Finished`].
    Headers {
        /// The call.
        call: StreamRef,
        /// What they say beside what HTTP and gRPC need.
        metadata: Metadata,
    },
    /// A message of the reply. It counts only once the call has finished with OK.
    Message {
        /// The call.
        call: StreamRef,
        /// The message without its prefix; borrowed from the input when one DATA frame held it.
        message: Cow<'i, [u8]>,
    },
    /// A call is over, the last that is heard of it. Only a call that was cancelled by its caller has none.
    Finished(Finished),
    /// What waited for a window has gone, or a window has opened that
    /// [`writable_bytes`](super::Connection::writable_bytes) found closed: more may be sent.
    Writable {
        /// The call.
        call: StreamRef,
    },
    /// There is room for a call after one was refused as [`Busy`](super::Refused::Busy).
    Ready,
    /// The server takes no new calls any more: those that it has not taken up finish as unprocessed, the others go on.
    GoAway {
        /// Why; NO_ERROR when it merely winds down.
        code: ErrorCode,
        /// Text for people.
        debug_data: &'i [u8],
    },
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The call.
    pub call: StreamRef,
    /// The status that the server gave, or the one that gRPC has for what happened instead.
    pub status: Status,
    /// The trailers beside the status.
    pub trailers: Metadata,
    /// Whether the server has certainly not looked at the call: it may be made again elsewhere, whatever it does.
    pub is_unprocessed: bool,
}
