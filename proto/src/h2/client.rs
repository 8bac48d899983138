//! The client's side of a connection to one server: what it is made of, and the way through it.

mod call;
mod calls;
mod calm;
mod data;
mod ending;
mod event;
mod grant;
mod headers;
mod metadata;
mod receive;
mod refused;
mod request;
mod response;
mod settings;
mod status;
mod time;
mod transmit;

use std::borrow::Cow;
use std::collections::VecDeque;

pub use self::event::{Event, Finished};
pub use self::metadata::Metadata;
pub use self::refused::Refused;
pub use self::request::{Request, Target};
pub use self::time::Keepalive;

use self::calls::Calls;
use self::calm::Calm;
use self::data::DataCursor;
use self::ending::Course;
use self::grant::call_window_bytes;
use self::headers::PendingBlock;
use self::receive::Step;
use self::request::{Fixed, Templates};
use self::response::Memo;
use self::settings::PeerSettings;
use self::time::Pulse;
use crate::frame::HEAD_BYTES;
use crate::h2::event::StreamRef;
use crate::h2::flow::{INITIAL_WINDOW_BYTES, ReceiveWindow, SendWindow};
use crate::h2::held::{Held, Spares};
use crate::h2::input::Input;
use crate::hpack::{Decoder, Encoder};
use crate::limits::{
    CONNECTION_WINDOW_BYTES, CONTROL_FRAMES_MAX, FRAME_BYTES_MAX, HEADER_TABLE_BYTES_MAX, Limits,
    RESETS_REMEMBERED_MAX, SPARE_BUFFER_BYTES_MAX,
};

/// The longest part of a frame that is kept from one read to the next.
const PARTIAL_BYTES_MAX: usize = HEAD_BYTES + FRAME_BYTES_MAX;

/// What a connection is made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bounds that hold on it. `connection_buffer_bytes_max` holds twice: for requests that wait to be sent, and
    /// for parts of replies; `streams_per_connection_max` bounds the calls open at a time, whatever the server allows.
    pub limits: Limits,
    /// `:authority`: the name or address that was connected to, with its port.
    pub authority: String,
    /// `user-agent`.
    pub user_agent: String,
    /// Metadata of every call, as [`Request::metadata`].
    pub metadata: Vec<(String, Vec<u8>)>,
    /// Whether and how the connection finds out that the server is no longer there.
    pub keepalive: Option<Keepalive>,
    /// SETTINGS_HEADER_TABLE_SIZE, at most [`HEADER_TABLE_BYTES_MAX`].
    pub header_table_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            authority: "localhost".to_owned(),
            user_agent: concat!("prism/", env!("CARGO_PKG_VERSION")).to_owned(),
            metadata: Vec::new(),
            keepalive: None,
            header_table_bytes_max: HEADER_TABLE_BYTES_MAX,
        }
    }
}

/// An event that the next poll returns.
#[derive(Debug)]
enum Pending {
    Finished(Finished),
    Writable(StreamRef),
}

