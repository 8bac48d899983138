//! Why a command was not done.

use std::borrow::Cow;

/// What the caller can do about a failure; the proxy turns each into its gRPC status in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request is wrong: correct it.
    Invalid,
    /// A limit was reached: free something, raise the limit that the context names, or come back later.
    Exhausted,
    /// The key holds another type, or the state does not allow the command.
    Precondition,
    /// The offset is not there: go on from the nearest that is, which the context names.
    OutOfRange,
    /// The backend does not do this.
    Unsupported,
    /// The backend is away; repeating is safe.
    Unavailable,
    /// The deadline passed before the command was executed; it was not executed.
    Expired,
    /// A fault of the proxy itself.
    Internal,
}

/// A failed command: its kind, and a sentence that names the key, limit or setting concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the caller can do.
    pub kind: FailureKind,
    /// What happened, for a person.
    pub context: Cow<'static, str>,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, context: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, context: context.into() }
    }
}
