//! A request's header list, reduced to what a gRPC call is: no map, no strings, nothing kept that nobody reads.
//!
//! It checks what RFC 9113 §8.2 and §8.3 demand of every request, and collects; the answer to what it found is chosen
//! in
//! `refuse.rs`.

use crate::grpc;
use crate::h2::field::{is_value, name_fault, parse_length};
use crate::limits::PATH_SHOWN_BYTES_MAX;
use crate::method::{self, MethodId};

/// What a call's header list says, when all of it is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallHead {
    pub(crate) method: MethodId,
    pub(crate) timeout_ns: Option<u64>,
    pub(crate) content_bytes: Option<u64>,
    pub(crate) encoding: Encoding,
    /// The method takes one message, which is not compressed.
    pub(crate) is_plain: bool,
}

/// What a request says of encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Encoding {
    /// Its messages may be compressed with gzip.
    pub(crate) is_gzip: bool,
    /// It names an encoding, or those that it takes: the answer names ours.
    pub(crate) is_named: bool,
}

impl CallHead {
    /// A call of `method`.
    pub(crate) fn new(
        method: MethodId,
        timeout_ns: Option<u64>,
        content_bytes: Option<u64>,
        encoding: Encoding,
    ) -> Self {
        let is_plain = !method.method().client_streaming && !encoding.is_gzip;
        Self { method, timeout_ns, content_bytes, encoding, is_plain }
    }
}

/// The way that a call is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Any.
    General,
    /// The straight way in two halves, of which the first has come.
    Begun,
    /// The straight way with a content of so many bytes.
    Whole(u32),
}

impl Way {
    /// Whether calls that begin so may go it.
    #[inline(always)]
    pub(crate) fn is_for(self, call: &CallHead) -> bool {
        match self {
            Self::General => true,
            Self::Begun => call.is_plain,
            Self::Whole(bytes) => {
                call.is_plain && call.content_bytes.is_none_or(|promised| promised == u64::from(bytes))
            }
        }
    }
}

/// `grpc-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeout {
    None,
    After(u64),
    Malformed,
}

/// A header list as it is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    /// Bits of [`pseudo`] that have been seen.
    pub(super) seen: u8,
    pub(super) has_regular: bool,
    malformed: Option<&'static str>,
    pub(super) is_post: bool,
    pub(super) is_connect: bool,
    pub(super) is_grpc: bool,
    pub(super) method: Option<MethodId>,
    unknown_path: Vec<u8>,
    timeout: Timeout,
    pub(super) encoding: Encoding,
    unknown_encoding: Option<Vec<u8>>,
    malformed_binary: Option<Vec<u8>>,
    content_bytes: Option<u64>,
}

/// One bit for each pseudo-header field of a request (RFC 9113 §8.3.1).
pub(super) mod pseudo {
    pub(in super::super) const METHOD: u8 = 1;
    pub(in super::super) const SCHEME: u8 = 2;
    pub(in super::super) const AUTHORITY: u8 = 4;
    pub(in super::super) const PATH: u8 = 8;
}

/// What became of a header list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A call.
    Call(CallHead),
    /// RFC 9113 §8.1.1: a stream error of PROTOCOL_ERROR.
    Malformed(&'static str),
    /// Not POST: HTTP status 405.
    NotPost,
    /// No gRPC content type: HTTP status 415.
    NotGrpc,
    /// `grpc-timeout` is not what it should be.
    BadTimeout,
    /// The deadline has passed already, and more is wrong: the deadline is checked first. (A call whose deadline has
    /// passed is the application's to refuse.)
    Expired,
    /// The metadata of this name, of which the beginning is given, ends in `-bin` and is not base64.
    MalformedBinary(Vec<u8>),
    /// No method has this path, of which the beginning is given.
    UnknownPath(Vec<u8>),
    /// Messages in an encoding that we don't know, of which the beginning is given.
    UnknownEncoding(Vec<u8>),
}

impl RequestHead {
    /// A list of which nothing has been read.
    pub(crate) fn new() -> Self {
        Self {
            seen: 0,
            has_regular: false,
            malformed: None,
            is_post: false,
            is_connect: false,
            is_grpc: false,
            method: None,
            unknown_path: Vec::new(),
            timeout: Timeout::None,
            encoding: Encoding::default(),
            unknown_encoding: None,
            malformed_binary: None,
            content_bytes: None,
        }
    }

    /// Whether a gRPC content type has been seen.
    pub(crate) fn is_grpc(&self) -> bool {
        self.is_grpc
    }

