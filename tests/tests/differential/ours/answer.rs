//! One answer of the server of frames: what has been ordered of it, part by part.

use std::collections::VecDeque;

use prism_proto::grpc::percent;
use prism_proto::status::Status;
use prism_tests::prefixed;

use super::call::Twist;
use crate::script::{Metadata, Step, half_closed, steps};

/// One thing that is still to be sent of an answer.
#[derive(Debug)]
pub(super) enum Part {
    Headers(Metadata),
    Data(Vec<u8>),
    /// Headers that end the answer.
    End(Metadata),
    /// DATA that ends it.
    EndData(Vec<u8>),
    Reset(u32),
}

/// One call, as its server sees it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: u32,
    pub(super) is_unary: bool,
    pub(super) twist: Twist,
    /// What has come of the request, and is no whole message yet.
    pub(super) body: Vec<u8>,
    pub(super) messages: usize,
    pub(super) has_request_ended: bool,
    /// The answer has been decided to its end, and it has been sent.
    pub(super) is_decided: bool,
    pub(super) is_over: bool,
    pub(super) has_headers: bool,
    pub(super) parts: VecDeque<Part>,
    pub(super) send_window: i64,
    pub(super) receive_window: i64,
}

impl Call {
    /// Adds to the answer what has been ordered by now.
    pub(super) fn decide(&mut self) {
        if self.is_decided || self.is_over {
            return;
        }
        if self.twist != Twist::None {
            self.is_decided = true;
            return self.misbehave();
        }
        while let Some((prefix, rest)) = self.body.split_first_chunk::<5>() {
            let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
            if rest.len() < length {
                return;
            }
            let message = rest[..length].to_vec();
            self.body.drain(..5 + length);
            self.messages += 1;
            for step in steps(&message, self.is_unary, self.messages == 1) {
                self.step(step);
                if self.is_decided {
                    return;
                }
            }
        }
        if self.has_request_ended {
            assert!(self.body.is_empty(), "the request ended inside a message");
            self.step(Step::Finish(Status::OK, half_closed(self.messages)));
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(_) => {}
            Step::Open(metadata) => self.open(metadata),
            Step::Send(content) => {
                self.open(Vec::new());
                self.parts.push_back(Part::Data(prefixed(0, &content).to_vec()));
            }
            Step::Reply(content) => {
                self.step(Step::Send(content));
                self.finish(&Status::OK, Vec::new());
            }
            Step::Finish(status, metadata) => self.finish(&status, metadata),
        }
    }

    fn open(&mut self, metadata: Metadata) {
        if !std::mem::replace(&mut self.has_headers, true) {
            self.parts.push_back(Part::Headers(head("200", metadata)));
        }
    }

    fn finish(&mut self, status: &Status, metadata: Metadata) {
        let mut fields = if self.has_headers { Vec::new() } else { head("200", Vec::new()) };
        fields.push(("grpc-status".to_owned(), (status.code as u8).to_string()));
        if !status.message.is_empty() {
            let mut encoded = Vec::new();
            percent::encode(&status.message, &mut encoded);
            fields.push(("grpc-message".to_owned(), String::from_utf8(encoded).expect("it is ASCII")));
        }
        fields.extend(metadata);
        self.parts.push_back(Part::End(fields));
        self.is_decided = true;
    }

    fn misbehave(&mut self) {
        let opened = Part::Headers(head("200", Vec::new()));
        match self.twist {
            Twist::None => {}
            Twist::Reset(code) => self.parts.push_back(Part::Reset(code)),
            Twist::Http(status) => self.parts.push_back(Part::End(vec![(":status".to_owned(), status.to_string())])),
            Twist::NoTrailers => self.parts.extend([opened, Part::EndData(Vec::new())]),
            Twist::TooLong => self.parts.extend([opened, Part::Data(vec![0, 255, 255, 255, 255])]),
            Twist::Compressed => self.parts.extend([opened, Part::Data(vec![1, 0, 0, 0, 0])]),
            Twist::NoStatus => self.parts.extend([opened, Part::End(vec![("x".to_owned(), "y".to_owned())])]),
        }
    }
}

fn head(status: &str, metadata: Metadata) -> Metadata {
    let mut fields =
        vec![(":status".to_owned(), status.to_owned()), ("content-type".to_owned(), "application/grpc".to_owned())];
    fields.extend(metadata);
    fields
}