/// One connection to a server, without IO.
///
/// [`call`](Self::call) makes a call of one message, [`open`](Self::open), [`send`](Self::send) and
/// [`close_send`](Self::close_send) one of several. What is to be sent collects in [`output`](Self::output), the
/// preface first. Bytes that were read go through [`begin`](Self::begin), [`poll`](Self::poll) until it returns
/// nothing, and [`end`](Self::end); they may be cut anywhere. [`tick`](Self::tick) is called when
/// [`next_tick_ns`](Self::next_tick_ns) has come. Every call ends exactly once: with its [`Finished`] event, or by
/// [`cancel`](Self::cancel).
///
/// ```text
///   FirstSettings --SETTINGS--> Open --GOAWAY, or shut_down--> Going --last call--> finished
///      | other frame              | connection error,             |
///      v                          v no answer to a PING, close    v
///    Over: a GOAWAY is the last that is written; every call that was open finishes as UNAVAILABLE
/// ```
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    course: Course,
    now_ns: u64,
    /// Bytes that were read and not dealt with; the memory of the last such bytes otherwise.
    kept: Vec<u8>,
    /// Where in `kept` they begin.
    kept_from: usize,
    output: Vec<u8>,
    /// Answers to PING and SETTINGS in the output.
    control_frames: usize,
    /// HEADERS or DATA have been sent or received since the last PING.
    is_busy: bool,
    decoder: Decoder,
    encoder: Encoder,
    fixed: Fixed,
    templates: Templates,
    memo: Memo,
    block: Vec<u8>,
    pending_block: Option<PendingBlock>,
    data: Option<DataCursor>,
    events: VecDeque<Pending>,
    /// A call was refused for lack of room.
    wants_ready: bool,
    calls: Calls,
    /// The identifier of the next call, and of the first one whose headers are still in the output.
    next_id: u32,
    unsent_id: u32,
    /// Identifiers that we ended while the server might still send, the last ones; and the highest of those before.
    resets: VecDeque<u32>,
    reset_id_max: u32,
    /// The last identifier that the server takes up, once it has said so.
    last_id: Option<u32>,
    peer: PeerSettings,
    /// Our SETTINGS have been acknowledged.
    is_acknowledged: bool,
    call_window_bytes: u32,
    receive_window: ReceiveWindow,
    send_window: SendWindow,
    /// Calls with bytes that wait for the connection's window only.
    queue: VecDeque<StreamRef>,
    /// Calls that have found no window and want to hear of one.
    starved: VecDeque<StreamRef>,
    /// Calls whose message waits for room.
    admissions: VecDeque<StreamRef>,
    admitted_bytes_max: usize,
    held: Held,
    spares: Spares,
    calm: Calm,
    pulse: Pulse,
    /// No call's time is up before this.
    deadline_floor_ns: u64,
}

