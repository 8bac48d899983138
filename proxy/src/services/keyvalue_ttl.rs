//! KeyValueTTLInterface: requests to commands, replies to messages.

use prism_backends::Command;
use prism_proto::h2::StreamRef;
use prism_proto::method::{MethodId, id};
use prism_proto::status::Status;
use prism_proto::view::{self, ExpireView, GetTtlView, PersistView};

use super::Connection;
use super::keyvalue::Request;
use crate::status;

/// Decodes the request of one of this interface's methods; `None` when `method` is not one of them.
pub(crate) fn decode(method: MethodId, message: &[u8]) -> Option<Result<Request<'_>, Status>> {
    let decoded = match method {
        id::KEYVALUE_TTL_EXPIRE => ExpireView::decode(message).map(|expire| Request {
            namespace: expire.namespace,
            command: Command::Expire { key: expire.key.as_bytes(), ttl_seconds: expire.ttl_seconds },
        }),
        id::KEYVALUE_TTL_GET_TTL => GetTtlView::decode(message)
            .map(|get| Request { namespace: get.namespace, command: Command::GetTtl { key: get.key.as_bytes() } }),
        id::KEYVALUE_TTL_PERSIST => PersistView::decode(message).map(|persist| Request {
            namespace: persist.namespace,
            command: Command::Persist { key: persist.key.as_bytes() },
        }),
        _ => return None,
    };
    Some(decoded.map_err(|error| status::malformed(method, &error)))
}

/// Answers Expire or Persist: whether there was what it was for.
pub(crate) fn answer_found(connection: &mut Connection, stream: StreamRef, found: bool) {
    let bytes = view::delete_response_bytes(found);
    connection.reply(stream, bytes, |out| view::write_delete_response(found, out));
}

/// Answers GetTTL.
pub(crate) fn answer_number(connection: &mut Connection, stream: StreamRef, number: i64) {
    let bytes = view::number_response_bytes(number);
    connection.reply(stream, bytes, |out| view::write_number_response(number, out));
}
