//! One client's connection, and what the proxy keeps beside it.

use std::collections::VecDeque;

use prism_backends::{Command, OwnedCommand};
use prism_proto::h2::StreamRef;
use prism_proto::h2::server::Footprint;
use prism_proto::limits::{LARGE_MESSAGE_BYTES, SMALL_REPLY_BYTES};
use prism_proto::method::MethodId;
use prism_proto::status::Status;

use crate::batch::ClientBatches;
use crate::lifetime::Lifetime;
use crate::limits::LONG_READ_NS;
use crate::pull::ClientPulls;
use crate::services::Connection;
use crate::status;

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) lifetime: Lifetime,
    /// The turn in which it was served last, by its time.
    pub(crate) turn_ns: u64,
    /// Calls that wait for another shard, those included that the client has reset since.
    pub(crate) parked: usize,
    /// Its socket is not read, by our wish.
    pub(crate) is_paused: bool,
    /// It is read into long buffers, by our wish.
    pub(crate) is_read_long: bool,
    /// When a large message was last on its way.
    large_ns: u64,
    /// Calls whose replies are so large that they wait for room, in their order.
    deferred: VecDeque<Deferred>,
    /// How long the replies of the last reads on other shards were.
    reply_bytes: usize,
    /// What the shard's sum has of this connection.
    pub(crate) counted: Footprint,
    /// It is in the list of those that wait for the process to have room.
    pub(crate) is_hungry: bool,
    /// It is in the line of those whose large messages wait for the process to have room.
    pub(crate) is_in_line: bool,
    /// It is in the list of those with deadlines.
    pub(crate) is_watched: bool,
    /// Its calls that are answered page by page.
    pub(crate) pulls: ClientPulls,
    /// Its batches that wait for room.
    pub(crate) batches: ClientBatches,
}

/// A read whose reply waits for room: nothing of the reply is held, only what is needed to execute it then.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) stream: StreamRef,
    pub(crate) method: MethodId,
    /// Monotonic time at which the caller stops waiting; 0: never.
    pub(crate) deadline_ns: u64,
    pub(crate) namespace: u16,
    pub(crate) hash: u64,
    pub(crate) command: OwnedCommand,
    /// How long the reply was when it found no room.
    pub(crate) reply_bytes: usize,
}

impl Deferred {
    /// What it takes while it waits.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.command.bytes()
    }
}

impl Client {
    pub(crate) fn new(connection: Connection, lifetime: Lifetime) -> Self {
        Self {
            connection,
            lifetime,
            turn_ns: 0,
            parked: 0,
            is_paused: false,
            is_read_long: false,
            large_ns: 0,
            deferred: VecDeque::new(),
            reply_bytes: SMALL_REPLY_BYTES,
            counted: Footprint::default(),
            is_hungry: false,
            is_in_line: false,
            is_watched: false,
            pulls: ClientPulls::default(),
            batches: ClientBatches::default(),
        }
    }

    /// Whether a reply with a value of so many bytes may be built now. One that must wait for others does so even when
    /// it would fit.
    #[inline]
    pub(crate) fn has_room_for(&self, value_bytes: usize) -> bool {
        value_bytes <= SMALL_REPLY_BYTES
            || (self.deferred.is_empty() && self.connection.has_room_for_reply(value_bytes + SMALL_REPLY_BYTES))
    }

    /// Whether much is to come: a large message is on its way, or was a moment ago.
    #[inline]
    pub(crate) fn expects_much(&mut self, now_ns: u64) -> bool {
        if self.counted.declared_bytes >= LARGE_MESSAGE_BYTES {
            self.large_ns = now_ns;
            return true;
        }
        self.is_read_long && now_ns < self.large_ns.saturating_add(LONG_READ_NS)
    }

    /// Whether calls wait for room for their replies.
    #[inline]
    pub(crate) fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Has a call wait for room, behind the others or, when it has waited before, in front of them.
    #[cold]
    pub(crate) fn defer(&mut self, call: Deferred, first: bool) {
        self.connection.charge(call.bytes());
        if first {
            self.deferred.push_front(call);
        } else {
            self.deferred.push_back(call);
        }
    }

    /// The next deferred call, when there is room for its reply.
    pub(crate) fn next_deferred(&mut self) -> Option<Deferred> {
        loop {
            let next = self.deferred.front()?;
            let is_open = self.connection.is_open(next.stream);
            let (own_bytes, reply_bytes) = (next.bytes(), next.reply_bytes);
            // Its own bytes are no reason to wait.
            self.connection.discharge(own_bytes);
            if is_open && !self.connection.has_room_for_reply(reply_bytes) {
                self.connection.charge(own_bytes);
                return None;
            }
            let next = self.deferred.pop_front();
            if is_open {
                return next;
            }
        }
    }

    /// A call is over: it waits for nothing any more.
    pub(crate) fn forget(&mut self, stream: StreamRef) {
        let connection = &mut self.connection;
        self.deferred.retain(|call| {
            let stays = call.stream != stream;
            if !stays {
                connection.discharge(call.bytes());
            }
            stays
        });
        if self.deferred.is_empty() {
            self.deferred = VecDeque::new();
        }
        self.forget_batches(Some(stream));
    }

    /// Answers every call whose deadline has passed, wherever it is.
    pub(crate) fn expire(&mut self, now_ns: u64) {
        while let Some(late) = self.deferred.iter().find(|call| call.deadline_ns != 0 && call.deadline_ns <= now_ns) {
            let stream = late.stream;
            self.connection.finish(stream, &status::expired(), &[]);
            self.forget(stream);
        }
        self.connection.expire(now_ns, &status::expired_waiting());
    }

    /// Ends all calls.
    pub(crate) fn cut(&mut self, now_ns: u64, status: &Status) {
        self.connection.cut_all(now_ns, status);
        while let Some(call) = self.deferred.pop_front() {
            self.connection.discharge(call.bytes());
        }
        self.forget_batches(None);
    }

    /// Whether an answer, or a call, waits until the process, and not only this connection, has room.
    pub(crate) fn waits_for_process(&mut self) -> bool {
        let deferred_bytes = self.deferred.front().map(|call| call.reply_bytes);
        let reply_bytes = deferred_bytes.max(self.pulls.wanted_bytes()).max(self.wanted_batch_bytes());
        reply_bytes.is_some_and(|bytes| self.connection.is_short_of_room(bytes))
            || self.connection.is_held_back_by_process()
    }

    /// The longest reply that may be made of a command before anybody knows how long it will be, here of a pop, by
    /// another shard of any: as long as the last ones when there is room for
    /// that, else a small one. A longer one is not made, and the call deferred then; so a small one never waits.
    pub(crate) fn reply_bytes_max(&self, command: &Command<'_>) -> usize {
        match command {
            Command::Get { .. } | Command::Pop { .. } if self.has_room_for(self.reply_bytes) => self.reply_bytes,
            Command::Get { .. } | Command::Pop { .. } => SMALL_REPLY_BYTES,
            _ => 0,
        }
    }

    /// A reply of a read on another shard had so many bytes, or would have had: so long are the next ones, it may be.
    pub(crate) fn learn_reply_bytes(&mut self, reply_bytes: usize) {
        self.reply_bytes = if reply_bytes > self.reply_bytes {
            reply_bytes
        } else {
            // Slowly, so that a few short ones between long ones change little.
            (self.reply_bytes - (self.reply_bytes - reply_bytes) / 8).max(SMALL_REPLY_BYTES)
        };
    }
}

#[cfg(test)]
mod tests;
