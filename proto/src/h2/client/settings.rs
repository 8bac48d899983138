//! Both sides' SETTINGS (RFC 9113 §6.5): what we announce, and what the server wants.

use super::Connection;
use super::ending::Course;
use crate::frame::{self, Error, ErrorCode, PREFACE, Settings, setting};
use crate::h2::flow::INITIAL_WINDOW_BYTES;
use crate::limits::{CALLS_BEFORE_SETTINGS_MAX, DATA_FRAME_BYTES_MAX, FRAME_BYTES_MAX};

/// What the server has told us, or the protocol's initial values.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerSettings {
    pub(super) initial_window_bytes: u32,
    /// The longest payload that we send: the server's bound and our own.
    pub(super) frame_bytes_max: usize,
    /// Calls that may be open at a time.
    pub(super) calls_max: usize,
    /// The longest header list that it takes.
    pub(super) header_list_bytes_max: Option<usize>,
}

impl PeerSettings {
    pub(super) const INITIAL: Self = Self {
        initial_window_bytes: INITIAL_WINDOW_BYTES,
        frame_bytes_max: FRAME_BYTES_MAX,
        calls_max: CALLS_BEFORE_SETTINGS_MAX,
        header_list_bytes_max: None,
    };
}

impl Connection {
    /// The preface: its 24 bytes, SETTINGS, and the connection's window. The server reads the SETTINGS before any call,
    /// so that they hold for all of them.
    pub(super) fn write_preface(&mut self, header_table_bytes_max: usize) {
        self.output.extend_from_slice(PREFACE);
        let settings = [
            (setting::HEADER_TABLE_SIZE, u32::try_from(header_table_bytes_max).unwrap_or(u32::MAX)),
            (setting::ENABLE_PUSH, 0),
            (setting::INITIAL_WINDOW_SIZE, self.call_window_bytes),
            (setting::MAX_HEADER_LIST_SIZE, u32::try_from(self.limits.header_list_bytes_max).unwrap_or(u32::MAX)),
        ];
        frame::write_settings(&settings, &mut self.output);
        let grant = self.receive_window.open();
        if grant > 0 {
            frame::write_window_update(0, grant, &mut self.output);
        }
    }

    /// SETTINGS, or their acknowledgement.
    pub(super) fn receive_settings(&mut self, settings: &Settings) -> Result<(), Error> {
        if settings.ack {
            if std::mem::replace(&mut self.is_acknowledged, true) {
                return Err(Error::connection(ErrorCode::ProtocolError, "acknowledgement of no SETTINGS"));
            }
            return Ok(());
        }
        if self.course == Course::FirstSettings {
            self.course = Course::Open;
            // No word of it means no bound (RFC 9113 §6.5.2).
            self.peer.calls_max = usize::MAX;
        }
        self.calm.disturb(self.now_ns, "too many SETTINGS frames")?;
        // RFC 9113 §6.5.2: a client must not take 1 from a server.
        if settings.enable_push == Some(true) {
            return Err(Error::connection(ErrorCode::ProtocolError, "SETTINGS_ENABLE_PUSH of 1 from a server"));
        }
        if let Some(least) = settings.header_table_bytes_least {
            self.encoder.set_peer_table_bytes_max(least as usize);
        }
        if let Some(bytes_max) = settings.header_table_bytes_max {
            self.encoder.set_peer_table_bytes_max(bytes_max as usize);
        }
        if let Some(bytes_max) = settings.frame_bytes_max {
            self.peer.frame_bytes_max = (bytes_max as usize).min(DATA_FRAME_BYTES_MAX);
        }
        if let Some(calls_max) = settings.concurrent_streams_max {
            self.peer.calls_max = calls_max as usize;
        }
        if let Some(bytes_max) = settings.header_list_bytes_max {
            self.peer.header_list_bytes_max = Some(bytes_max as usize);
        }
        let grows = settings.initial_window_bytes.is_some_and(|bytes| bytes > self.peer.initial_window_bytes);
        if let Some(bytes) = settings.initial_window_bytes {
            self.change_send_windows(bytes)?;
        }
        // Before anything that makes use of it: until the server reads this, it may hold us to what it wanted before.
        frame::write_settings_ack(&mut self.output);
        self.control_frames += 1;
        if grows {
            self.queue_all_waiting();
            self.transmit();
            self.wake_starved();
        }
        Ok(())
    }

    /// RFC 9113 §6.9.2: the difference applies to every open stream, whose windows may become negative by it.
    fn change_send_windows(&mut self, bytes: u32) -> Result<(), Error> {
        let difference = i64::from(bytes) - i64::from(self.peer.initial_window_bytes);
        self.peer.initial_window_bytes = bytes;
        for call in self.calls.iter_mut() {
            call.send_window.shift(difference).map_err(|_| {
                Error::connection(ErrorCode::FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a stream")
            })?;
        }
        Ok(())
    }
}
