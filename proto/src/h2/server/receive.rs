//! Which frame may come when, and where it goes.

use super::calm::Disturbance;
use super::count::Count;
use super::{Connection, Pending, Phase};
use crate::frame::{self, Error, ErrorCode, HEAD_BYTES, PREFACE, flag, kind};
use crate::h2::event::Event;
use crate::h2::input::{Frame, Input, Next};
use crate::limits::{FRAME_BYTES_MAX, WINDOW_INCREMENT_BYTES_LOW};

/// What a client that speaks HTTP/1.1 is told.
const HTTP1_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 34\r\n\
    connection: close\r\n\r\nThis port speaks gRPC over HTTP/2\n";

/// One step through an input.
pub(super) enum Step<'i> {
    /// Something for the application.
    Event(Event<'i>),
    /// Nothing, and there may be more.
    Continue,
    /// The rest of the input is no whole frame.
    Incomplete,
}

impl Connection {
    /// Deals with what is at the input's position.
    pub(super) fn step<'i>(&mut self, input: &'i Input<'_>) -> Result<Step<'i>, Error> {
        if self.phase == Phase::Preface {
            return Ok(self.receive_preface(input));
        }
        if self.data_rest.is_some() {
            return self.receive_rest(input);
        }
        let frame = match input.next() {
            Next::Frame(frame) => frame,
            Next::TooLong(head) => {
                head.check_length(FRAME_BYTES_MAX)?;
                return Ok(Step::Incomplete);
            }
            Next::Incomplete => return self.receive_part(input),
        };
        let outcome = self.receive_frame(&frame);
        if self.data.is_none() {
            input.advance(HEAD_BYTES + frame.payload.len());
        }
        Ok(outcome?.map_or(Step::Continue, Step::Event))
    }

    /// The client's preface (RFC 9113 §3.4). The first byte that differs is enough to know better.
    fn receive_preface<'i>(&mut self, input: &'i Input<'_>) -> Step<'i> {
        let bytes = input.remaining();
        let common = bytes.len().min(PREFACE.len());
        if bytes[..common] != PREFACE[..common] {
            self.calm.counts.add(Count::EndedNotHttp2);
            if bytes.first().is_some_and(u8::is_ascii_alphabetic) {
                self.output.extend_from_slice(HTTP1_ANSWER);
            } else {
                self.write_preface();
                let reason = b"the client preface of HTTP/2 was expected";
                frame::write_goaway(0, ErrorCode::ProtocolError, reason, &mut self.output);
            }
            self.phase = Phase::Over;
        } else if common == PREFACE.len() {
            input.advance(PREFACE.len());
            self.write_preface();
            self.phase = Phase::FirstSettings;
        } else {
            return Step::Incomplete;
        }
        Step::Continue
    }

