//! The one place that turns what went wrong into a gRPC status.

use prism_backends::{Failure, FailureKind};
use prism_proto::method::MethodId;
use prism_proto::status::{Code, Status};

/// A backend's failure, as the client sees it.
pub(crate) fn from_failure(failure: Failure) -> Status {
    let code = match failure.kind {
        FailureKind::Invalid => Code::InvalidArgument,
        FailureKind::Exhausted => Code::ResourceExhausted,
        FailureKind::Precondition => Code::FailedPrecondition,
        FailureKind::OutOfRange => Code::OutOfRange,
        FailureKind::Unsupported => Code::Unimplemented,
        FailureKind::Unavailable => Code::Unavailable,
        FailureKind::Expired => Code::DeadlineExceeded,
        FailureKind::Internal => Code::Internal,
    };
    Status { code, message: failure.context }
}

/// A message that is not what the schema says.
#[cold]
pub(crate) fn malformed(method: MethodId, error: &dyn std::fmt::Display) -> Status {
    let path = method.method().path;
    Status::new(Code::InvalidArgument, format!("{path}: the request message is malformed: {error}"))
}

/// The deadline passed before the call was executed.
#[cold]
pub(crate) fn expired() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline passed before the call was executed; it was not executed")
}

/// The deadline passed while another shard or a backend had the call.
#[cold]
pub(crate) fn expired_waiting() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline passed while the call was executed; it may have been applied")
}

/// No namespace of that name.
#[cold]
pub(crate) fn unknown_namespace(name: &str) -> Status {
    Status::new(Code::NotFound, format!("namespace {name:?} is not configured: add it under namespaces"))
}

/// The namespace was there when the call began.
#[cold]
pub(crate) fn namespace_taken_away(name: &str) -> Status {
    Status::new(Code::NotFound, format!("namespace {name:?} was taken away by a reload of the configuration"))
}

/// The namespace has another backend than when the call began.
#[cold]
pub(crate) fn backend_changed(interface: &str, name: &str) -> Status {
    let message = format!("{interface} of namespace {name:?} has another backend since a reload; begin again");
    Status::new(Code::Unavailable, message)
}

/// The namespace's backend does not offer the interface.
#[cold]
pub(crate) fn not_offered(interface: &str, namespace: &str, backend: &str) -> Status {
    let message = format!("{interface} is not offered by namespace {namespace:?} (backend {backend:?})");
    Status::new(Code::Unimplemented, message)
}

/// Too many calls wait on this shard.
#[cold]
pub(crate) fn too_many_calls(calls_max: usize) -> Status {
    let message = format!("{calls_max} calls wait on this shard already (limits.calls_per_shard_max); try again later");
    Status::new(Code::ResourceExhausted, message)
}

/// Too many calls of one connection wait for other shards, most of them reset by its client.
#[cold]
pub(crate) fn too_many_waiting(calls_max: usize) -> Status {
    let message = format!(
        "{calls_max} calls of this connection are executed already, reset ones included \
         (limits.streams_per_connection_max); try again later"
    );
    Status::new(Code::ResourceExhausted, message)
}

/// The queue to the key's owner is full.
#[cold]
pub(crate) fn mesh_full(owner: u32) -> Status {
    let message = format!("the queue to shard {owner} is full (limits.calls_per_shard_max); try again later");
    Status::new(Code::ResourceExhausted, message)
}

/// The proxy is going away.
#[cold]
pub(crate) fn draining() -> Status {
    Status::new(Code::Unavailable, "draining: the proxy is shutting down; connect again elsewhere")
}
