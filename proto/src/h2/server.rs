//! The server's side of one client connection: what it is made of, and the way through it.

mod begun;
mod calm;
mod count;
mod data;
mod drain;
mod expire;
mod grant;
mod head;
mod headers;
mod inflate;
mod line;
mod meaning;
mod memo;
mod part;
mod receive;
mod refuse;
mod respond;
mod rest;
mod room;
mod settings;
mod stall;
mod straight;
mod stream;
mod streams;
mod transmit;
mod written;

use std::collections::VecDeque;
use std::ops::Range;

use self::calm::Calm;
pub use self::count::{Count, Counts};
use self::data::DataCursor;
use self::drain::Drain;
use self::headers::{Decoded, PendingBlock};
use self::inflate::Inflating;
use self::line::Line;
use self::memo::Memo;
use self::part::DataRest;
use self::receive::Step;
pub use self::room::Footprint;
use self::room::Room;
use self::settings::{PeerSettings, stream_window_bytes};
use self::streams::Streams;
use self::written::Written;
use crate::frame::{Error, HEAD_BYTES, PREFACE, flag};
use crate::h2::event::{Event, StreamRef};
use crate::h2::flow::{ReceiveWindow, SendWindow};
use crate::h2::held::{Held, Spares};
use crate::h2::input::{self, Input};
use crate::h2::large::LargeBuffers;
use crate::hpack::{Decoder, Encoder};
use crate::limits::{
    CONNECTION_WINDOW_BYTES, CONTROL_FRAMES_MAX, FRAME_BYTES_MAX, HEADER_TABLE_BYTES_MAX, Limits,
    RESETS_REMEMBERED_MAX, SPARE_BUFFER_BYTES_MAX,
};

/// The longest part of a frame that is kept from one read to the next.
const PARTIAL_BYTES_MAX: usize = HEAD_BYTES + FRAME_BYTES_MAX;

/// What a connection is made with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Config {
    /// The bounds that hold on it.
    pub limits: Limits,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The client's 24 bytes are awaited.
    Preface,
    /// Its SETTINGS are.
    FirstSettings,
    /// Anything may come.
    Open,
    /// Nothing is read or answered any more.
    Over,
}

/// An event that the next poll returns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pending {
    HalfClosed(StreamRef),
    Reset(StreamRef),
    Writable(StreamRef),
}

/// One client's connection, without IO.
///
/// Bytes that were read go through [`begin`](Self::begin), [`poll`](Self::poll) until it returns nothing, and
/// [`end`](Self::end); answers and everything else to be sent collect in [`output`](Self::output). Bytes may be cut
/// anywhere. Time comes with each call that needs it.
///
/// ```text
///   Preface --24 bytes--> FirstSettings --SETTINGS--> Open --drained, or the client went--> finished
///      | other bytes          | other frame            | connection error
///      v                      v                        v
///    Over: an answer of HTTP/1.1 or a GOAWAY is the last that is written
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(super) limits: Limits,
    pub(super) phase: Phase,
    pub(super) drain: Drain,
    pub(super) drain_reason: &'static str,
    pub(super) peer_goes: bool,
    /// The client's side of the socket is closed.
    pub(super) has_input_ended: bool,
    pub(super) now_ns: u64,
    /// Bytes that were read and not dealt with; the memory of the last such bytes otherwise.
    kept: Vec<u8>,
    /// Where in `kept` they begin.
    kept_from: usize,
    pub(super) output: Vec<u8>,
    /// Bytes taken from the output that the driver still holds.
    pub(super) sending: usize,
    /// Answers to PING, SETTINGS and the like in the output.
    control_frames: usize,
    /// Frames of HEADERS and DATA that have been sent; wraps.
    pub(super) sent_frames: u32,
    pub(super) decoder: Decoder,
    pub(super) encoder: Encoder,
    pub(super) memo: Memo,
    /// Our plain response headers, without and with our encodings, and trailers, as they were written last.
    pub(super) written_headers: [Written; 2],
    pub(super) written_trailers: Written,
    pub(super) block: Vec<u8>,
    pub(super) pending_block: Option<PendingBlock>,
    /// What the block of the next frame was, when it has been decoded already.
    pub(super) decoded: Option<Box<Result<Decoded, Error>>>,
    pub(super) data: Option<DataCursor>,
    /// The frame whose content comes next, when its beginning has been taken.
    pub(super) data_rest: Option<DataRest>,
    pub(super) inflating: Option<Box<Inflating>>,
    pub(super) events: VecDeque<Pending>,
    pub(super) streams: Streams,
    /// The highest identifier that the client has used, and the highest that was served: they differ while draining.
    pub(super) last_seen_id: u32,
    pub(super) last_id: u32,
    /// The identifiers that the client passed over when it last passed over any; earlier ones count as used.
    skipped: Range<u32>,
    /// Identifiers that we reset last: what the client sent before it knew is ignored.
    resets: VecDeque<u32>,
    pub(super) peer: PeerSettings,
    /// Our SETTINGS have been acknowledged.
    pub(super) is_acknowledged: bool,
    pub(super) stream_window_bytes: u32,
    /// The longest DATA frame that a call may have which goes the straight way.
    pub(super) straight_bytes_max: u32,
    pub(super) receive_window: ReceiveWindow,
    pub(super) send_window: SendWindow,
    /// Streams with bytes that wait for the connection's window only.
    pub(super) queue: Line,
    /// Streams that have found no window of the connection, or no room, and want to hear of one.
    pub(super) starved: Line,
    /// Calls that wait until there is room for their replies.
    pub(super) parked: Line,
    /// Streams whose message waits for room.
    pub(super) admissions: Line,
    pub(super) admitted_bytes_max: usize,
    pub(super) held: Held,
    /// No message that has room can be too slow earlier.
    pub(super) stall_ns: u64,
    /// What the application holds for this connection's calls.
    pub(super) charged: usize,
    /// What the connection may hold, as the process has room.
    pub(super) room: Room,
    pub(super) spares: Spares,
    /// The buffers of large messages of the thread, while they are lent.
    pub(super) large: Option<LargeBuffers>,
    pub(super) calm: Calm,
    /// No open call has an earlier deadline; calls that are over may have had one. `u64::MAX`: none.
    pub(super) deadline_ns: u64,
    /// When the last call ended, or the connection was accepted.
    pub(super) idle_since_ns: u64,
    /// The last call that was over by then.
    idle_after_id: u32,
    /// What may still be done before `poll` makes a break.
    effort_left: usize,
}

