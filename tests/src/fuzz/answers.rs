//! What a server has sent, read as a client that believes nothing: every frame well formed, in an order that RFC 9113
//! and gRPC allow, and within the windows.

use std::collections::BTreeMap;

use prism_proto::frame::{self, ErrorCode, HEAD_BYTES, Head, flag, kind};
use prism_proto::hpack::Decoder;

use super::granted::Granted;

/// One stream of the answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    has_headers: bool,
    /// Whether END_STREAM was sent.
    pub(crate) has_ended: bool,
    reset: Option<ErrorCode>,
    /// `grpc-status`, once it was sent.
    pub(crate) status: Option<String>,
    sent: i64,
}

/// The answers of one connection.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) granted: Granted,
    decoder: Decoder,
    block: Option<(u32, bool, Vec<u8>)>,
    pub(crate) streams: BTreeMap<u32, Answer>,
    sent: i64,
    has_failed: bool,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self {
            granted: Granted::by_client(),
            decoder: Decoder::new(4_096),
            block: None,
            streams: BTreeMap::new(),
            sent: 0,
            has_failed: false,
        }
    }

    /// Reads what the server has sent, which ends with a whole frame.
    pub(crate) fn read(&mut self, output: &[u8]) {
        if output.starts_with(b"HTTP/1.1 400 ") {
            self.has_failed = true;
            return;
        }
        let mut rest = output;
        while !rest.is_empty() {
            assert!(!self.has_failed, "something follows the end of the connection");
            let (head, behind) = rest.split_first_chunk::<HEAD_BYTES>().expect("the output has whole heads");
            let head = Head::parse(head);
            let (payload, behind) = behind.split_at_checked(head.length as usize).expect("and whole frames");
            assert!(head.length <= self.granted.frame_bytes_max(), "{head:?} is longer than the client takes");
            assert!(self.block.is_none() || head.kind == kind::CONTINUATION, "{head:?} inside a header block");
            self.frame(&head, payload);
            rest = behind;
        }
    }

    fn frame(&mut self, head: &Head, payload: &[u8]) {
        match head.kind {
            kind::DATA => self.data(head, payload),
            kind::HEADERS => {
                let headers = frame::headers(head, payload).expect("our HEADERS are well formed");
                self.block = Some((head.stream, head.has(flag::END_STREAM), headers.block.to_vec()));
                self.end_block(head);
            }
            kind::CONTINUATION => {
                let block = self.block.as_mut().expect("CONTINUATION follows HEADERS");
                assert_eq!(block.0, head.stream);
                block.2.extend_from_slice(payload);
                self.end_block(head);
            }
            kind::RST_STREAM => {
                let code = frame::rst_stream(head, payload).expect("our RST_STREAM is well formed");
                // More than one, and after the end, when the client does not stop sending on a closed stream.
                self.streams.entry(head.stream).or_default().reset = Some(code);
            }
            kind::SETTINGS => drop(frame::settings(head, payload).expect("our SETTINGS are well formed")),
            kind::PING => drop(frame::ping(head, payload).expect("our PING is well formed")),
            kind::WINDOW_UPDATE => {
                frame::window_update(head, payload).expect("our WINDOW_UPDATE is well formed");
            }
            kind::GOAWAY => {
                let goaway = frame::goaway(head, payload).expect("our GOAWAY is well formed");
                self.has_failed = goaway.code != ErrorCode::NoError;
            }
            other => panic!("a frame of kind {other}"),
        }
    }

    fn data(&mut self, head: &Head, payload: &[u8]) {
        frame::data(head, payload).expect("our DATA is well formed");
        let answer = self.streams.get_mut(&head.stream).expect("DATA follows HEADERS");
        assert!(answer.has_headers && !answer.has_ended && answer.reset.is_none(), "{head:?}: {answer:?}");
        answer.sent += i64::from(head.length);
        self.sent += i64::from(head.length);
        self.granted.check(head.stream, answer.sent, self.sent);
        answer.has_ended = head.has(flag::END_STREAM);
    }

    fn end_block(&mut self, head: &Head) {
        if !head.has(flag::END_HEADERS) {
            return;
        }
        let (stream, end_stream, block) = self.block.take().expect("a block is open");
        let mut fields = BTreeMap::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("our headers are text");
        let add = |name: &[u8], value: &[u8]| drop(fields.insert(text(name), text(value)));
        self.decoder.decode(&block, 1 << 20, add).expect("our header blocks can be decoded");
        let answer = self.streams.entry(stream).or_default();
        assert!(!answer.has_ended && answer.reset.is_none(), "HEADERS on {stream}: {answer:?}");
        let is_first = !std::mem::replace(&mut answer.has_headers, true);
        assert!(is_first || end_stream, "trailers without END_STREAM");
        assert_eq!(is_first, fields.contains_key(":status"), "{fields:?}");
        let is_http = fields.get(":status").is_some_and(|status| status != "200");
        assert_eq!(fields.contains_key("grpc-status"), end_stream && !is_http, "{fields:?}");
        answer.status = fields.remove("grpc-status");
        answer.has_ended = end_stream;
    }
}
