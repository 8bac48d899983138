//! What time alone brings about: deadlines, and the pings that find out whether the server is still there (gRPC A8).

use super::ending::Course;
use super::{Connection, status};
use crate::frame::{self, ErrorCode};
use crate::h2::event::StreamRef;

/// When to ask whether the server is there, as gRPC's A8 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// A PING is sent once nothing has been read for so long. Servers close connections that ping too often: ours takes
    /// one every `limits.ping_interval_min`, others commonly one in five minutes without calls.
    pub interval_ns: u64,
    /// The connection is lost when nothing has been read so long after the PING.
    pub timeout_ns: u64,
    /// Whether to ask while no call is open.
    pub without_calls: bool,
}

/// When something was last heard of the server.
#[derive(Debug)]
pub(super) struct Pulse {
    keepalive: Option<Keepalive>,
    read_ns: u64,
    ping_ns: Option<u64>,
    /// Something has been read since the last tick; when exactly matters little.
    pub(super) has_read: bool,
}

/// The PING of keepalive.
const KEEPALIVE_PING: [u8; 8] = *b"hello?\0\0";

impl Pulse {
    pub(super) fn new(keepalive: Option<Keepalive>, now_ns: u64) -> Self {
        Self { keepalive, read_ns: now_ns, ping_ns: None, has_read: false }
    }

    /// When the next PING, or the end of waiting for its answer, is due.
    fn due_ns(&self, has_calls: bool) -> Option<u64> {
        let keepalive = self.keepalive.filter(|keepalive| has_calls || keepalive.without_calls)?;
        Some(match self.ping_ns {
            Some(ping_ns) => ping_ns.saturating_add(keepalive.timeout_ns),
            None => self.read_ns.saturating_add(keepalive.interval_ns),
        })
    }
}

impl Connection {
    /// When [`Self::tick`] has something to do, at the earliest; `None`: never, as things stand.
    pub fn next_tick_ns(&self) -> Option<u64> {
        if self.course == Course::Over {
            return None;
        }
        let deadline_ns = Some(self.deadline_floor_ns).filter(|&floor_ns| floor_ns != u64::MAX);
        let pulse_ns = self.pulse.due_ns(self.calls.open() > 0);
        deadline_ns.into_iter().chain(pulse_ns).min()
    }

    /// Ends the calls whose time is up with DEADLINE_EXCEEDED, sends a PING when it is due, and takes the connection
    /// for lost when one was not answered. Events wait to be polled.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        if self.course == Course::Over {
            return;
        }
        if self.now_ns >= self.deadline_floor_ns {
            self.expire();
        }
        if std::mem::take(&mut self.pulse.has_read) {
            self.pulse.read_ns = self.now_ns;
            self.pulse.ping_ns = None;
        }
        if self.pulse.due_ns(self.calls.open() > 0).is_some_and(|due_ns| due_ns <= self.now_ns) {
            if self.pulse.ping_ns.is_some() {
                return self.lose();
            }
            self.pulse.ping_ns = Some(self.now_ns);
            frame::write_ping(false, KEEPALIVE_PING, &mut self.output);
        }
    }

    /// Looks at every call, and finds the next deadline. That is rare: with a time-out that is the same for all calls,
    /// once in as long as that.
    fn expire(&mut self) {
        let now_ns = self.now_ns;
        for slot in self.calls.slots(|call| call.deadline_ns <= now_ns && call.deadline_ns != u64::MAX) {
            let StreamRef { id, .. } = self.calls.reference(slot);
            self.write_reset(id, ErrorCode::Cancel);
            self.end_call(slot, status::DEADLINE, false);
        }
        self.deadline_floor_ns = self.calls.iter_mut().map(|call| call.deadline_ns).min().unwrap_or(u64::MAX);
    }
}
