//! How calls and the connection end: errors, GOAWAY (RFC 9113 §6.8), and a connection that is lost.

use super::calls::Reply;
use super::{Connection, Event, Finished, Metadata, Pending, status};
use crate::frame::{self, Error, ErrorCode, GoAway};
use crate::h2::event::StreamRef;
use crate::status::{Code, Status};

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Course {
    /// The server's SETTINGS are awaited; calls may be made.
    FirstSettings,
    /// Anything may come.
    Open,
    /// One side has said that it goes: no new calls, the others finish.
    Going,
    /// Nothing is read any more.
    Over,
}

impl Connection {
    /// Makes no new calls, and finishes with the last one that is open.
    pub fn shut_down(&mut self) {
        self.course = self.course.max(Course::Going);
    }

    /// The socket is lost, or given up: every open call finishes as UNAVAILABLE, and what was not sent is dropped. The
    /// reason is for people, "connection reset by peer" for example.
    pub fn close(&mut self, reason: &str) {
        self.output.clear();
        // Whose headers were written since the output was last handed out has not been sent.
        self.end_everything(self.unsent_id, |is_unsent| {
            let sequel = if is_unsent { "the call was not sent" } else { "the call may have been executed" };
            Status::new(Code::Unavailable, format!("the connection is lost: {reason}; {sequel}"))
        });
    }

    /// Whether new calls are taken.
    pub(super) fn takes_calls(&self) -> bool {
        self.course < Course::Going && self.has_ids()
    }

    /// Whether all that is left is to poll the last events and to close the socket, once the output has gone.
    pub(super) fn is_over(&self) -> bool {
        match self.course {
            Course::Over => true,
            Course::Going => self.calls.open() == 0,
            Course::FirstSettings | Course::Open => false,
        }
    }

    /// The end of a call that the reply itself brings: its event.
    pub(super) fn finish<'i>(&mut self, slot: usize, status: Status, trailers: Metadata) -> Event<'i> {
        let call = self.calls.reference(slot);
        self.release(slot);
        self.calls.remove(slot);
        Event::Finished(Finished { call, status, trailers, is_unprocessed: false })
    }

    /// The same for a call that fails for what the server sent: it is told to stop, unless both sides have ended.
    pub(super) fn abandon<'i>(&mut self, slot: usize, end_stream: bool, status: Status) -> Event<'i> {
        let StreamRef { id, .. } = self.calls.reference(slot);
        if !(end_stream && self.calls[slot].has_ended) {
            self.write_reset(id, ErrorCode::Cancel);
        }
        self.finish(slot, status, Metadata::default())
    }

    /// The end of a call that something else brings: its event waits until it is polled, and its slot with it.
    pub(super) fn end_call(&mut self, slot: usize, status: Status, is_unprocessed: bool) {
        let call = self.calls.reference(slot);
        self.release(slot);
        // Whoever has begun to answer has looked at the call, whatever is said of it later.
        let is_unprocessed = is_unprocessed && self.calls[slot].reply == Reply::Awaited;
        self.calls[slot].reply = Reply::Over;
        let trailers = Metadata::default();
        self.events.push_back(Pending::Finished(Finished { call, status, trailers, is_unprocessed }));
    }

    /// Ends the connection, or one call, for what the server did.
    pub(super) fn fail(&mut self, error: Error) {
        match error {
            Error::Connection { code, reason } => self.go_away(code, reason),
            // A stream that has never been opened cannot be reset (RFC 9113 §6.4).
            Error::Stream { stream, code, reason } if self.is_idle(stream) => self.go_away(code, reason),
            Error::Stream { stream, code, reason } => {
                self.write_reset(stream, code);
                if let Some(slot) = self.calls.find(stream) {
                    self.end_call(
                        slot,
                        Status::new(Code::Internal, format!("the server broke HTTP/2: {reason}")),
                        false,
                    );
                }
                if let Err(Error::Connection { code, reason }) =
                    self.calm.disturb(self.now_ns, "too many frames that break their stream's rules")
                {
                    self.go_away(code, reason);
                }
            }
        }
    }

    /// GOAWAY with an error: nothing is read after it.
    fn go_away(&mut self, code: ErrorCode, reason: &'static str) {
        // The server has opened no streams, so that none of its own was processed.
        frame::write_goaway(0, code, reason.as_bytes(), &mut self.output);
        self.end_everything(self.next_id, |_| {
            Status::new(Code::Unavailable, format!("the connection failed: {reason}; the call may have been executed"))
        });
    }

    /// No answer to a PING: the server is taken for dead.
    pub(super) fn lose(&mut self) {
        self.close("the server has not answered a keepalive PING");
    }

    /// Ends all calls with the status that `of` makes, which is told whether a call is at or above `unsent_id`.
    fn end_everything(&mut self, unsent_id: u32, of: impl Fn(bool) -> Status) {
        self.course = Course::Over;
        for slot in self.calls.slots(|_| true) {
            let is_unsent = self.calls[slot].id >= unsent_id;
            self.end_call(slot, of(is_unsent), is_unsent);
        }
        self.drop_input();
    }

    /// GOAWAY: what the server has not taken up may be made again elsewhere. A second one may lower the mark, not raise
    /// it.
    pub(super) fn receive_goaway<'i>(&mut self, goaway: &GoAway<'i>) -> Result<Event<'i>, Error> {
        let last_id = goaway.last_stream;
        if self.last_id.is_some_and(|earlier| last_id > earlier) {
            return Err(Error::connection(ErrorCode::ProtocolError, "GOAWAY with a higher last stream than before"));
        }
        if self.last_id.is_some() {
            self.calm.disturb(self.now_ns, "too many GOAWAY frames")?;
        }
        self.last_id = Some(last_id);
        self.course = Course::Going;
        for slot in self.calls.slots(|call| call.id > last_id) {
            let StreamRef { id, .. } = self.calls.reference(slot);
            self.remember_reset(id);
            self.end_call(slot, status::NOT_TAKEN_UP, true);
        }
        Ok(Event::GoAway { code: goaway.code, debug_data: goaway.debug_data })
    }
}
