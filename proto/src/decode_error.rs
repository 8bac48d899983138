//! Why a message could not be decoded, said so that the caller can mend it: the message, the field, and what is wrong.

use std::fmt;

use crate::status::{Code, Status};

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Problem {
    /// A length or a value reaches beyond the end of the message.
    Truncated,
    /// A varint has more than 64 bits.
    Varint,
    /// A key has field number 0, a wire type that does not exist, or more than 32 bits.
    Key,
    /// A known field has another wire type than its type asks for.
    WireType,
    /// A string is not UTF-8.
    Utf8,
    /// A group ends that did not begin.
    Group,
    /// Groups nest deeper than 100 levels.
    Depth,
}

impl Problem {
    const fn text(self) -> &'static str {
        match self {
            Self::Truncated => "reaches beyond the end of the message",
            Self::Varint => "has a varint of more than 64 bits",
            Self::Key => "has a field key that is not valid",
            Self::WireType => "has a wire type that does not fit its type",
            Self::Utf8 => "is not UTF-8",
            Self::Group => "has a group that ends without having begun",
            Self::Depth => "nests more than 100 levels deep",
        }
    }
}

/// The names that an error shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The message's own name.
    pub(crate) message: &'static str,
    /// Its fields: number and name.
    pub(crate) fields: &'static [(u32, &'static str)],
}

/// A message that is not valid protobuf of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    schema: &'static Schema,
    number: u32,
    problem: Problem,
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(schema: &'static Schema, number: u32, problem: Problem) -> Self {
        Self { schema, number, problem }
    }

    /// What is wrong.
    pub fn problem(&self) -> Problem {
        self.problem
    }

    /// The name of the field that is wrong; none for an unknown field and for a bad key.
    pub fn field(&self) -> Option<&'static str> {
        self.schema.fields.iter().find(|(number, _)| *number == self.number).map(|&(_, name)| name)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, number, problem } = *self;
        match (self.field(), number) {
            (Some(name), _) => write!(out, "{}.{name} {}", schema.message, problem.text()),
            (None, 0) => write!(out, "{} {}", schema.message, problem.text()),
            (None, _) => write!(out, "{}: unknown field {number} {}", schema.message, problem.text()),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What a caller is told of a malformed request.
impl From<DecodeError> for Status {
    fn from(error: DecodeError) -> Self {
        Self::new(Code::InvalidArgument, format!("malformed request: {error}"))
    }
}

/// The same for the messages that prost decodes; it names message and field too.
impl From<prost::DecodeError> for Status {
    fn from(error: prost::DecodeError) -> Self {
        let text = error.to_string();
        let reason = text.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&text);
        Self::new(Code::InvalidArgument, format!("malformed request: {reason}"))
    }
}
