//! One call of our client: what it sends, how the server misbehaves, and what has to come out.

use prism_proto::method::MethodId;
use prism_proto::method::id::{KEYVALUE_BASIC_GET, REFLECTION_V1_SERVER_REFLECTION_INFO};
use prism_proto::status::Code;
use prism_tests::Random;

use crate::script::{Fault, GET, Metadata, Script, Sizes, one_of, status_of};

/// What the server does wrong, or otherwise than usual, instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    None,
    /// RST_STREAM with this code.
    Reset(u32),
    /// This HTTP status, and nothing of gRPC.
    Http(u16),
    /// The end without trailers.
    NoTrailers,
    /// A message that is longer than any may be.
    TooLong,
    /// A compressed message.
    Compressed,
    /// Trailers without grpc-status.
    NoStatus,
}

/// The header in which the server is told what to do wrong.
pub(super) const TWIST: &str = "x-twist";

impl Twist {
    fn random(random: &mut Random) -> Self {
        let code = one_of(random, &[0, 1, 2, 7, 8, 11, 12]);
        let status = one_of(random, &[204, 400, 401, 403, 404, 429, 500, 503]);
        let twists =
            [Self::Reset(code), Self::Http(status), Self::NoTrailers, Self::TooLong, Self::Compressed, Self::NoStatus];
        one_of(random, &twists)
    }

    /// As it is told to the server.
    pub(super) fn to_text(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Reset(code) => format!("reset-{code}"),
            Self::Http(status) => format!("http-{status}"),
            Self::NoTrailers => "no-trailers".to_owned(),
            Self::TooLong => "too-long".to_owned(),
            Self::Compressed => "compressed".to_owned(),
            Self::NoStatus => "no-status".to_owned(),
        }
    }

    /// What the server was told.
    pub(super) fn parse(text: &str) -> Self {
        match text.split_once('-') {
            Some(("reset", code)) => Self::Reset(code.parse().expect("a code")),
            Some(("http", status)) => Self::Http(status.parse().expect("a status")),
            Some(("no", "trailers")) => Self::NoTrailers,
            Some(("too", "long")) => Self::TooLong,
            Some(("compressed", _)) => Self::Compressed,
            Some(("no", "status")) => Self::NoStatus,
            _ if text == "compressed" => Self::Compressed,
            _ => Self::None,
        }
    }

    /// What the caller is told, by the mappings of gRPC over HTTP/2.
    fn code(self) -> Code {
        match self {
            Self::None => Code::Ok,
            Self::Reset(7) => Code::Unavailable,
            Self::Reset(8) => Code::Cancelled,
            Self::Reset(11) => Code::ResourceExhausted,
            Self::Reset(12) => Code::PermissionDenied,
            Self::Http(401) => Code::Unauthenticated,
            Self::Http(403) => Code::PermissionDenied,
            Self::Http(404) => Code::Unimplemented,
            Self::Http(429 | 503) => Code::Unavailable,
            Self::Http(400) | Self::Reset(_) | Self::NoTrailers | Self::Compressed => Code::Internal,
            Self::TooLong => Code::ResourceExhausted,
            Self::Http(_) | Self::NoStatus => Code::Unknown,
        }
    }
}

/// A call and what is done about it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) script: Script,
    pub(super) twist: Twist,
    pub(super) wants_headers: bool,
    /// Sends only what the windows take, and waits for a Writable event otherwise.
    pub(super) is_careful: bool,
    pub(super) timeout_ns: Option<u64>,
}

/// What a call that nobody cancels gets.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) code: Code,
    pub(super) message: Option<String>,
    /// Its messages with their prefixes; the beginning of them for a call that fails on the way.
    pub(super) body: Vec<u8>,
    pub(super) is_cut: bool,
    pub(super) headers: Metadata,
    pub(super) trailers: Metadata,
}

impl Plan {
    pub(super) fn random(random: &mut Random, sizes: &mut Sizes) -> Self {
        let script = Script::random(random, sizes);
        let twist = if random.below(8) == 0 { Twist::random(random) } else { Twist::None };
        let mut messages = script.messages.clone();
        // What our client cannot do wrong: its requests are well formed.
        let path = if script.fault == Fault::UnknownPath { GET } else { script.path };
        if path == GET {
            messages.resize(1, Vec::new());
        }
        Self {
            script: Script { path, messages, fault: Fault::None, ..script },
            twist,
            wants_headers: random.below(2) == 0,
            is_careful: random.below(2) == 0,
            timeout_ns: one_of(random, &[None, Some(1_000_000_000), Some(random.clone().next() >> 8 | 1 << 40)]),
        }
    }

    pub(super) fn is_unary(&self) -> bool {
        self.script.path == GET
    }

    pub(super) fn method(&self) -> MethodId {
        if self.is_unary() { KEYVALUE_BASIC_GET } else { REFLECTION_V1_SERVER_REFLECTION_INFO }
    }

    /// What comes back.
    pub(super) fn expected(&self) -> Expected {
        let body = self.script.expected();
        let mut expected = Expected {
            code: status_of(body.status),
            message: body.message,
            headers: body.metadata,
            trailers: body.trailers,
            body: body.body,
            is_cut: false,
        };
        if self.twist != Twist::None {
            (expected.code, expected.message, expected.is_cut) = (self.twist.code(), None, true);
            expected.headers.clear();
            expected.trailers.clear();
        } else if self.is_unary() {
            match messages(&expected.body) {
                0 if expected.code == Code::Ok => (expected.code, expected.message) = (Code::Unimplemented, None),
                0 | 1 => {}
                _ => {
                    (expected.code, expected.message, expected.is_cut) = (Code::Unimplemented, None, true);
                    expected.trailers.clear();
                }
            }
        }
        expected
    }
}

/// How many messages a body holds.
fn messages(mut body: &[u8]) -> usize {
    let mut count = 0;
    while let Some((prefix, rest)) = body.split_first_chunk::<5>() {
        body = &rest[u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize..];
        count += 1;
    }
    count
}
