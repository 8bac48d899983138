//! KeyValueBasicInterface: requests to commands, replies to messages.

use prism_backends::{Command, Reply};
use prism_proto::limits::{Limits, NAME_BYTES_MAX, TTL_SECONDS_MAX};
use prism_proto::method::{MethodId, id};
use prism_proto::status::{Code, Status};
use prism_proto::text::Text;
use prism_proto::view::{self, DeleteView, ExistsView, GetView, SetView};

use super::{Connection, keyvalue_ttl, list};
use crate::status;
use prism_proto::h2::StreamRef;

/// A request as its message says it, not yet checked against limits.
pub(crate) struct Request<'a> {
    pub(crate) namespace: Text<'a>,
    pub(crate) command: Command<'a>,
}

/// Decodes the request of one of this interface's methods; `None` when `method` is not one of them.
#[inline]
pub(crate) fn decode(method: MethodId, message: &[u8]) -> Option<Result<Request<'_>, Status>> {
    let decoded = match method {
        id::KEYVALUE_BASIC_GET => GetView::decode(message)
            .map(|get| Request { namespace: get.namespace, command: Command::Get { key: get.key.as_bytes() } }),
        id::KEYVALUE_BASIC_SET => SetView::decode(message).map(|set| Request {
            namespace: set.namespace,
            command: Command::Set { key: set.key.as_bytes(), value: set.value, ttl_seconds: set.ttl_seconds },
        }),
        id::KEYVALUE_BASIC_DELETE => DeleteView::decode(message).map(|delete| Request {
            namespace: delete.namespace,
            command: Command::Delete { key: delete.key.as_bytes() },
        }),
        id::KEYVALUE_BASIC_EXISTS => ExistsView::decode(message).map(|exists| Request {
            namespace: exists.namespace,
            command: Command::Exists { key: exists.key.as_bytes() },
        }),
        _ => return None,
    };
    Some(decoded.map_err(|error| status::malformed(method, &error)))
}

/// Checks what the schema cannot say: the key's length and the time to live.
#[inline]
pub(crate) fn check(command: &Command<'_>, limits: &Limits) -> Result<(), Status> {
    let key_bytes = command.key().len();
    if key_bytes == 0 || key_bytes > limits.key_bytes_max {
        return Err(key_length(command, limits));
    }
    match *command {
        Command::Set { ttl_seconds, .. } if !(0..=TTL_SECONDS_MAX).contains(&ttl_seconds) => Err(ttl(ttl_seconds)),
        Command::Expire { ttl_seconds, .. } if ttl_seconds > TTL_SECONDS_MAX => Err(ttl(ttl_seconds)),
        _ => Ok(()),
    }
}

/// Writes the reply into the connection's output.
#[inline]
pub(crate) fn answer(connection: &mut Connection, stream: StreamRef, reply: Reply<'_>) {
    match reply {
        Reply::Get(value) => {
            let bytes = view::get_response_bytes(value);
            connection.reply(stream, bytes, |out| view::write_get_response(value, out));
        }
        Reply::Set => connection.reply(stream, view::set_response_bytes(), view::write_set_response),
        Reply::Delete(found) => {
            let bytes = view::delete_response_bytes(found);
            connection.reply(stream, bytes, |out| view::write_delete_response(found, out));
        }
        Reply::Exists(exists) => {
            let bytes = view::exists_response_bytes(exists);
            connection.reply(stream, bytes, |out| view::write_exists_response(exists, out));
        }
        Reply::Expire(found) | Reply::Persist(found) => keyvalue_ttl::answer_found(connection, stream, found),
        Reply::Ttl(number) | Reply::Length(number) => keyvalue_ttl::answer_number(connection, stream, number),
        Reply::Pop(value) => list::answer_pop(connection, stream, value),
        Reply::PopTooLong(_) => debug_assert!(false, "its call waits for room"),
        Reply::Scan(_) | Reply::Log(_) => debug_assert!(false, "no command of one key yields this"),
    }
}

#[cold]
fn key_length(command: &Command<'_>, limits: &Limits) -> Status {
    let (key_bytes, key_bytes_max) = (command.key().len(), limits.key_bytes_max);
    let field = match command {
        Command::Push { .. } | Command::Pop { .. } | Command::Length { .. } => "list_key",
        _ => "key",
    };
    let message = if key_bytes == 0 {
        format!("{field} is empty: a key has 1 to {key_bytes_max} bytes (limits.key_bytes_max)")
    } else {
        format!("{field} has {key_bytes} bytes: at most {key_bytes_max} are allowed (limits.key_bytes_max)")
    };
    Status::new(Code::InvalidArgument, message)
}

#[cold]
fn ttl(ttl_seconds: i64) -> Status {
    let message = if ttl_seconds < 0 {
        format!("ttl_seconds is {ttl_seconds}: it must not be negative; 0 means no expiry")
    } else {
        format!("ttl_seconds is {ttl_seconds}: at most {TTL_SECONDS_MAX} (100 years) is allowed")
    };
    Status::new(Code::InvalidArgument, message)
}

/// Names longer than this are refused before they are looked up.
pub(crate) fn check_namespace(namespace: Text<'_>) -> Result<(), Status> {
    if namespace.len() > NAME_BYTES_MAX {
        let message = format!("namespace has {} bytes: at most {NAME_BYTES_MAX} are allowed", namespace.len());
        return Err(Status::new(Code::InvalidArgument, message));
    }
    Ok(())
}
