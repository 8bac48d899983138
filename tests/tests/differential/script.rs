//! What one call sends, and what has to come back: a request's messages say how they are to be answered, so that the
//! application and the model read the same script.

use std::borrow::Cow;
use std::sync::OnceLock;

use prism_proto::status::{Code, Status};
use prism_tests::{Random, prefixed};

/// What every message is cut from.
const POOL_BYTES: usize = 1 << 20;
const LETTERS: usize = 1 << 16;
/// Bytes of a message that say how it is answered; shorter messages are echoed.
const ORDER_BYTES: usize = 20;
/// The unary method.
pub(crate) const GET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";
/// The method with streams both ways.
pub(crate) const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const UNKNOWN: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Got";

/// Headers or trailers beside those that gRPC asks for.
pub(crate) type Metadata = Vec<(String, String)>;

/// One thing that the application does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Nothing, for so many turns.
    Wait(u8),
    /// Response headers.
    Open(Metadata),
    /// One message.
    Send(Cow<'static, [u8]>),
    /// The whole answer of a unary call.
    Reply(Cow<'static, [u8]>),
    /// The end.
    Finish(Status, Metadata),
}

/// What a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    NoMessage,
    TwoMessages,
    Truncated,
    TooLong,
    UnknownPath,
}

/// How a client ends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    WithData,
    EmptyData,
    Trailers,
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) path: &'static str,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) fault: Fault,
    pub(crate) end: End,
    pub(crate) metadata: Metadata,
    /// The client gives up after so many of its own steps.
    pub(crate) cancel_after: Option<u64>,
}

/// What a call that nobody cancels gets.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) metadata: Metadata,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u8,
    /// What the status says; nothing when the engine itself says it.
    pub(crate) message: Option<String>,
    pub(crate) trailers: Metadata,
    /// The fault comes after good messages: what they are answered may be cut off anywhere,
    pub(crate) is_cut: bool,
    /// or may have ended the call before with this status.
    pub(crate) or_status: Option<u8>,
}

/// How much a conversation may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) calls: u64,
    /// The longest message either way.
    pub(crate) message_bytes_max: u64,
    /// All replies together.
    pub(crate) reply_bytes: u64,
    pub(crate) cancels: bool,
}

/// One of `choices`.
pub(crate) fn one_of<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[random.below(choices.len() as u64) as usize]
}

/// A number from 1 to 2 to the power of `bits`, each magnitude as likely as the others.
pub(crate) fn any_magnitude(random: &mut Random, bits: u64) -> usize {
    let bits = random.below(bits + 1);
    1 + random.below(1 << bits) as usize
}

fn pool() -> &'static [u8] {
    static POOL: OnceLock<Vec<u8>> = OnceLock::new();
    POOL.get_or_init(|| Random::fixed(1).bytes(POOL_BYTES))
}

/// `length` bytes that belong to `salt`.
fn filler(salt: u32, length: usize) -> &'static [u8] {
    let start = salt as usize % (POOL_BYTES - length);
    &pool()[start..start + length]
}

/// What metadata is cut from.
fn letters() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| pool()[..LETTERS].iter().map(|byte| char::from(b'a' + byte % 26)).collect())
}

/// Metadata that belongs to `salt`: none, little, or more than a frame holds.
fn metadata(salt: u32, class: u8) -> Metadata {
    let (count, bytes) = match class {
        0..=5 => return Vec::new(),
        6 => (3, 12),
        _ => (4, 5_000 + salt as usize % 3_000),
    };
    let text = |at: u32| {
        let start = (salt ^ at) as usize % (LETTERS - bytes);
        letters()[start..start + bytes].to_owned()
    };
    (0..count).map(|at| (format!("x-{}-{at}", salt % 7), text(at))).collect()
}

impl Script {
    /// A call at random, which takes its share of `sizes`.
    pub(crate) fn random(random: &mut Random, sizes: &mut Sizes) -> Self {
        let is_unary = random.below(3) > 0;
        let fault = if random.below(12) == 0 { Fault::random(random, is_unary) } else { Fault::None };
        let count = match fault {
            Fault::NoMessage => 0,
            Fault::TwoMessages => 2,
            _ if is_unary => 1,
            _ => random.below(6),
        };
        Self {
            path: if fault == Fault::UnknownPath {
                UNKNOWN
            } else if is_unary {
                GET
            } else {
                REFLECT
            },
            messages: (0..count).map(|_| message(random, sizes)).collect(),
            fault,
            end: one_of(random, &[End::WithData, End::WithData, End::EmptyData, End::Trailers]),
            // Together below what a request's header list may have.
            metadata: metadata(random.next() as u32, if random.below(3) == 0 { 6 } else { random.below(6) as u8 }),
            cancel_after: (sizes.cancels && random.below(6) == 0).then(|| random.below(12)),
        }
    }

