//! PubSubBasicInterface: requests to commands, replies to messages.

use prism_backends::memstore::Appended;
use prism_proto::h2::StreamRef;
use prism_proto::method::{MethodId, id};
use prism_proto::status::Status;
use prism_proto::view::{AppendView, MessageId, publish_response_bytes, write_publish_response};

use super::Connection;
use super::log::Request;
use crate::status;

/// Decodes the request of one of this interface's methods of one reply; `None` when `method` is not one of them.
pub(crate) fn decode(method: MethodId, message: &[u8]) -> Option<Result<Request<'_>, Status>> {
    match method {
        id::PUBSUB_BASIC_PUBLISH => {
            let decoded = AppendView::decode_publish(message).map(Request::Publish);
            Some(decoded.map_err(|error| status::malformed(method, &error)))
        }
        _ => None,
    }
}

/// Answers Publish.
#[inline]
pub(crate) fn answer_published(connection: &mut Connection, stream: StreamRef, appended: Appended) {
    let id = MessageId::new(appended.offset);
    connection.reply(stream, publish_response_bytes(&id), |out| write_publish_response(&id, out));
}
