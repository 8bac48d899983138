//! What a connection takes of memory, and what it may: its own limit, and the share that the process has for it.
//!
//! An answer that cannot leave is not built. Nothing more is read, and no call is told of, while
//! [`UNSENT_BYTES_MAX`] of answers are unsent; and an application that knows how long a reply will be asks
//! [`Connection::has_room_for_reply`] first, and keeps the call until there is room.

use std::borrow::Cow;

use super::Connection;
use super::refuse;
use crate::h2::held;
use crate::h2::large::LargeBuffers;
use crate::limits::{Limits, SMALL_REPLY_BYTES, SPARE_BUFFER_BYTES_MAX, UNSENT_BYTES_MAX};
use crate::status::Status;

/// What a connection holds, in the two parts that the process bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Large messages that may come, counted whole.
    pub declared_bytes: usize,
    /// Everything else: parts of small messages and frames, answers, what the application holds for calls.
    pub other_bytes: usize,
}

impl Footprint {
    /// No bound.
    pub const UNBOUNDED: Self = Self { declared_bytes: usize::MAX, other_bytes: usize::MAX };
}

/// What a connection may hold, as its limits and the process have room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// How large the parts of the footprint may become.
    pub(crate) declared_bytes: usize,
    pub(crate) other_bytes: usize,
    /// Unsent answers beyond which no more is read.
    pub(crate) pause_bytes: usize,
    /// Answers that wait for the client's windows beyond which no further call is told of.
    pub(crate) wait_bytes: usize,
}

impl Room {
    pub(super) fn new(limits: &Limits, room: Footprint) -> Self {
        let Footprint { declared_bytes, other_bytes } = room;
        let quarter = limits.connection_buffer_bytes_max / 4;
        Self {
            declared_bytes,
            other_bytes,
            pause_bytes: UNSENT_BYTES_MAX.min(quarter).min(other_bytes),
            // The messages of calls that are held back need some of it.
            wait_bytes: quarter.min(other_bytes / 4 * 3),
        }
    }
}

impl Connection {
    /// Bytes received and not yet delivered, or answered and not yet sent, or held by the application for calls.
    pub fn held_bytes(&self) -> usize {
        self.held.bytes() + self.charged + self.unsent_bytes() + self.kept.len() + self.inflating_bytes()
    }

    /// The same as the process counts it.
    pub fn footprint(&self) -> Footprint {
        let declared_bytes = self.held.declared_bytes();
        Footprint { declared_bytes, other_bytes: self.promised_bytes() + self.kept.len() - declared_bytes }
    }

    /// How large the parts of the footprint may become. What has no room waits, if it can.
    pub fn set_room(&mut self, room: Footprint) {
        self.room = Room::new(&self.limits, room);
    }

    /// Whether a large message waits for room.
    pub(super) fn wants_room(&mut self) -> bool {
        self.admissions.first(&self.streams).is_some()
    }

    /// Whether a large message waits, and has only the process to wait for.
    pub fn wants_room_of_process(&mut self) -> bool {
        let Some(slot) = self.admissions.first(&self.streams) else { return false };
        let declared = self.held.declared_bytes();
        let after = declared + self.streams[slot].inbound.total_bytes();
        after > self.room.declared_bytes && (declared == 0 || after <= self.admitted_bytes_max)
    }

    /// Whether it is the process that has too little room for a reply of so many bytes.
    pub fn is_short_of_room(&self, reply_bytes: usize) -> bool {
        self.footprint().other_bytes + reply_bytes > self.room.other_bytes
    }

    /// Whether calls are held back only because so many answers wait for the client's windows that the process has no
    /// room for more.
    #[inline]
    pub fn is_held_back_by_process(&self) -> bool {
        !self.parked.is_empty()
            && self.held.waiting_bytes() > self.room.wait_bytes
            && self.held.waiting_bytes() + self.charged <= self.hold_back_bytes()
    }

    /// Bytes taken from the output that the driver has not sent, or not given back, yet.
    pub fn set_sending(&mut self, bytes: usize) {
        self.sending = bytes;
    }

