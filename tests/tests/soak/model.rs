//! What a worker knows of a key that only it writes.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// What a key holds, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    pub(crate) expiry: Option<Expiry>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Plain(Vec<u8>),
    List(VecDeque<Vec<u8>>),
}

/// The moment of an expiry: the server took its time somewhere between the call's beginning and its end.
#[derive(Debug, Clone)]
pub(crate) struct Expiry(RangeInclusive<Instant>);

/// Whether a key is there for a call that took some time itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    Gone,
    /// Its time came, or may have come, during the call.
    Either,
}

/// When a call was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

impl Expiry {
    pub(crate) fn after(span: Span, ttl: Duration) -> Self {
        Self(span.begin + ttl..=span.end + ttl)
    }
}

impl Entry {
    pub(crate) fn presence(&self, span: Span) -> Presence {
        match &self.expiry {
            None => Presence::There,
            Some(Expiry(moment)) if span.end < *moment.start() => Presence::There,
            Some(Expiry(moment)) if span.begin > *moment.end() => Presence::Gone,
            Some(_) => Presence::Either,
        }
    }
}

impl Presence {
    /// Whether an answer that found the key, or did not, is right.
    pub(crate) fn allows(self, found: bool) -> bool {
        match self {
            Self::There => found,
            Self::Gone => !found,
            Self::Either => true,
        }
    }
}
