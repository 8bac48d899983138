//! StreamBasicInterface: requests to commands, replies to messages.

use prism_backends::LogReply;
use prism_backends::memstore::Appended;
use prism_proto::h2::StreamRef;
use prism_proto::messages::prism::interfaces::stream::{
    GetLatestOffsetRequest, GetLatestOffsetResponse, TrimRequest, TrimResponse,
};
use prism_proto::method::{MethodId, id};
use prism_proto::status::Status;
use prism_proto::view::{AppendView, append_response_bytes, write_append_response};
use prost::Message as _;

use super::log::Request;
use super::{Connection, pubsub, reply_message};
use crate::status;

/// Decodes the request of one of this interface's methods of one reply; `None` when `method` is not one of them.
pub(crate) fn decode(method: MethodId, message: &[u8]) -> Option<Result<Request<'_>, Status>> {
    let malformed = |error: &dyn std::fmt::Display| status::malformed(method, error);
    Some(match method {
        id::STREAM_BASIC_APPEND => {
            AppendView::decode_append(message).map(Request::Append).map_err(|error| malformed(&error))
        }
        id::STREAM_BASIC_TRIM => TrimRequest::decode(message).map(Request::Trim).map_err(|error| malformed(&error)),
        id::STREAM_BASIC_GET_LATEST_OFFSET => {
            GetLatestOffsetRequest::decode(message).map(Request::Bounds).map_err(|error| malformed(&error))
        }
        _ => return None,
    })
}

/// Writes the reply into the connection's output: of this interface, or of Publish, which is the same command.
pub(crate) fn answer(connection: &mut Connection, stream: StreamRef, method: MethodId, reply: LogReply<'_>) {
    match reply {
        LogReply::Appended(appended) if method == id::PUBSUB_BASIC_PUBLISH => {
            pubsub::answer_published(connection, stream, appended);
        }
        LogReply::Appended(Appended { offset, timestamp_ms }) => {
            let bytes = append_response_bytes(offset, timestamp_ms);
            connection.reply(stream, bytes, |out| write_append_response(offset, timestamp_ms, out));
        }
        LogReply::Trimmed(low) => {
            reply_message(connection, stream, &TrimResponse { low_watermark: number(low) });
        }
        LogReply::Bounds(bounds) => {
            let (earliest_offset, latest_offset) = (number(bounds.earliest), number(bounds.latest));
            let response = GetLatestOffsetResponse { earliest_offset, latest_offset, partitions: 1 };
            reply_message(connection, stream, &response);
        }
        LogReply::Page(_) | LogReply::Outside(_) | LogReply::TooLong(_) => {
            debug_assert!(false, "a page is no reply of its own");
        }
    }
}

/// An offset as messages have it; one that is appended to once a nanosecond takes centuries to leave the range.
fn number(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