impl Connection {
    /// A connection that was accepted at `now_ns`. Nothing is written before the client's preface has come: whoever
    /// speaks HTTP/1.1 gets an answer that he can read.
    pub fn new(config: &Config, now_ns: u64) -> Self {
        let limits = config.limits;
        let stream_window_bytes = stream_window_bytes(&limits);
        let streams_bytes = stream_window_bytes as usize * limits.streams_per_connection_max;
        Self {
            limits,
            phase: Phase::Preface,
            drain: Drain::No,
            drain_reason: "",
            peer_goes: false,
            has_input_ended: false,
            now_ns,
            kept: Vec::new(),
            kept_from: 0,
            output: Vec::new(),
            sending: 0,
            control_frames: 0,
            sent_frames: 0,
            decoder: Decoder::new(HEADER_TABLE_BYTES_MAX),
            encoder: Encoder::new(),
            memo: Memo::default(),
            written_headers: [Written::new(flag::END_HEADERS); 2],
            written_trailers: Written::new(flag::END_HEADERS | flag::END_STREAM),
            block: Vec::new(),
            pending_block: None,
            decoded: None,
            data: None,
            data_rest: None,
            inflating: None,
            events: VecDeque::new(),
            streams: Streams::default(),
            last_seen_id: 0,
            last_id: 0,
            skipped: 0..0,
            resets: VecDeque::new(),
            peer: PeerSettings::INITIAL,
            is_acknowledged: false,
            stream_window_bytes,
            straight_bytes_max: straight::bytes_max(&limits, stream_window_bytes),
            receive_window: ReceiveWindow::new(CONNECTION_WINDOW_BYTES),
            send_window: SendWindow::new(crate::h2::flow::INITIAL_WINDOW_BYTES),
            queue: Line::default(),
            starved: Line::default(),
            parked: Line::default(),
            admissions: Line::default(),
            admitted_bytes_max: limits.connection_buffer_bytes_max.saturating_sub(streams_bytes),
            held: Held::default(),
            stall_ns: 0,
            charged: 0,
            room: Room::new(&limits, Footprint::UNBOUNDED),
            spares: Spares::default(),
            large: None,
            calm: Calm::new(&limits),
            deadline_ns: u64::MAX,
            idle_since_ns: now_ns,
            idle_after_id: 0,
            effort_left: usize::MAX,
        }
    }

    /// The same connection, with a secret that keeps a client from choosing stream identifiers that are slow to find.
    pub fn with_secret(mut self, secret: u64) -> Self {
        self.streams.set_secret(secret);
        self
    }