    /// Takes the next field.
    pub(crate) fn take(&mut self, name: &[u8], value: &[u8]) {
        if !is_value(value) {
            self.malformed("a header value has a byte or a space that it may not have");
        }
        if let Some((b':', name)) = name.split_first().map(|(first, rest)| (*first, rest)) {
            return self.pseudo(name, value);
        }
        self.has_regular = true;
        match name {
            b"content-type" => self.is_grpc = grpc::is_grpc(value),
            b"te" if value != b"trailers" => self.malformed("te is not trailers"),
            b"te" | b"user-agent" => {}
            b"grpc-timeout" => self.take_timeout(grpc::parse_timeout(value).ok()),
            b"grpc-encoding" => self.encoding(value),
            b"grpc-accept-encoding" => self.encoding.is_named = true,
            b"content-length" => match (parse_length(value), self.content_bytes) {
                (Some(bytes), None) => self.content_bytes = Some(bytes),
                (Some(bytes), Some(earlier)) if bytes == earlier => {}
                _ => self.malformed("content-length is no length"),
            },
            _ => {
                if let Some(reason) = name_fault(name) {
                    self.malformed(reason);
                } else if name.ends_with(b"-bin") && !grpc::binary::is_valid(value) {
                    self.malformed_binary = Some(beginning(name));
                }
            }
        }
    }

    fn encoding(&mut self, value: &[u8]) {
        self.encoding.is_named = true;
        match value {
            b"identity" => {}
            b"gzip" => self.encoding.is_gzip = true,
            _ => self.unknown_encoding = Some(beginning(value)),
        }
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8]) {
        let bit = match name {
            b"method" => {
                self.is_post = value == b"POST";
                self.is_connect = value == b"CONNECT";
                pseudo::METHOD
            }
            b"path" => {
                if value.is_empty() {
                    self.malformed(":path is empty");
                }
                self.method = method::lookup(value);
                if self.method.is_none() {
                    self.unknown_path = beginning(value);
                }
                pseudo::PATH
            }
            b"scheme" => pseudo::SCHEME,
            b"authority" => pseudo::AUTHORITY,
            _ => return self.malformed("unknown pseudo-header"),
        };
        self.see(bit);
    }

    /// One more `grpc-timeout`.
    pub(super) fn take_timeout(&mut self, timeout_ns: Option<u64>) {
        self.timeout = match (timeout_ns, self.timeout) {
            (Some(timeout_ns), Timeout::None) => Timeout::After(timeout_ns),
            _ => Timeout::Malformed,
        };
    }

    /// A pseudo-header field has come.
    pub(super) fn see(&mut self, bit: u8) {
        if self.seen & bit != 0 {
            self.malformed("pseudo-header twice");
        }
        if self.has_regular {
            self.malformed("pseudo-header after a regular one");
        }
        self.seen |= bit;
    }

    /// The first fault counts.
    fn malformed(&mut self, reason: &'static str) {
        self.malformed.get_or_insert(reason);
    }

    /// What the whole list amounts to; the checks in their order.
    pub(crate) fn verdict(self) -> Verdict {
        let (needed, barred) = if self.is_connect {
            (pseudo::METHOD | pseudo::AUTHORITY, pseudo::SCHEME | pseudo::PATH)
        } else {
            (pseudo::METHOD | pseudo::SCHEME | pseudo::PATH, 0)
        };
        if let Some(reason) = self.malformed {
            return Verdict::Malformed(reason);
        }
        if self.seen & needed != needed {
            return Verdict::Malformed("a pseudo-header is missing");
        }
        // RFC 9113 §8.5.
        if self.seen & barred != 0 {
            return Verdict::Malformed("CONNECT has no scheme and no path");
        }
        if !self.is_post {
            return Verdict::NotPost;
        }
        if !self.is_grpc {
            return Verdict::NotGrpc;
        }
        let timeout_ns = match self.timeout {
            Timeout::None => None,
            Timeout::After(timeout_ns) => Some(timeout_ns),
            Timeout::Malformed => return Verdict::BadTimeout,
        };
        let is_refused = self.method.is_none() || self.unknown_encoding.is_some() || self.malformed_binary.is_some();
        if timeout_ns == Some(0) && is_refused {
            return Verdict::Expired;
        }
        if let Some(name) = self.malformed_binary {
            return Verdict::MalformedBinary(name);
        }
        let Some(method) = self.method else { return Verdict::UnknownPath(self.unknown_path) };
        match self.unknown_encoding {
            Some(encoding) => Verdict::UnknownEncoding(encoding),
            None => Verdict::Call(CallHead::new(method, timeout_ns, self.content_bytes, self.encoding)),
        }
    }

    /// What is wrong with the list as trailers: pseudo-header fields must not be there (RFC 9113 §8.1).
    pub(crate) fn trailers_fault(&self) -> Option<&'static str> {
        if self.seen != 0 { Some("pseudo-header in trailers") } else { self.malformed }
    }
}

/// As much of what a client sent as an error message shows.
fn beginning(value: &[u8]) -> Vec<u8> {
    value[..value.len().min(PATH_SHOWN_BYTES_MAX)].to_vec()
}

#[cfg(test)]
mod tests;
