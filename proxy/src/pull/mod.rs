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

use std::fmt::Debug;

use prism_backends::{Command, OwnedReply, Reply};
use prism_proto::h2::StreamRef;
use prism_proto::limits::SMALL_REPLY_BYTES;
use prism_proto::method::MethodId;
use prism_proto::status::Status;
use prism_shard::PeerId;

pub(crate) use client::ClientPulls;
pub(crate) use desk::Desk;

use crate::limits::PAGE_BYTES_MAX;
use crate::services::Connection;

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
    /// With a page that has room for so many bytes in one entry, once there is that much.
    Needs(usize),
    /// When somebody wakes it.
    #[allow(dead_code, reason = "what reads logs waits at their end; nothing else does")]
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
        Self { peer, stream, method, deadline_ns, namespace, source, state: State::Ready, entry_bytes, is_entry_long }
    }

    /// What it takes.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.source.bytes()
    }

    /// How long the next page may be, or where the pull has to wait.
    ///
    /// A short entry may always be asked for while any window is open, so what a client that does not read costs is
    /// one of those for each stream. Anything longer is asked for when the connection and the process have room.
    fn room(&self, connection: &mut Connection) -> Result<Room, State> {
        if !self.source.is_streaming() {
            return Ok(Room { bytes_max: 0, first_bytes_max: 0 });
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
            Next::More => State::Ready,
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
