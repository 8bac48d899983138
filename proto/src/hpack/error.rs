//! Why a header block was refused.

use std::fmt;

/// Why a header block was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The list is longer than the bound. The whole block was decoded, so the tables of both ends still agree and the
    /// connection may live on; the fields reported so far are the list's beginning.
    ListTooLarge,
    /// The list is so much longer than the bound that only repetition can have made it: a small block that is costly to
    /// decode. The decoder stopped inside it and is of no more use.
    Expansion,
    /// The block breaks RFC 7541: the connection ends with COMPRESSION_ERROR (RFC 9113 §4.3).
    Malformed(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListTooLarge => formatter.write_str("header list longer than its bound"),
            Self::Expansion => formatter.write_str("header block that expands beyond all measure"),
            Self::Malformed(reason) => write!(formatter, "malformed header block: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
