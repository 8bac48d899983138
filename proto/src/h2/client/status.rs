//! What happened instead of a status, as a status: the mappings of gRPC over HTTP/2.

use std::borrow::Cow;

use crate::frame::ErrorCode;
use crate::limits::Limits;
use crate::status::{Code, Status};

/// The code of a number in `grpc-status`; UNKNOWN for one that nobody knows.
pub(super) fn code(number: u8) -> Code {
    Code::from_number(number).unwrap_or(Code::Unknown)
}

/// The status of a reply without `grpc-status` (gRPC's "HTTP to gRPC Status Code Mapping").
pub(super) fn of_http(http_status: u16, what: &str) -> Status {
    let code = match http_status {
        400 | 431 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, format!("{what} (HTTP status {http_status})"))
}

/// The status of a call that the server reset ("Errors" of gRPC over HTTP/2).
pub(super) fn of_reset(code: ErrorCode) -> Status {
    let (grpc, message) = match code {
        ErrorCode::RefusedStream => (Code::Unavailable, "the server refused the call without looking at it"),
        ErrorCode::Cancel => (Code::Cancelled, "the server cancelled the call"),
        ErrorCode::EnhanceYourCalm => (Code::ResourceExhausted, "the server finds that this client costs too much"),
        ErrorCode::InadequateSecurity => (Code::PermissionDenied, "the server finds the connection not secure enough"),
        _ => return Status::new(Code::Internal, format!("the server reset the call: {code:?}")),
    };
    Status::new(grpc, message)
}

/// The header list is longer than it may be.
pub(super) fn list_too_large(limits: &Limits) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!("a header list longer than limits.header_list_bytes_max ({} bytes)", limits.header_list_bytes_max),
    )
}

const fn fixed(code: Code, message: &'static str) -> Status {
    Status { code, message: Cow::Borrowed(message) }
}

/// A reply of one message had none.
pub(super) const NO_MESSAGE: Status = fixed(Code::Unimplemented, "the reply has no message, the method has one");
/// A reply of one message had more.
pub(super) const MESSAGES: Status = fixed(Code::Unimplemented, "the reply has more messages, the method has one");
/// The reply ended inside a message.
pub(super) const TRUNCATED: Status = fixed(Code::Internal, "the reply ended inside a message");
/// The reply ended with DATA.
pub(super) const NO_TRAILERS: Status = fixed(Code::Internal, "the reply ended without trailers");
/// The time was up.
pub(super) const DEADLINE: Status =
    fixed(Code::DeadlineExceeded, "the deadline passed before the answer came; the call may have been executed");
/// A call above the last that the server took up before it went away.
pub(super) const NOT_TAKEN_UP: Status = fixed(Code::Unavailable, "the server went away before it looked at the call");
