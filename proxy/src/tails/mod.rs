//! Those who wait at the end of a log, and how new records come to them.
//!
//! A shard with readers at the end of a log is registered at the log's owner, once, whatever the number of its readers.
//! At the end of a turn with an append the owner sends each such shard one page of what is new; that shard hands it to
//! each reader that stands where the page begins and has room. Any other reader falls behind, pulls pages from its own
//! position, and waits at the end again. Positions alone decide, so nothing is missed or sent twice:
//!
//! ```text
//! Follow ─► owner: registered, and how far the log is ─► a reader that stands before that is woken
//! append ─► owner: page [a, b) ─► readers at a: sent, they stand at b      others: woken, they pull
//! ```
//! The names of subscribers are kept by the owner too, since the second of the same name may be on any shard.

mod deliver;
mod heed;
mod owner;
mod readers;

use std::sync::Arc;

use prism_backends::memstore::Page;

pub(crate) use owner::Followed;
pub(crate) use readers::{Seat, Tails};

/// A log, as all shards name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogName {
    /// The slot of its backend.
    pub(crate) backend: usize,
    pub(crate) namespace: u16,
    /// The hash of the topic, which picks the owner.
    pub(crate) hash: u64,
    pub(crate) topic: Arc<[u8]>,
}

/// The name of a subscriber of a log.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) log: LogName,
    pub(crate) subscriber: Box<[u8]>,
}

/// Why a subscription ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expulsion {
    /// Another one has taken its name.
    Replaced,
    /// It was asked to.
    Unsubscribed,
}

/// What shards tell each other about the ends of logs.
#[derive(Debug)]
pub(crate) enum Notice {
    /// To the owner: this shard has readers.
    Follow {
        /// Which log.
        log: LogName,
        /// The tail's slot at the sender.
        tail: u64,
    },
    /// To the owner: it has none any more.
    Unfollow {
        /// Which log.
        log: LogName,
        /// As it was followed.
        tail: u64,
    },
    /// To a shard with readers: records, or how far the log is.
    Page {
        /// As it was followed.
        tail: u64,
        /// What is new.
        page: Box<Page>,
    },
    /// To the owner: pages that count so many bytes have reached their readers.
    Taken(usize),
    /// To the owner: a subscription begins that wants this name.
    Claim {
        /// The name.
        claim: Claim,
        /// The subscription's slot at the sender.
        pull: u64,
    },
    /// To the owner: it is in order and has the name; one that had it is over.
    Confirm {
        /// The name.
        claim: Claim,
        /// As it was claimed.
        pull: u64,
    },
    /// To the owner: it neither has nor wants it any more.
    Release {
        /// The name.
        claim: Claim,
        /// As it was claimed.
        pull: u64,
    },
    /// To the owner: end the subscription of this name.
    Unsubscribe {
        /// The name.
        claim: Claim,
        /// The slot of the call at the sender, which is answered when it is done.
        call: u64,
    },
    /// To the shard of a subscription: it is over.
    Expel {
        /// As it was claimed.
        pull: u64,
        /// Why.
        why: Expulsion,
    },
}
