//! Calls whose answer is pulled page by page from whoever owns what they read.
//!
//! A pull lives on its connection's shard, and nobody else keeps anything for it: what it reads and how far it is are
//! its own, so each page is asked for with all that is needed to find it. When the call is over its place is free at
//! once, and a page that comes later finds a dead generation. Pages are made and sent in turns, see [`desk`].
//!
//! ```text
//!            +------------------------- sent, and there is more ------------------------+
//!            v                                                                          |
//! begin --> Ready --asked of another shard--> Asked --page--> Arrived --its turn--> (sent)
//!            ^  |--its own shard's: made and sent in one ------------------------------>|
//!            |  |--no window--> Blocked --Writable----+                                 |
//!            |  |--no room for a long entry--> Hungry-+--> Ready                        |
//!            |                                                                          |
//!            +--wake-- Waiting <------------------- sent, and nothing is there yet -----+
//! ```

mod client;
mod desk;
mod drive;
mod reload;
#[cfg(test)]
mod tests;
mod wait;

use std::fmt::Debug;

use prism_backends::memstore::Page;
use prism_backends::{Command, OwnedReply, Reply};
use prism_proto::h2::StreamRef;
use prism_proto::limits::SMALL_REPLY_BYTES;
use prism_proto::method::MethodId;
use prism_proto::status::Status;
use prism_shard::PeerId;

pub(crate) use client::ClientPulls;
pub(crate) use desk::Desk;
pub(crate) use wait::Waits;

use crate::limits::PAGE_BYTES_MAX;
use crate::services::Connection;
use crate::tails::{Claim, Seat};

/// What a pull reads, and how far it is.
pub(crate) trait Source: Debug {
    /// Bytes that it holds beside itself.
    fn bytes(&self) -> usize;

    /// Whether it sends as it goes, which takes room; false for one that only answers when it is through.
    fn is_streaming(&self) -> bool {
        true
    }

    /// The page that comes next.
    fn ask(&self, room: Room) -> Ask<'_>;

    /// Takes a page: sends what it holds, and ends the call when that was all.
    fn take(&mut self, connection: &mut Connection, stream: StreamRef, reply: Reply<'_>) -> Next;

    /// How the call is to end when the proxy drains, if it is not to finish; `is_waiting`: nothing is there to be sent.
    fn at_drain(&self, is_waiting: bool) -> Option<Status> {
        let _ = is_waiting;
        None
    }

    /// Ends the call, with the trailers that belong to it.
    fn finish(&self, connection: &mut Connection, stream: StreamRef, status: &Status) {
        connection.finish(stream, status, &[]);
    }

    /// Of one that waits at the end of a log: the offset of the record that it waits for.
    fn position(&self) -> u64 {
        0
    }

    /// Of one that waits: how long at most, in nanoseconds, until the call ends with OK; `None`: for ever.
    fn wait_ns(&self) -> Option<u64> {
        None
    }

    /// What to do with records that have come while it waits.
    fn offer(&self, page: &Page) -> Offer {
        let _ = page;
        Offer::Pulls
    }

    /// It was sent all of a page that it was offered.
    fn took(&mut self, page: &Page) {
        let _ = page;
    }
}

/// What becomes of records that are offered to a pull that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It has read them.
    Passed,
    /// It pulls them itself.
    Pulls,
    /// It takes them as the messages of a topic.
    Messages,
    /// It takes them as the records of a stream.
    Records,
}

/// How long a page may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of all its entries.
    pub(crate) bytes_max: usize,
    /// Bytes of one entry that comes alone.
    pub(crate) first_bytes_max: usize,
}

/// A page that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The shard that has it.
    pub(crate) owner: u32,
    /// What the context of its execution has for a hash.
    pub(crate) hash: u64,
    pub(crate) command: Command<'a>,
}

/// How a pull goes on after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// With the next page.
    More,
    /// The same, and now it is known that the call is in order: a subscription has its name.
    Begun,
    /// With a page that has room for so many bytes in one entry, once there is that much.
    Needs(usize),
    /// When somebody wakes it.
    Wait,
    /// Not at all: the call has been ended.
    Done,
}

