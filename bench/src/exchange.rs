//! One connection's protocol as the driver sees it: requests go out, answers are counted, no IO.

use std::fmt;

use prism_proto::frame;

/// A connection's side of the load: what to send and what the bytes that come back mean.
pub trait Exchange {
    /// Whether the connection is set up, so that requests may go out.
    fn is_ready(&self) -> bool;

    /// Appends one request to the output; false when the peer's limits forbid it for now.
    fn request(&mut self) -> bool;

    /// Takes bytes that the peer sent, cut anywhere.
    fn receive(&mut self, bytes: &[u8]) -> Result<(), Fault>;

    /// What is to be sent; the driver takes from its front.
    fn output(&mut self) -> &mut Vec<u8>;

    /// Requests that have no answer yet.
    fn open(&self) -> u32;

    /// What was counted so far.
    fn tally(&self) -> &Tally;
}

/// What one connection counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that ended, well or badly.
    pub answered: u64,
    /// Of these, the ones that did not end with `grpc-status: 0`.
    pub failed: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Of these, bytes of message: DATA payload, or what an echo returned.
    pub message_bytes: u64,
    /// How the first of `failed` ended, for a person.
    pub first_failure: Option<String>,
}

/// Why a connection cannot go on: the peer broke the protocol, or said goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl From<frame::Error> for Fault {
    fn from(error: frame::Error) -> Self {
        Self(error.to_string())
    }
}
