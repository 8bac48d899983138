//! A reply's header list, reduced to what a gRPC call is, and a memory of the blocks that say nothing new.
//!
//! It checks what RFC 9113 §8.2 and §8.3 demand of every response, and collects; what becomes of the call is decided in
//! `headers.rs`.

use super::metadata::Metadata;
use super::status;
use crate::grpc::{self, percent};
use crate::h2::field::{is_value, name_fault, parse_length};
use crate::status::{Code, Status};

/// A header list as it is read.
#[derive(Debug, Default)]
pub(super) struct ResponseHead {
    /// Whether all other fields are kept.
    collects: bool,
    has_regular: bool,
    malformed: Option<&'static str>,
    http_status: Option<u16>,
    is_grpc: bool,
    has_content_type: bool,
    code: Option<Code>,
    message: Vec<u8>,
    /// Something was said that [`Plain`] does not know.
    is_more: bool,
    pub(super) content_bytes: Option<u64>,
    pub(super) metadata: Metadata,
}

/// A block that says no more than nearly all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// `:status` 200 and the content type of gRPC.
    Headers,
    /// `grpc-status`.
    Trailers(Code),
}

impl ResponseHead {
    /// A list of which nothing has been read; what gRPC does not need is kept when it `collects`.
    pub(super) fn new(collects: bool) -> Self {
        Self { collects, ..Self::default() }
    }

    /// Takes the next field.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        if !is_value(value) {
            self.malformed("a header value has a byte or a space that it may not have");
        }
        match name {
            [b':', ..] => return self.pseudo(name, value),
            b"content-type" => {
                self.has_content_type = true;
                self.is_grpc = grpc::is_grpc(value);
            }
            b"grpc-status" => self.code = Some(parse_code(value)),
            b"grpc-message" => {
                self.is_more = true;
                self.message = value.to_vec();
            }
            b"content-length" => {
                self.is_more = true;
                match (parse_length(value), self.content_bytes) {
                    (Some(bytes), None) => self.content_bytes = Some(bytes),
                    (Some(bytes), Some(earlier)) if bytes == earlier => {}
                    _ => self.malformed("content-length is no length"),
                }
            }
            _ => self.other(name, value),
        }
        self.has_regular = true;
    }

    fn other(&mut self, name: &[u8], value: &[u8]) {
        self.is_more = true;
        if let Some(reason) = name_fault(name) {
            self.malformed(reason);
        } else if self.collects {
            self.metadata.push(name, value);
        }
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8]) {
        if name != b":status" {
            return self.malformed("unknown pseudo-header");
        }
        if self.http_status.is_some() {
            self.malformed("pseudo-header twice");
        }
        if self.has_regular {
            self.malformed("pseudo-header after a regular one");
        }
        match value {
            [hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                let digit = |byte: &u8| u16::from(byte - b'0');
                self.http_status = Some(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones));
            }
            _ => self.malformed(":status is not three digits"),
        }
    }

    /// The first fault counts.
    fn malformed(&mut self, reason: &'static str) {
        self.malformed.get_or_insert(reason);
    }

    /// What is wrong with the list as that of a response.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.malformed.or(if self.http_status.is_none() { Some("a response without :status") } else { None })
    }

    /// What is wrong with the list as trailers: pseudo-header fields must not be there (RFC 9113 §8.1).
    pub(super) fn trailers_fault(&self) -> Option<&'static str> {
        self.malformed.or(if self.http_status.is_some() { Some("pseudo-header in trailers") } else { None })
    }

    /// Whether a final response follows (RFC 9110 §15.2).
    pub(super) fn is_informational(&self) -> bool {
        matches!(self.http_status, Some(100..=199))
    }

    /// The status of a response that cannot be of gRPC, for its HTTP status or its content type.
    pub(super) fn refusal(&self) -> Option<Status> {
        match self.http_status {
            Some(200) if self.is_grpc => None,
            http_status => {
                let what = if self.has_content_type && !self.is_grpc {
                    "the reply's content-type is not application/grpc"
                } else {
                    "the reply is not one of gRPC"
                };
                Some(status::of_http(http_status.unwrap_or(200), what))
            }
        }
    }

    /// The status that `grpc-status` gives.
    pub(super) fn explicit_status(&self) -> Option<Status> {
        let code = self.code?;
        Some(Status { code, message: percent::decode(&self.message).into_owned().into() })
    }

    /// The status of a reply that has ended with this list.
    pub(super) fn status(&self) -> Status {
        self.explicit_status().unwrap_or_else(|| {
            status::of_http(self.http_status.unwrap_or(200), "the reply has ended without grpc-status")
        })
    }

    /// The list as one that is remembered.
    pub(super) fn plain(&self) -> Option<Plain> {
        if self.is_more || self.malformed.is_some() {
            return None;
        }
        match (self.http_status, self.is_grpc, self.code) {
            (Some(200), true, None) => Some(Plain::Headers),
            (None, false, Some(code)) if !self.has_content_type => Some(Plain::Trailers(code)),
            _ => None,
        }
    }
}

/// `grpc-status`: what is no number of a status is UNKNOWN ("Error parsing returned status").
fn parse_code(value: &[u8]) -> Code {
    match value {
        [ones @ b'0'..=b'9'] => status::code(ones - b'0'),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => status::code((tens - b'0') * 10 + (ones - b'0')),
        _ => Code::Unknown,
    }
}

/// Blocks that are remembered.
const KNOWN_MAX: usize = 4;
/// The longest of them.
const KNOWN_BYTES_MAX: usize = 30;

#[derive(Debug, Clone, Copy)]
struct Known {
    block: [u8; KNOWN_BYTES_MAX],
    length: u8,
    plain: Plain,
}

/// The plain blocks that came last: a block whose decoding changed nothing means the same until something else changes
/// the decoder's table, which its generation tells.
#[derive(Debug, Default)]
pub(super) struct Memo {
    known: [Option<Known>; KNOWN_MAX],
    next: usize,
    generation: u64,
}

impl Memo {
    /// What `block` means while the decoder's table is at `generation`.
    #[inline]
    pub(super) fn find(&self, block: &[u8], generation: u64) -> Option<Plain> {
        if generation != self.generation {
            return None;
        }
        let is_same = |known: &&Known| &known.block[..usize::from(known.length)] == block;
        self.known.iter().flatten().find(is_same).map(|known| known.plain)
    }

    /// `block` was decoded without a change of the table, which is at `generation`.
    pub(super) fn learn(&mut self, block: &[u8], generation: u64, plain: Plain) {
        if block.len() > KNOWN_BYTES_MAX {
            return;
        }
        if generation != self.generation {
            self.known = [None; KNOWN_MAX];
            self.generation = generation;
        }
        let mut known = Known { block: [0; KNOWN_BYTES_MAX], length: block.len() as u8, plain };
        known.block[..block.len()].copy_from_slice(block);
        self.known[self.next % KNOWN_MAX] = Some(known);
        self.next = (self.next + 1) % KNOWN_MAX;
    }
}
