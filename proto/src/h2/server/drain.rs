//! The end of a connection: GOAWAY for errors, and the two steps of a graceful one (RFC 9113 §6.8).

use super::calm::Disturbance;
use super::count::Count;
use super::{Connection, Phase};
use crate::frame::{self, Error, ErrorCode, STREAM_MAX};

/// How far a graceful end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Drain {
    /// Not begun.
    No,
    /// GOAWAY with the highest identifier and a PING are out: calls that cross them on their way are still served.
    Announced,
    /// GOAWAY with the last call's identifier is out: later ones are ignored, for the client knows to repeat them.
    Final,
}

/// The PING whose answer says that the client has seen the first GOAWAY.
const DRAIN_PING: [u8; 8] = *b"draining";

impl Connection {
    /// Asks the client to go: a GOAWAY that refuses nothing yet and a PING; once that is answered, the GOAWAY that
    /// counts. Called again before the answer, it goes on without it. Calls in flight finish; then the connection does.
    pub fn drain(&mut self, now_ns: u64) {
        self.retire(now_ns, "draining");
    }

    /// As [`Self::drain`], with the reason that the client is told; the first one is told both times.
    pub fn retire(&mut self, now_ns: u64, reason: &'static str) {
        self.now_ns = self.now_ns.max(now_ns);
        match (self.phase, self.drain) {
            (Phase::Preface | Phase::Over, _) => self.phase = Phase::Over,
            (_, Drain::No) => {
                self.drain = Drain::Announced;
                self.drain_reason = reason;
                frame::write_goaway(STREAM_MAX, ErrorCode::NoError, reason.as_bytes(), &mut self.output);
                frame::write_ping(false, DRAIN_PING, &mut self.output);
            }
            (_, Drain::Announced) => self.refuse_new_calls(),
            (_, Drain::Final) => {}
        }
    }

    /// Ends a client that has not sent its preface and acknowledged our SETTINGS by now; others stay.
    pub fn handshake_timed_out(&mut self) {
        let (code, reason) = match self.phase {
            Phase::Over => return,
            Phase::Preface => {
                self.write_preface();
                (ErrorCode::ProtocolError, "no client preface in limits.handshake_timeout")
            }
            Phase::FirstSettings => (ErrorCode::ProtocolError, "no SETTINGS in limits.handshake_timeout"),
            Phase::Open if self.is_acknowledged => return,
            Phase::Open => (ErrorCode::SettingsTimeout, "no acknowledgement of SETTINGS in limits.handshake_timeout"),
        };
        self.calm.counts.add(Count::HandshakesTimedOut);
        self.go_away(code, reason);
    }

    /// A PING was answered, or somebody says so.
    pub(super) fn ping_answered(&mut self, opaque: [u8; 8]) -> Result<(), Error> {
        if opaque == DRAIN_PING && self.drain == Drain::Announced {
            self.refuse_new_calls();
            return Ok(());
        }
        self.calm.disturb(self.now_ns, Disturbance::StrayFrames)
    }

    fn refuse_new_calls(&mut self) {
        self.drain = Drain::Final;
        frame::write_goaway(self.last_id, ErrorCode::NoError, self.drain_reason.as_bytes(), &mut self.output);
    }

    /// Ends the connection, or one stream, for what the peer did.
    pub(super) fn fail(&mut self, error: Error) {
        match error {
            Error::Connection { code, reason } => self.go_away(code, reason),
            // A stream that has never been opened cannot be reset (RFC 9113 §6.4).
            Error::Stream { stream, code, reason } if self.is_idle(stream) => self.go_away(code, reason),
            Error::Stream { stream, code, .. } => {
                self.reset(stream, code);
                if let Err(Error::Connection { code, reason }) = self.calm.disturb(self.now_ns, Disturbance::ResetsMade)
                {
                    self.go_away(code, reason);
                }
            }
        }
    }

    /// GOAWAY with an error: nothing is read or answered after it.
    fn go_away(&mut self, code: ErrorCode, reason: &'static str) {
        self.calm.counts.add(match code {
            ErrorCode::ProtocolError => Count::EndedProtocol,
            ErrorCode::FlowControlError => Count::EndedFlowControl,
            ErrorCode::SettingsTimeout => Count::EndedSettingsTimeout,
            ErrorCode::StreamClosed => Count::EndedStreamClosed,
            ErrorCode::FrameSizeError => Count::EndedFrameSize,
            ErrorCode::CompressionError => Count::EndedCompression,
            ErrorCode::EnhanceYourCalm => Count::EndedCalm,
            _ => Count::EndedOther,
        });
        frame::write_goaway(self.last_id, code, reason.as_bytes(), &mut self.output);
        self.phase = Phase::Over;
        self.drop_everything();
    }

    /// Sends RST_STREAM and forgets the stream; the application hears of it when it knew the call.
    pub(super) fn reset(&mut self, id: u32, code: ErrorCode) {
        frame::write_rst_stream(id, code, &mut self.output);
        self.remember_reset(id);
        if let Some(slot) = self.streams.find(id) {
            self.announce_reset(slot);
            self.release(slot);
        }
    }

    /// Whether all that is left is to close the socket, once the output has gone.
    pub(super) fn is_over(&self) -> bool {
        match self.phase {
            Phase::Over => true,
            Phase::Preface => false,
            Phase::FirstSettings | Phase::Open => {
                (self.drain == Drain::Final || self.peer_goes) && self.streams.open() == 0
            }
        }
    }
}