/// A call that is answered page by page.
#[derive(Debug)]
pub(crate) struct Pull {
    pub(crate) peer: PeerId,
    pub(crate) stream: StreamRef,
    pub(crate) method: MethodId,
    /// Monotonic time at which the caller stops waiting; 0: never.
    pub(crate) deadline_ns: u64,
    /// Index of the namespace in the registry.
    pub(crate) namespace: u16,
    pub(crate) source: Box<dyn Source>,
    /// Its seat at the end of a log, which wakes it.
    pub(crate) seat: Option<Seat>,
    /// The name that its subscription has.
    pub(crate) claim: Option<Box<Claim>>,
    /// Since when it waits in vain.
    silent_since_ns: u64,
    /// When that is looked at; 0: never.
    armed_ns: u64,
    state: State,
    /// The next entry counts so many bytes, or the next ones may, as the last long one did.
    entry_bytes: usize,
    /// It certainly does: nothing shorter will do.
    is_entry_long: bool,
}

/// Where a pull is; see the module's diagram.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// In its connection's line, to ask for a page.
    Ready,
    Asked,
    /// In its connection's line, with a page to be sent.
    Arrived(OwnedReply),
    Blocked,
    Hungry,
    Waiting,
}

impl Pull {
    /// One that has yet to begin, for a call on a connection of this shard.
    pub(crate) fn new(
        (peer, stream): (PeerId, StreamRef),
        method: MethodId,
        deadline_ns: u64,
        namespace: u16,
        source: Box<dyn Source>,
    ) -> Self {
        let (entry_bytes, is_entry_long) = (SMALL_REPLY_BYTES, false);
        Self {
            peer,
            stream,
            method,
            deadline_ns,
            namespace,
            source,
            seat: None,
            claim: None,
            silent_since_ns: 0,
            armed_ns: 0,
            state: State::Ready,
            entry_bytes,
            is_entry_long,
        }
    }

    /// What it takes.
    fn bytes(&self) -> usize {
        let claim_bytes = self.claim.as_ref().map_or(0, |claim| size_of::<Claim>() + claim.subscriber.len());
        size_of::<Self>() + self.source.bytes() + claim_bytes
    }

    /// Whether it waits until somebody wakes it.
    #[inline]
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// It was sent all of a page that it was offered.
    #[inline]
    pub(crate) fn took(&mut self, page: &Page, now_ns: u64) {
        self.source.took(page);
        self.silent_since_ns = now_ns;
    }

    /// How long the next page may be, or where the pull has to wait.
    ///
    /// A short entry may always be asked for while any window is open, so what a client that does not read costs is
    /// one of those for each stream. Anything longer is asked for when the connection and the process have room.
    fn room(&mut self, connection: &mut Connection) -> Result<Room, State> {
        if !self.source.is_streaming() {
            return Ok(Room { bytes_max: 0, first_bytes_max: 0 });
        }
        if connection.wants_pause() {
            // Its output goes first, whatever its windows allow.
            self.entry_bytes = self.entry_bytes.max(SMALL_REPLY_BYTES + 1);
            return Err(State::Hungry);
        }
        let writable_bytes = connection.writable_bytes(self.stream);
        if writable_bytes == 0 {
            return Err(State::Blocked);
        }
        let has_room_for_long = connection.has_room_for_reply(self.entry_bytes);
        if self.is_entry_long && !has_room_for_long {
            return Err(State::Hungry);
        }
        let bytes_max = writable_bytes.min(PAGE_BYTES_MAX);
        Ok(Room {
            bytes_max: if connection.has_room_for_reply(bytes_max) { bytes_max } else { SMALL_REPLY_BYTES },
            first_bytes_max: if has_room_for_long { self.entry_bytes } else { SMALL_REPLY_BYTES },
        })
    }

    /// Notes how it goes on; false when it does not.
    fn goes_on(&mut self, next: Next) -> bool {
        self.is_entry_long = matches!(next, Next::Needs(_));
        self.state = match next {
            Next::More | Next::Begun => State::Ready,
            Next::Needs(bytes) => {
                self.entry_bytes = bytes.max(SMALL_REPLY_BYTES);
                State::Ready
            }
            Next::Wait => State::Waiting,
            Next::Done => return false,
        };
        true
    }
}