    /// The application holds so many bytes more on behalf of this connection's calls.
    pub fn charge(&mut self, bytes: usize) {
        self.charged += bytes;
    }

    /// It holds them no longer.
    pub fn discharge(&mut self, bytes: usize) {
        self.charged = self.charged.saturating_sub(bytes);
    }

    /// Whether a reply of so many bytes may be built now. A small one always may; a larger one when few answers wait,
    /// whatever its size, so that each can finish, and the process has room for it.
    pub fn has_room_for_reply(&self, message_bytes: usize) -> bool {
        if message_bytes <= SMALL_REPLY_BYTES {
            return true;
        }
        let answers = self.unsent_bytes() + self.held.waiting_bytes() + self.charged;
        answers <= self.pause_bytes()
            && self.held_bytes() + message_bytes <= self.limits.connection_buffer_bytes_max
            && self.footprint().other_bytes + message_bytes <= self.room.other_bytes
    }

    /// Gives the memory of an assembled message back, so that the next one needs none. Optional.
    pub fn recycle(&mut self, message: Cow<'_, [u8]>) {
        if let Cow::Owned(buffer) = message {
            self.keep_buffer(buffer);
        }
    }

    /// Lends the buffers of large messages that the thread keeps for all its connections. Without them each large
    /// message gets memory of its own, which is not kept.
    #[inline]
    pub fn lend(&mut self, large: LargeBuffers) {
        self.large = Some(large);
    }

    /// Takes them back.
    #[inline]
    pub fn take_back(&mut self) -> LargeBuffers {
        self.large.take().unwrap_or_default()
    }

    /// Keeps the buffer of a message for another one.
    pub(super) fn keep_buffer(&mut self, buffer: Vec<u8>) {
        match &mut self.large {
            Some(large) if buffer.capacity() > SPARE_BUFFER_BYTES_MAX => large.give(buffer),
            _ => self.spares.give(buffer),
        }
    }

    /// Gives back the memory that only a busy connection needs. Calls that are open keep theirs.
    pub fn trim(&mut self) {
        self.spares.clear();
        self.decoder.trim();
        self.encoder.trim();
        self.memo.trim();
        // The part of a frame, which may be long in coming.
        self.kept.drain(..self.kept_from);
        self.kept_from = 0;
        self.kept.shrink_to_fit();
        if self.pending_block.is_none() {
            self.block = Vec::new();
        }
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        self.streams.trim();
        for line in [&mut self.queue, &mut self.starved, &mut self.parked, &mut self.admissions] {
            if line.is_empty() {
                line.clear();
            }
        }
        if self.events.is_empty() {
            self.events.shrink_to_fit();
        }
    }

    /// When the last call ended, or the connection was accepted when there was none; `None` while calls are open.
    pub fn idle_since_ns(&self) -> Option<u64> {
        (self.streams.open() == 0).then_some(self.idle_since_ns)
    }

    /// When it was last asked for events.
    pub fn heard_ns(&self) -> u64 {
        self.now_ns
    }

    /// What is held when every admitted message is whole.
    pub(super) fn promised_bytes(&self) -> usize {
        self.held.promised_bytes() + self.charged + self.unsent_bytes() + self.inflating_bytes()
    }

    /// Answers on their way to the socket.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.output.len() + self.sending
    }

    /// Unsent answers beyond which no more is read.
    #[inline]
    pub(super) fn pause_bytes(&self) -> usize {
        self.room.pause_bytes
    }

    /// Answers that wait for the client's windows, and bytes on their way to other shards, beyond which no further
    /// call is told of.
    pub(super) fn hold_back_bytes(&self) -> usize {
        self.limits.connection_buffer_bytes_max / 4
    }

    /// Why a part of a message finds no room.
    pub(super) fn room_refusal(&self) -> Status {
        if self.room.other_bytes < self.limits.connection_buffer_bytes_max {
            refuse::process_full(&self.limits)
        } else {
            held::buffer_full(&self.limits)
        }
    }
}
