//! What came back for one call, taken apart by the independent HTTP/2 implementation.

use bytes::Bytes;
use tonic::Status;
use tonic::codegen::http::HeaderMap;

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub http_status: u16,
    /// The response's headers.
    pub headers: HeaderMap,
    /// The messages, without their prefixes.
    pub messages: Vec<Bytes>,
    /// The trailers; the headers once more when the answer was nothing but trailers.
    pub trailers: HeaderMap,
}

impl Answer {
    /// The gRPC status, its message decoded.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn status(&self) -> Status {
        let status = Status::from_header_map(&self.trailers);
        status.unwrap_or_else(|| panic!("no grpc-status: HTTP {} with {:?}", self.http_status, self.headers))
    }

    /// The only message of a call that succeeded.
    ///
    /// # Panics
    /// When the call failed, or has another number of messages.
    #[track_caller]
    pub fn message(&self) -> &[u8] {
        let status = self.status();
        assert_eq!(status.code(), tonic::Code::Ok, "{}", status.message());
        assert_eq!(self.messages.len(), 1, "a unary call has one message");
        &self.messages[0]
    }
}

/// Cuts a body into messages by their prefixes (flag and 32-bit length).
///
/// # Panics
/// When it ends within one, or one is compressed.
pub(crate) fn messages(mut body: Bytes) -> Vec<Bytes> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        let prefix = body.split_to(5);
        assert_eq!(prefix[0], 0, "no compression was offered");
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
        messages.push(body.split_to(length as usize));
    }
    messages
}
