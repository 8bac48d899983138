//! What a client has sent, read as a server that believes nothing: the preface, then frames that are well formed, in an
//! order that RFC 9113 and gRPC allow, and within the windows.

use std::collections::BTreeMap;

use prism_proto::frame::{self, HEAD_BYTES, Head, PREFACE, flag, kind};
use prism_proto::hpack::Decoder;

use super::granted::Granted;

#[derive(Debug, Default)]
struct Request {
    has_ended: bool,
    is_reset: bool,
    sent: i64,
}

/// The requests of one connection.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) granted: Granted,
    has_preface: bool,
    decoder: Decoder,
    block: Option<(u32, bool, Vec<u8>)>,
    streams: BTreeMap<u32, Request>,
    sent: i64,
    is_over: bool,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self {
            granted: Granted::by_server(),
            has_preface: false,
            decoder: Decoder::new(4_096),
            block: None,
            streams: BTreeMap::new(),
            sent: 0,
            is_over: false,
        }
    }

    /// Reads what the client has sent, which ends with a whole frame.
    pub(crate) fn read(&mut self, output: &[u8]) {
        let mut rest = output;
        if !rest.is_empty() && !std::mem::replace(&mut self.has_preface, true) {
            rest = rest.strip_prefix(PREFACE).expect("the preface comes first");
            assert_eq!(rest.get(3), Some(&kind::SETTINGS), "SETTINGS come next");
        }
        while !rest.is_empty() {
            assert!(!self.is_over, "something follows the end of the connection");
            let (head, behind) = rest.split_first_chunk::<HEAD_BYTES>().expect("the output has whole heads");
            let head = Head::parse(head);
            let (payload, behind) = behind.split_at_checked(head.length as usize).expect("and whole frames");
            assert!(head.length <= self.granted.frame_bytes_max(), "{head:?} is longer than the server takes");
            assert!(self.block.is_none() || head.kind == kind::CONTINUATION, "{head:?} inside a header block");
            self.frame(&head, payload);
            rest = behind;
        }
    }

    fn frame(&mut self, head: &Head, payload: &[u8]) {
        match head.kind {
            kind::DATA => {
                frame::data(head, payload).expect("our DATA is well formed");
                let request = self.streams.get_mut(&head.stream).expect("DATA follows HEADERS");
                assert!(!request.has_ended && !request.is_reset, "{head:?}: {request:?}");
                request.has_ended = head.has(flag::END_STREAM);
                request.sent += i64::from(head.length);
                self.sent += i64::from(head.length);
                self.granted.check(head.stream, request.sent, self.sent);
            }
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
                frame::rst_stream(head, payload).expect("our RST_STREAM is well formed");
                self.streams.get_mut(&head.stream).expect("only streams that were opened are reset").is_reset = true;
            }
            kind::SETTINGS => drop(frame::settings(head, payload).expect("our SETTINGS are well formed")),
            kind::PING => drop(frame::ping(head, payload).expect("our PING is well formed")),
            kind::WINDOW_UPDATE => {
                frame::window_update(head, payload).expect("our WINDOW_UPDATE is well formed");
            }
            kind::GOAWAY => {
                frame::goaway(head, payload).expect("our GOAWAY is well formed");
                self.is_over = true;
            }
            other => panic!("a frame of kind {other}"),
        }
    }

    fn end_block(&mut self, head: &Head) {
        if !head.has(flag::END_HEADERS) {
            return;
        }
        let (stream, has_ended, block) = self.block.take().expect("a block is open");
        let mut names = Vec::new();
        self.decoder.decode(&block, 1 << 20, |name, _| names.push(name.to_vec())).expect("it can be decoded");
        for name in [&b":method"[..], b":scheme", b":path", b":authority", b"te", b"content-type"] {
            assert_eq!(names.iter().filter(|found| *found == name).count(), 1, "{names:?}");
        }
        let last = self.streams.last_key_value().map_or(0, |(last, _)| *last);
        assert!(stream > last && stream % 2 == 1, "stream {stream} is opened after {last}");
        self.streams.insert(stream, Request { has_ended, ..Request::default() });
    }
}