    /// Takes the bytes of one read, which may be none. Frames that are whole in them are read in place.
    pub fn begin<'b>(&mut self, bytes: &'b [u8]) -> Input<'b> {
        let skip = if self.phase == Phase::Preface { PREFACE.len() } else { self.rest_bytes() };
        if !self.starved.is_empty() {
            self.wake_starved();
        }
        if !self.admissions.is_empty() {
            self.admit_waiting();
        }
        let kept = if self.kept.is_empty() { Vec::new() } else { std::mem::take(&mut self.kept) };
        Input::new(kept, std::mem::take(&mut self.kept_from), bytes, skip)
    }

    /// The next event, if the input holds one. `now_ns` is the present on the clock that deadlines are on.
    #[inline]
    pub fn poll<'i>(&mut self, input: &'i Input<'_>, now_ns: u64) -> Option<Event<'i>> {
        self.now_ns = self.now_ns.max(now_ns);
        if self.output.is_empty() {
            self.control_frames = 0;
        }
        match self.straight_call(input) {
            Some(call) => Some(Event::Unary(call)),
            None => self.next_event(input),
        }
    }

    /// The next event, whatever it is.
    #[inline(never)]
    fn next_event<'i>(&mut self, input: &'i Input<'_>) -> Option<Event<'i>> {
        loop {
            if let Some(pending) = self.events.pop_front() {
                match pending {
                    Pending::Reset(stream) => return Some(Event::Reset { stream }),
                    Pending::HalfClosed(stream) if self.is_open(stream) => return Some(Event::HalfClosed { stream }),
                    Pending::Writable(stream) if self.is_open(stream) => return Some(Event::Writable { stream }),
                    // The application has ended the call meanwhile.
                    Pending::HalfClosed(_) | Pending::Writable(_) => continue,
                }
            }
            if self.is_over() || self.wants_pause() || self.effort_left == 0 {
                return None;
            }
            if let Some(event) = self.next_parked() {
                return Some(event);
            }
            // Inflating may have taken what was left of this turn.
            if self.effort_left == 0 {
                return None;
            }
            self.spend(1);
            match self.step(input) {
                Ok(Step::Event(event)) => return Some(event),
                Ok(Step::Continue) => {
                    if let Some(call) = self.straight_call_later(input) {
                        return Some(Event::Unary(call));
                    }
                }
                Ok(Step::Incomplete) => return None,
                Err(error) => self.fail(error),
            }
        }
    }

    /// Keeps what has not been dealt with: the part of a frame, or everything after a pause.
    pub fn end(&mut self, input: Input<'_>) {
        if self.effort_left == 0 && !self.is_over() && !self.wants_pause() {
            self.take_more(&input);
        }
        let spare = std::mem::take(&mut self.kept);
        (self.kept, self.kept_from) = input.into_kept(spare);
        if self.streams.open() == 0 {
            self.deadline_ns = u64::MAX;
            if std::mem::replace(&mut self.idle_after_id, self.last_id) != self.last_id {
                self.idle_since_ns = self.now_ns;
            }
        }
        if self.is_over() {
            (self.kept, self.kept_from) = (Vec::new(), 0);
        } else if self.kept.len() <= PARTIAL_BYTES_MAX {
            // A pause may have kept more than a frame for a while.
            self.kept.shrink_to(2 * PARTIAL_BYTES_MAX);
        }
        if self.has_input_ended {
            self.abandon_incomplete();
        }
    }

    /// What is to be sent; the caller takes it and leaves an empty buffer.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Whether so much waits to be sent that no more is read: `poll` returns nothing until the output has been taken,
    /// and then goes on with what was kept, even when no new bytes come.
    pub fn wants_pause(&self) -> bool {
        self.unsent_bytes() > self.pause_bytes()
            || (self.control_frames > CONTROL_FRAMES_MAX && !self.output.is_empty())
    }

    /// Whether the next `poll` has something to go on with even when no new bytes come: because it was not asked to the
    /// end, or wanted a pause.
    pub fn has_more(&self) -> bool {
        let kept = &self.kept[self.kept_from..];
        let has_rest = self.data_rest.is_some() && !kept.is_empty();
        let has_frame = has_rest || (self.phase != Phase::Preface && input::begins_with_frame(kept));
        let has_call = self.inflating.is_some() || (!self.parked.is_empty() && !self.holds_back());
        has_frame || !self.events.is_empty() || has_call
    }

    /// Sets how much is done before `poll` returns nothing, although there is more: one for each frame that does not go
    /// the straight way, more for those that are costly, and what the application adds by [`Self::spend`]. Without a
    /// call there is no such bound.
    pub fn set_effort(&mut self, effort: usize) {
        self.effort_left = effort;
    }

    /// Counts what was done for this connection.
    #[inline]
    pub fn spend(&mut self, effort: usize) {
        self.effort_left = self.effort_left.saturating_sub(effort);
    }

    /// What may still be done.
    #[inline]
    pub fn effort_left(&self) -> usize {
        self.effort_left
    }

    /// What has been counted since the last call, if anything has.
    #[inline]
    pub fn take_counts(&mut self) -> Option<Counts> {
        self.calm.counts.take()
    }

    /// Whether the client has yet to send its preface and SETTINGS, or to acknowledge ours.
    pub fn is_shaking_hands(&self) -> bool {
        !self.is_acknowledged && self.phase != Phase::Over
    }

    /// Whether there is nothing more to read or to write, so that the socket is to be closed.
    pub fn is_finished(&self) -> bool {
        self.is_over() && self.output.is_empty()
    }

    /// Calls that have no complete answer yet.
    pub fn open_calls(&self) -> usize {
        self.streams.open()
    }

    /// Bytes that were read and not dealt with: the part of a frame, or everything after a pause.
    pub fn kept_bytes(&self) -> usize {
        self.kept.len() - self.kept_from
    }

    /// One more frame of the output that only the peer's frames have caused.
    pub(super) fn count_control(&mut self) {
        self.control_frames += 1;
    }

    /// Whether no stream of this identifier has ever been opened: it is above the last, or not a client's.
    pub(super) fn is_idle(&self, id: u32) -> bool {
        id > self.last_seen_id || id.is_multiple_of(2)
    }

    /// The client has used an identifier that was idle, which closes the idle ones below it (RFC 9113 §5.1.1).
    pub(super) fn use_id(&mut self, id: u32) {
        if id > self.last_seen_id + 2 {
            self.skipped = self.last_seen_id + 1..id;
        }
        self.last_seen_id = id;
    }

    /// Whether a stream of this identifier is closed only because the client has passed over it.
    pub(super) fn was_skipped(&self, id: u32) -> bool {
        self.skipped.contains(&id)
    }

    /// Whether new calls are ignored: the client has been told so.
    pub(super) fn ignores_new_calls(&self) -> bool {
        self.drain == Drain::Final
    }

    pub(super) fn remember_reset(&mut self, id: u32) {
        if self.resets.len() == RESETS_REMEMBERED_MAX {
            self.resets.pop_front();
        }
        self.resets.push_back(id);
    }

    /// The client has reset the stream too: nothing that it sends after that has crossed ours.
    pub(super) fn forget_reset(&mut self, id: u32) {
        self.resets.retain(|reset| *reset != id);
    }

    /// Whether frames on a closed stream may have crossed our reset, or our GOAWAY.
    pub(super) fn was_reset(&self, id: u32) -> bool {
        id > self.last_id || self.resets.contains(&id)
    }

    /// Forgets a stream and gives back all that it held.
    pub(super) fn release(&mut self, slot: usize) {
        self.forget_inbound(slot);
        self.forget_inflating(self.streams.reference(slot));
        let stream = &mut self.streams[slot];
        self.held.waited(stream.outbound.buffer_bytes());
        let buffers = [stream.outbound.take(), stream.inbound.take()];
        let (is_queued, is_in_line) = (stream.outbound.is_queued, stream.outbound.is_in_line);
        let is_parked = stream.is_parked;
        self.streams.remove(slot);
        if self.streams.open() == 0 {
            (self.idle_since_ns, self.idle_after_id) = (self.now_ns, self.last_id);
        }
        for (is_in, line) in
            [(is_queued, &mut self.queue), (is_in_line, &mut self.starved), (is_parked, &mut self.parked)]
        {
            if is_in {
                line.vanish(&self.streams);
            }
        }
        for buffer in buffers {
            self.keep_buffer(buffer);
        }
    }

    /// Forgets everything but the output.
    pub(super) fn drop_everything(&mut self) {
        self.streams.clear();
        self.events.clear();
        self.queue.clear();
        self.starved.clear();
        self.parked.clear();
        self.admissions.clear();
        self.held = Held::default();
        self.charged = 0;
        self.data = None;
        self.data_rest = None;
        self.inflating = None;
        self.pending_block = None;
        self.decoded = None;
        self.block = Vec::new();
        self.kept.shrink_to(SPARE_BUFFER_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests;