    /// The content of the request's DATA.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for message in &self.messages {
            body.extend_from_slice(&prefixed(0, message));
        }
        match self.fault {
            Fault::Truncated if self.path == REFLECT => body.extend_from_slice(&[0, 0, 0, 0, 9, 1, 2]),
            Fault::Truncated => body.truncate(body.len() - 1),
            Fault::TooLong if self.path == GET => body = vec![0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3],
            Fault::TooLong => body.extend_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
            _ => {}
        }
        body
    }

    /// What comes back.
    pub(crate) fn expected(&self) -> Expected {
        let is_unary = self.path != REFLECT;
        let mut expected = Expected::default();
        if self.fault != Fault::None {
            expected.status = match self.fault {
                Fault::TooLong => Code::ResourceExhausted,
                Fault::UnknownPath | Fault::NoMessage | Fault::TwoMessages => Code::Unimplemented,
                _ => Code::Internal,
            } as u8;
            if is_unary {
                return expected;
            }
            expected.is_cut = true;
        }
        let mut is_first = true;
        for message in &self.messages {
            for step in steps(message, is_unary, is_first) {
                match step {
                    Step::Wait(_) => {}
                    Step::Open(metadata) => expected.metadata = metadata,
                    Step::Send(content) => expected.body.extend_from_slice(&prefixed(0, &content)),
                    Step::Reply(content) => {
                        expected.body.extend_from_slice(&prefixed(0, &content));
                        return expected;
                    }
                    Step::Finish(status, trailers) => {
                        expected.ends(&status, trailers);
                        return expected;
                    }
                }
            }
            is_first = false;
        }
        if !expected.is_cut {
            expected.ends(&Status::OK, half_closed(self.messages.len()));
        }
        expected
    }
}

impl Expected {
    fn ends(&mut self, status: &Status, trailers: Metadata) {
        if self.is_cut {
            self.or_status = Some(status.code as u8);
            return;
        }
        self.status = status.code as u8;
        self.message = Some(status.message.to_string());
        self.trailers = trailers;
    }
}

impl Fault {
    fn random(random: &mut Random, is_unary: bool) -> Self {
        let faults = [Self::TooLong, Self::Truncated, Self::UnknownPath, Self::NoMessage, Self::TwoMessages];
        one_of(random, if is_unary { &faults } else { &faults[..3] })
    }
}

/// A message at random, most of them small.
fn message(random: &mut Random, sizes: &mut Sizes) -> Vec<u8> {
    let length = |random: &mut Random| match random.below(12) {
        0 => 0,
        1..=6 => random.below(sizes.message_bytes_max.min(200)),
        7..=9 => random.below(sizes.message_bytes_max.min(20_000)),
        _ => random.below(sizes.message_bytes_max),
    };
    let (request, reply) = (length(random), length(random));
    let salt = random.next() as u32;
    if request < ORDER_BYTES as u64 {
        return filler(salt, request as usize).to_vec();
    }
    let parts = random.below(4);
    let reply = reply.min(sizes.reply_bytes / 4 / parts.max(1));
    sizes.reply_bytes -= reply * parts.max(1);
    let mut message = vec![random.below(16) as u8, random.below(12) as u8, random.below(17) as u8, parts as u8];
    message.extend_from_slice(&salt.to_be_bytes());
    message.extend_from_slice(&(reply as u32).to_be_bytes());
    // Where bytes are carried one by one there is no metadata of many.
    let classes = if sizes.message_bytes_max < 5_000 { 7 } else { 9 };
    message.extend_from_slice(&[random.below(classes) as u8, random.below(classes) as u8, 0, 0, 0, 0, 0, 0]);
    message.extend_from_slice(filler(salt, request as usize - ORDER_BYTES));
    message
}

/// What the application does with a message. Panics when the message is not as it was sent.
pub(crate) fn steps(message: &[u8], is_unary: bool, is_first: bool) -> Vec<Step> {
    let Some((order, rest)) = message.split_first_chunk::<ORDER_BYTES>() else {
        let echo = Cow::Owned(message.to_vec());
        return vec![if is_unary { Step::Reply(echo) } else { Step::Send(echo) }];
    };
    let [kind, wait, code, parts, s0, s1, s2, s3, r0, r1, r2, r3, opening, closing, ..] = *order;
    let salt = u32::from_be_bytes([s0, s1, s2, s3]);
    assert!(rest == filler(salt, rest.len()), "a message of {} bytes was changed on its way", message.len());
    let reply = Cow::Borrowed(filler(!salt, u32::from_be_bytes([r0, r1, r2, r3]) as usize));
    let mut steps = Vec::new();
    if wait > 6 {
        steps.push(Step::Wait(wait - 6));
    }
    match kind {
        0 => steps.push(Step::Finish(status(code, salt), metadata(salt, closing))),
        1..=5 => {
            if is_first {
                steps.push(Step::Open(metadata(salt, opening)));
            }
            for part in 0..parts {
                steps.push(Step::Send(reply.clone()));
                steps.push(Step::Wait(part));
            }
            if is_unary {
                steps.push(Step::Finish(status(code, salt), metadata(salt, closing)));
            }
        }
        _ if is_unary => steps.push(Step::Reply(reply)),
        _ => steps.push(Step::Send(reply)),
    }
    steps
}

/// How a bidirectional call ends that nothing has ended before.
pub(crate) fn half_closed(messages: usize) -> Metadata {
    vec![("x-messages".to_owned(), messages.to_string())]
}

/// The code of a number.
pub(crate) fn status_of(number: u8) -> Code {
    Code::from_number(number).expect("the script orders codes that there are")
}

fn status(code: u8, salt: u32) -> Status {
    match status_of(code) {
        Code::Ok => Status::OK,
        code => Status::new(code, format!("{salt} % é\n")),
    }
}