    fn receive_frame<'i>(&mut self, frame: &Frame<'i>) -> Result<Option<Event<'i>>, Error> {
        let head = &frame.head;
        if self.pending_block.is_some() && head.kind != kind::CONTINUATION {
            return Err(Error::connection(ErrorCode::ProtocolError, "another frame inside a header block"));
        }
        if self.phase == Phase::FirstSettings {
            if head.kind != kind::SETTINGS || head.has(flag::ACK) {
                return Err(Error::connection(ErrorCode::ProtocolError, "the first frame is not SETTINGS"));
            }
            self.phase = Phase::Open;
        }
        match head.kind {
            kind::DATA => return self.receive_data(frame),
            kind::HEADERS => return self.receive_headers(frame),
            kind::CONTINUATION => return self.receive_continuation(frame),
            kind::RST_STREAM => return self.receive_reset(frame),
            kind::PRIORITY => {
                self.calm.disturb(self.now_ns, Disturbance::PriorityFrames)?;
                frame::priority(head, frame.payload)?;
            }
            kind::SETTINGS => {
                let settings = frame::settings(head, frame.payload)?;
                self.receive_settings(&settings)?;
            }
            kind::PING => self.receive_ping(frame)?,
            kind::WINDOW_UPDATE => self.receive_window_update(frame)?,
            kind::GOAWAY => {
                frame::goaway(head, frame.payload)?;
                if std::mem::replace(&mut self.peer_goes, true) {
                    self.calm.disturb(self.now_ns, Disturbance::StrayFrames)?;
                }
            }
            kind::PUSH_PROMISE => {
                return Err(Error::connection(ErrorCode::ProtocolError, "PUSH_PROMISE from a client"));
            }
            // RFC 9113 §5.5: unknown kinds are ignored.
            _ => self.calm.disturb(self.now_ns, Disturbance::StrayFrames)?,
        }
        Ok(None)
    }

    fn receive_ping(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let opaque = frame::ping(&frame.head, frame.payload)?;
        if frame.head.has(flag::ACK) {
            return self.ping_answered(opaque);
        }
        self.calm.ping(self.now_ns, self.limits.ping_interval_min_ns, self.sent_frames)?;
        frame::write_ping(true, opaque, &mut self.output);
        self.count_control();
        Ok(())
    }

    /// RST_STREAM: ends a call that may be under way in the application.
    fn receive_reset<'i>(&mut self, frame: &Frame<'_>) -> Result<Option<Event<'i>>, Error> {
        frame::rst_stream(&frame.head, frame.payload)?;
        if self.is_idle(frame.head.stream) {
            return Err(Error::connection(ErrorCode::ProtocolError, "RST_STREAM on an idle stream"));
        }
        let Some(slot) = self.streams.find(frame.head.stream) else {
            self.forget_reset(frame.head.stream);
            self.calm.disturb(self.now_ns, Disturbance::StrayFrames)?;
            return Ok(None);
        };
        let stream = self.streams.reference(slot);
        let is_heard = self.streams[slot].is_announced && !self.streams[slot].is_answered;
        self.release(slot);
        self.calm.disturb(self.now_ns, Disturbance::ResetsReceived)?;
        Ok(is_heard.then_some(Event::Reset { stream }))
    }

    fn receive_window_update(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let id = frame.head.stream;
        if id != 0 && self.is_idle(id) {
            return Err(Error::connection(ErrorCode::ProtocolError, "WINDOW_UPDATE on an idle stream"));
        }
        self.calm.window_update(self.now_ns, self.sent_frames)?;
        let increment = frame::window_update(&frame.head, frame.payload)?;
        if id == 0 {
            self.send_window.grow(increment).map_err(|_| {
                Error::connection(ErrorCode::FlowControlError, "the connection's window exceeds 2^31-1")
            })?;
            self.transmit();
            self.wake_starved();
            return self.check_increment(increment, !self.queue.is_empty());
        }
        // On a closed stream it crossed our last frame on its way (RFC 9113 §5.1).
        let Some(slot) = self.streams.find(id) else { return Ok(()) };
        self.streams[slot]
            .send_window
            .grow(increment)
            .map_err(|_| Error::stream(id, ErrorCode::FlowControlError, "the stream's window exceeds 2^31-1"))?;
        self.queue_waiting(slot);
        self.transmit();
        let Some(slot) = self.streams.find(id) else { return Ok(()) };
        self.wake(slot);
        self.check_increment(increment, self.streams[slot].outbound.waiting_bytes() > 0)
    }

    /// Who lets a reply go in crumbs makes a frame of each.
    fn check_increment(&mut self, increment: u32, more_waits: bool) -> Result<(), Error> {
        if increment < WINDOW_INCREMENT_BYTES_LOW && more_waits {
            self.calm.disturb(self.now_ns, Disturbance::SmallWindows)?;
        }
        Ok(())
    }

    /// Tells the application, at the next poll, that a call it knows is over.
    pub(super) fn announce_reset(&mut self, slot: usize) {
        if self.streams[slot].is_announced && !self.streams[slot].is_answered {
            self.events.push_back(Pending::Reset(self.streams.reference(slot)));
        }
    }
}
