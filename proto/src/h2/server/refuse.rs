//! Requests that never become calls, and calls whose messages break a rule: which answer each one gets.

use super::head::Verdict;
use crate::limits::{Limits, MESSAGE_BYTES_PER_SECOND_MIN};
use crate::status::{Code, Status};

/// An answer that is given before any application sees the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A gRPC status in trailers alone.
    Status(Status),
    /// The same, with the encodings that we know.
    Encoding(Status),
    /// An HTTP status for a peer that doesn't speak gRPC, and one more header where the status asks for it.
    Http(&'static str, Option<(&'static str, &'static str)>),
}

/// The answer to a well-formed request that is not a call; `None` when it is one, or is malformed.
pub(crate) fn answer(verdict: &Verdict) -> Option<Answer> {
    match verdict {
        Verdict::Call(_) | Verdict::Malformed(_) => None,
        Verdict::NotPost => Some(Answer::Http("405", Some(("allow", "POST")))),
        Verdict::NotGrpc => Some(Answer::Http("415", None)),
        Verdict::BadTimeout => Some(Answer::Status(Status::new(
            Code::InvalidArgument,
            "grpc-timeout is not one to eight digits and one of H M S m u n",
        ))),
        Verdict::Expired => Some(Answer::Status(EXPIRED)),
        Verdict::MalformedBinary(name) => Some(Answer::Status(Status::new(
            Code::Internal,
            format!("the metadata {} is not base64, which -bin asks for", String::from_utf8_lossy(name)),
        ))),
        Verdict::UnknownPath(path) => Some(Answer::Status(Status::new(
            Code::Unimplemented,
            format!("no method {} is served here", String::from_utf8_lossy(path)),
        ))),
        Verdict::UnknownEncoding(encoding) => Some(Answer::Encoding(Status::new(
            Code::Unimplemented,
            format!("grpc-encoding {} is not supported, only gzip and identity are", String::from_utf8_lossy(encoding)),
        ))),
    }
}

/// The answer to a header list that is too long.
pub(crate) fn list_too_large(is_grpc: bool, limits: &Limits) -> Answer {
    if !is_grpc {
        return Answer::Http("431", None);
    }
    Answer::Status(Status::new(
        Code::ResourceExhausted,
        format!("the header list is longer than limits.header_list_bytes_max ({} bytes)", limits.header_list_bytes_max),
    ))
}

/// A reply longer than a message may be.
pub(crate) fn reply_too_long(bytes: usize, limits: &Limits) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "the reply of {bytes} bytes is longer than limits.message_bytes_max ({} bytes)",
            limits.message_bytes_max
        ),
    )
}

/// The process holds as much as it may.
pub(crate) fn process_full(limits: &Limits) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!("the process holds as much as limits.buffer_bytes_max ({} bytes) allows", limits.buffer_bytes_max),
    )
}

/// Others waited for the room of a message that did not come on.
pub(crate) fn stalled(limits: &Limits) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "others waited for the room of this message, which came more slowly than {MESSAGE_BYTES_PER_SECOND_MIN} \
             bytes a second for limits.message_stall_max ({} ms); the call was not executed",
            limits.message_stall_max_ns / 1_000_000
        ),
    )
}

/// The deadline passed while the call waited.
pub(crate) const EXPIRED: Status = Status {
    code: Code::DeadlineExceeded,
    message: std::borrow::Cow::Borrowed("the deadline passed before the call was executed; it was not executed"),
};
/// The request ended inside a message.
pub(crate) const TRUNCATED: Status =
    Status { code: Code::Internal, message: std::borrow::Cow::Borrowed("the request ended inside a message") };
/// A method that takes one message got none: a cardinality violation in gRPC's table of status codes.
pub(crate) const NO_MESSAGE: Status = Status {
    code: Code::Unimplemented,
    message: std::borrow::Cow::Borrowed("the request has no message, one is needed"),
};
/// A method that takes one message got more.
pub(crate) const MESSAGES: Status = Status {
    code: Code::Unimplemented,
    message: std::borrow::Cow::Borrowed("the request has more than one message, one is allowed"),
};
