//! ListBasicInterface: requests to commands, replies to messages.

use prism_backends::{Command, Side};
use prism_proto::h2::StreamRef;
use prism_proto::method::{MethodId, id};
use prism_proto::status::Status;
use prism_proto::view::{self, ListView, PushView};

use super::Connection;
use super::keyvalue::Request;
use crate::status;

/// Decodes the request of one of this interface's methods; `None` when `method` is not one of them. A pop takes no
/// value before somebody says how long it may be.
pub(crate) fn decode(method: MethodId, message: &[u8]) -> Option<Result<Request<'_>, Status>> {
    let push = |side| {
        PushView::decode(message).map(|push| Request {
            namespace: push.namespace,
            command: Command::Push { key: push.list_key.as_bytes(), value: push.value, side },
        })
    };
    let pop = |side| {
        ListView::decode(message).map(|pop| Request {
            namespace: pop.namespace,
            command: Command::Pop { key: pop.list_key.as_bytes(), side, value_bytes_max: 0 },
        })
    };
    let decoded = match method {
        id::LIST_BASIC_PUSH_LEFT => push(Side::Left),
        id::LIST_BASIC_PUSH_RIGHT => push(Side::Right),
        id::LIST_BASIC_POP_LEFT => pop(Side::Left),
        id::LIST_BASIC_POP_RIGHT => pop(Side::Right),
        id::LIST_BASIC_LENGTH => ListView::decode(message).map(|length| Request {
            namespace: length.namespace,
            command: Command::Length { key: length.list_key.as_bytes() },
        }),
        _ => return None,
    };
    Some(decoded.map_err(|error| status::malformed(method, &error)))
}

/// What a reply to a pop has besides the value, at most.
const POP_OVERHEAD_BYTES: usize = 16;

/// The command, a pop with the longest value for which a reply of `reply_bytes_max` has room.
pub(crate) fn bounded(command: Command<'_>, reply_bytes_max: usize) -> Command<'_> {
    match command {
        Command::Pop { key, side, .. } => {
            Command::Pop { key, side, value_bytes_max: reply_bytes_max.saturating_sub(POP_OVERHEAD_BYTES) }
        }
        other => other,
    }
}

/// The room that the reply to a pop needs for a value of so many bytes.
pub(crate) fn pop_reply_bytes(value_bytes: usize) -> usize {
    value_bytes + POP_OVERHEAD_BYTES
}

/// Answers a pop.
pub(crate) fn answer_pop(connection: &mut Connection, stream: StreamRef, value: Option<&[u8]>) {
    connection.reply(stream, view::pop_response_bytes(value), |out| view::write_pop_response(value, out));
}
