//! Which frame may come when, and where it goes.

use super::calls::Reply;
use super::ending::Course;
use super::{Connection, Event, Finished, Metadata, status};
use crate::frame::{self, Error, ErrorCode, HEAD_BYTES, flag, kind};
use crate::h2::input::{Frame, Input, Next};
use crate::limits::FRAME_BYTES_MAX;

/// One step through an input.
pub(super) enum Step<'i> {
    /// Something for the application.
    Event(Event<'i>),
    /// Nothing, and there may be more.
    Continue,
    /// The rest of the input is no whole frame.
    Incomplete,
}

/// What a server that speaks HTTP/1.1 begins with.
const HTTP1: &[u8] = b"HTTP/1.";

impl Connection {
    /// Deals with what is at the input's position.
    pub(super) fn step<'i>(&mut self, input: &'i Input<'_>) -> Result<Step<'i>, Error> {
        let frame = match input.next() {
            Next::Frame(frame) => frame,
            Next::TooLong(head) => {
                if self.course == Course::FirstSettings && input.remaining().starts_with(HTTP1) {
                    return Err(Error::connection(ErrorCode::Http11Required, "the server speaks HTTP/1.1, not HTTP/2"));
                }
                head.check_length(FRAME_BYTES_MAX)?;
                return Ok(Step::Incomplete);
            }
            Next::Incomplete => return Ok(Step::Incomplete),
        };
        let outcome = self.receive_frame(&frame);
        if self.data.is_none() {
            input.advance(HEAD_BYTES + frame.payload.len());
        }
        Ok(outcome?.map_or(Step::Continue, Step::Event))
    }

    fn receive_frame<'i>(&mut self, frame: &Frame<'i>) -> Result<Option<Event<'i>>, Error> {
        let head = &frame.head;
        if self.pending_block.is_some() && head.kind != kind::CONTINUATION {
            return Err(Error::connection(ErrorCode::ProtocolError, "another frame inside a header block"));
        }
        if self.course == Course::FirstSettings && (head.kind != kind::SETTINGS || head.has(flag::ACK)) {
            return Err(Error::connection(ErrorCode::ProtocolError, "the first frame is not SETTINGS"));
        }
        match head.kind {
            kind::DATA => return self.receive_data(frame),
            kind::HEADERS => return self.receive_headers(frame),
            kind::CONTINUATION => return self.receive_continuation(frame),
            kind::RST_STREAM => return self.receive_reset(frame),
            kind::GOAWAY => return self.receive_goaway(&frame::goaway(head, frame.payload)?).map(Some),
            kind::SETTINGS => {
                let settings = frame::settings(head, frame.payload)?;
                self.receive_settings(&settings)?;
            }
            kind::PING => self.receive_ping(frame)?,
            kind::WINDOW_UPDATE => self.receive_window_update(frame)?,
            kind::PUSH_PROMISE => {
                return Err(Error::connection(ErrorCode::ProtocolError, "PUSH_PROMISE, although push is switched off"));
            }
            kind::PRIORITY => {
                frame::priority(head, frame.payload)?;
                self.calm.disturb(self.now_ns, "too many PRIORITY frames")?;
            }
            // RFC 9113 §5.5: unknown kinds are ignored.
            _ => self.calm.disturb(self.now_ns, "too many frames of unknown kinds")?,
        }
        Ok(None)
    }

    /// PING. A server may measure as often as there is traffic.
    fn receive_ping(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let opaque = frame::ping(&frame.head, frame.payload)?;
        if frame.head.has(flag::ACK) {
            return self.calm_unless_busy("too many answers to PING");
        }
        self.calm_unless_busy("too many PING frames")?;
        frame::write_ping(true, opaque, &mut self.output);
        self.control_frames += 1;
        Ok(())
    }

    fn calm_unless_busy(&mut self, what: &'static str) -> Result<(), Error> {
        if std::mem::take(&mut self.is_busy) {
            return Ok(());
        }
        self.calm.disturb(self.now_ns, what)
    }

    /// RST_STREAM: ends a call.
    fn receive_reset<'i>(&mut self, frame: &Frame<'_>) -> Result<Option<Event<'i>>, Error> {
        let code = frame::rst_stream(&frame.head, frame.payload)?;
        let id = frame.head.stream;
        if self.is_idle(id) {
            return Err(Error::connection(ErrorCode::ProtocolError, "RST_STREAM on an idle stream"));
        }
        let Some(slot) = self.calls.find(id) else {
            // It crossed the end that we gave the stream; or, as servers that answer early send it, asks us to stop.
            if !self.forget_reset(id) {
                self.calm.disturb(self.now_ns, "too many resets of closed streams")?;
            }
            return Ok(None);
        };
        // Whoever has begun to answer has looked at the call.
        let is_unprocessed = code == ErrorCode::RefusedStream && self.calls[slot].reply == Reply::Awaited;
        let Event::Finished(finished) = self.finish(slot, status::of_reset(code), Metadata::default()) else {
            return Ok(None);
        };
        Ok(Some(Event::Finished(Finished { is_unprocessed, ..finished })))
    }

    fn receive_window_update(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let id = frame.head.stream;
        if id != 0 && self.is_idle(id) {
            return Err(Error::connection(ErrorCode::ProtocolError, "WINDOW_UPDATE on an idle stream"));
        }
        let increment = frame::window_update(&frame.head, frame.payload)?;
        if id == 0 {
            let was_closed = self.send_window.available() == 0;
            self.send_window.grow(increment).map_err(|_| {
                Error::connection(ErrorCode::FlowControlError, "the connection's window exceeds 2^31-1")
            })?;
            self.transmit();
            // Whom an open window has left waiting waits for another.
            if was_closed {
                self.wake_starved();
            }
            return Ok(());
        }
        // On a closed stream it crossed our last frame on its way (RFC 9113 §5.1).
        let Some(slot) = self.calls.find(id) else { return Ok(()) };
        self.calls[slot]
            .send_window
            .grow(increment)
            .map_err(|_| Error::stream(id, ErrorCode::FlowControlError, "the stream's window exceeds 2^31-1"))?;
        self.queue_waiting(slot);
        self.transmit();
        self.wake(slot);
        Ok(())
    }
}