impl Connection {
    /// A connection that was made at `now_ns`. Its preface is in the output, and calls may follow at once.
    ///
    /// # Errors
    /// The reason why a field of the configuration cannot be sent.
    pub fn new(config: &Config, now_ns: u64) -> Result<Self, &'static str> {
        let limits = config.limits;
        let call_window_bytes = call_window_bytes(&limits);
        let calls_bytes = call_window_bytes as usize * limits.streams_per_connection_max;
        let header_table_bytes_max = config.header_table_bytes_max.min(HEADER_TABLE_BYTES_MAX);
        let mut connection = Self {
            limits,
            course: Course::FirstSettings,
            now_ns,
            kept: Vec::new(),
            kept_from: 0,
            output: Vec::new(),
            control_frames: 0,
            is_busy: false,
            decoder: Decoder::new(header_table_bytes_max),
            encoder: Encoder::new(),
            fixed: Fixed::new(config)?,
            templates: Templates::default(),
            memo: Memo::default(),
            block: Vec::new(),
            pending_block: None,
            data: None,
            events: VecDeque::new(),
            wants_ready: false,
            calls: Calls::default(),
            next_id: 1,
            unsent_id: 1,
            resets: VecDeque::new(),
            reset_id_max: 0,
            last_id: None,
            peer: PeerSettings::INITIAL,
            is_acknowledged: false,
            call_window_bytes,
            receive_window: ReceiveWindow::new(CONNECTION_WINDOW_BYTES),
            send_window: SendWindow::new(INITIAL_WINDOW_BYTES),
            queue: VecDeque::new(),
            starved: VecDeque::new(),
            admissions: VecDeque::new(),
            admitted_bytes_max: limits.connection_buffer_bytes_max.saturating_sub(calls_bytes),
            held: Held::default(),
            spares: Spares::default(),
            calm: Calm::default(),
            pulse: Pulse::new(config.keepalive, now_ns),
            deadline_floor_ns: u64::MAX,
        };
        connection.write_preface(header_table_bytes_max);
        Ok(connection)
    }

    /// Takes the bytes of one read, which may be none. Frames that are whole in them are read in place.
    pub fn begin<'b>(&mut self, bytes: &'b [u8]) -> Input<'b> {
        if !self.starved.is_empty() {
            self.wake_starved();
        }
        self.pulse.has_read |= !bytes.is_empty();
        let kept = if self.kept.is_empty() { Vec::new() } else { std::mem::take(&mut self.kept) };
        Input::new(kept, std::mem::take(&mut self.kept_from), bytes, 0)
    }

    /// The next event, if the input holds one. `now_ns` is the present on the clock that deadlines are on.
    pub fn poll<'i>(&mut self, input: &'i Input<'_>, now_ns: u64) -> Option<Event<'i>> {
        self.now_ns = self.now_ns.max(now_ns);
        if self.output.is_empty() {
            self.control_frames = 0;
        }
        loop {
            match self.events.pop_front() {
                Some(Pending::Finished(finished)) => {
                    self.calls.remove(finished.call.slot as usize);
                    return Some(Event::Finished(finished));
                }
                Some(Pending::Writable(call)) if self.is_open(call) => return Some(Event::Writable { call }),
                // The call has ended meanwhile.
                Some(Pending::Writable(_)) => continue,
                None => {}
            }
            if self.is_over() || self.wants_pause() {
                return None;
            }
            if self.wants_ready && self.free_calls() > 0 {
                self.wants_ready = false;
                return Some(Event::Ready);
            }
            match self.step(input) {
                Ok(Step::Event(event)) => return Some(event),
                Ok(Step::Continue) => {}
                Ok(Step::Incomplete) => return None,
                Err(error) => self.fail(error),
            }
        }
    }

    /// Keeps what has not been dealt with: the part of a frame, or everything after a pause.
    pub fn end(&mut self, input: Input<'_>) {
        let spare = std::mem::take(&mut self.kept);
        (self.kept, self.kept_from) = input.into_kept(spare);
        if self.is_over() {
            (self.kept, self.kept_from) = (Vec::new(), 0);
            self.drop_input();
        } else if self.kept.len() <= PARTIAL_BYTES_MAX {
            // A pause may have kept more than a frame for a while.
            self.kept.shrink_to(2 * PARTIAL_BYTES_MAX);
        }
    }

    /// What is to be sent; the caller takes all of it and leaves an empty buffer.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Whether so many answers to the server's own frames wait to be sent that no more is read: `poll` returns nothing
    /// until the output has been taken, and then goes on with what was kept, even when no new bytes come. Requests that
    /// wait never keep replies from being read, or both sides could wait for each other.
    pub fn wants_pause(&self) -> bool {
        self.control_frames > CONTROL_FRAMES_MAX && !self.output.is_empty()
    }

    /// Whether there is nothing more to read or to write, and every event has been polled, so that the socket is to be
    /// closed.
    pub fn is_finished(&self) -> bool {
        self.is_over() && self.output.is_empty() && self.events.is_empty()
    }

    /// Calls whose end has not been heard of.
    pub fn open_calls(&self) -> usize {
        self.calls.open()
    }

    /// Bytes of replies that were received and not delivered, and of requests that wait or have not been taken from the
    /// output.
    pub fn held_bytes(&self) -> usize {
        self.held.bytes() + self.output.len() + self.kept.len() - self.kept_from + self.block.len()
    }

    /// Gives the memory of an assembled message back, so that the next one needs none. Optional.
    pub fn recycle(&mut self, message: Cow<'_, [u8]>) {
        if let Cow::Owned(buffer) = message {
            self.spares.give(buffer);
        }
    }

    /// Whether no stream of this identifier has ever been opened: it is above the last, or not a client's.
    fn is_idle(&self, id: u32) -> bool {
        id >= self.next_id || id.is_multiple_of(2)
    }

    /// The server may not know yet that we have ended the stream.
    fn remember_reset(&mut self, id: u32) {
        if self.resets.len() == RESETS_REMEMBERED_MAX
            && let Some(oldest) = self.resets.pop_front()
        {
            self.reset_id_max = self.reset_id_max.max(oldest);
        }
        self.resets.push_back(id);
    }

    /// Whether frames on a closed stream may have crossed our reset.
    fn was_reset(&self, id: u32) -> bool {
        id <= self.reset_id_max || self.resets.contains(&id)
    }

    /// Gives back all that a call holds; its slot stays.
    fn release(&mut self, slot: usize) {
        self.forget_inbound(slot);
        let call = &mut self.calls[slot];
        self.held.waited(call.outbound.waiting_bytes());
        let buffers = [call.outbound.take(), call.inbound.take()];
        let (is_queued, is_starved) = (call.outbound.is_queued, call.outbound.is_starved);
        if is_queued || is_starved {
            let reference = self.calls.reference(slot);
            self.queue.retain(|queued| *queued != reference);
            self.starved.retain(|starved| *starved != reference);
        }
        for buffer in buffers {
            self.spares.give(buffer);
        }
    }

    /// Forgets what is half read.
    fn drop_input(&mut self) {
        self.data = None;
        self.pending_block = None;
        self.block = Vec::new();
        self.kept.shrink_to(SPARE_BUFFER_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests;
