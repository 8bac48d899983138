//! The services: what each call means, written against the engine's connection.

pub(crate) mod batch;
pub(crate) mod follow;
pub(crate) mod health;
pub(crate) mod keyvalue;
pub(crate) mod keyvalue_ttl;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod pubsub;
pub(crate) mod reflection;
pub(crate) mod scan;
pub(crate) mod stream;

use prism_backends::Reply;
use prism_proto::h2::StreamRef;
use prism_proto::method::MethodId;
use prost::Message;

pub(crate) use prism_proto::h2::server::Connection;

/// Writes what a command of one reply yielded into the connection's output.
#[inline]
pub(crate) fn answer(connection: &mut Connection, stream: StreamRef, method: MethodId, reply: Reply<'_>) {
    match reply {
        Reply::Log(reply) => stream::answer(connection, stream, method, reply),
        reply => keyvalue::answer(connection, stream, reply),
    }
}

/// Answers a unary call with one message; for the paths that are not hot.
pub(crate) fn reply_message(connection: &mut Connection, stream: StreamRef, message: &impl Message) {
    connection.reply(stream, message.encoded_len(), |out| append(message, out));
}

/// Sends one message of a streaming reply.
pub(crate) fn send_message(connection: &mut Connection, stream: StreamRef, message: &impl Message) {
    connection.send(stream, message.encoded_len(), |out| append(message, out));
}

fn append(message: &impl Message, out: &mut Vec<u8>) {
    message.encode(out).expect("a Vec grows as needed");
}
