//! Both sides' SETTINGS (RFC 9113 §6.5): what we announce, what we assume until it is acknowledged, what the peer
//! wants.

use super::Connection;
use super::calm::Disturbance;
use crate::frame::{self, Error, ErrorCode, Settings, setting};
use crate::h2::flow::INITIAL_WINDOW_BYTES;
use crate::limits::{
    DATA_FRAME_BYTES_MAX, FRAME_BYTES_MAX, Limits, STREAM_WINDOW_BYTES, STREAM_WINDOW_BYTES_MIN, STREAMS_PER_EFFORT,
};

/// What the peer has told us, or the protocol's initial values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerSettings {
    pub(crate) initial_window_bytes: u32,
    /// The longest payload that we send: the peer's bound and our own.
    pub(crate) frame_bytes_max: usize,
}

impl PeerSettings {
    pub(crate) const INITIAL: Self =
        Self { initial_window_bytes: INITIAL_WINDOW_BYTES, frame_bytes_max: FRAME_BYTES_MAX };
}

/// The window that we give each stream: as constant as the limits allow, so that all streams that may be open can fill
/// theirs while the largest message finishes, without anybody's call failing.
pub(crate) fn stream_window_bytes(limits: &Limits) -> u32 {
    let room = limits.connection_buffer_bytes_max.saturating_sub(limits.message_bytes_max);
    let share = room / limits.streams_per_connection_max.max(1);
    u32::try_from(share).unwrap_or(STREAM_WINDOW_BYTES).clamp(STREAM_WINDOW_BYTES_MIN, STREAM_WINDOW_BYTES)
}

impl Connection {
    /// Our half of the preface: SETTINGS, and the connection's window.
    pub(super) fn write_preface(&mut self) {
        let limits = &self.limits;
        let settings = [
            (setting::MAX_CONCURRENT_STREAMS, u32::try_from(limits.streams_per_connection_max).unwrap_or(u32::MAX)),
            (setting::INITIAL_WINDOW_SIZE, self.stream_window_bytes),
            (setting::MAX_HEADER_LIST_SIZE, u32::try_from(limits.header_list_bytes_max).unwrap_or(u32::MAX)),
        ];
        frame::write_settings(&settings, &mut self.output);
        let grant = self.receive_window.open();
        if grant > 0 {
            frame::write_window_update(0, grant, &mut self.output);
        }
    }

    /// The window that a new stream has: the protocol's until our SETTINGS have been acknowledged.
    pub(super) fn new_stream_window_bytes(&self) -> u32 {
        if self.is_acknowledged { self.stream_window_bytes } else { INITIAL_WINDOW_BYTES }
    }

    /// SETTINGS, or their acknowledgement.
    pub(super) fn receive_settings(&mut self, settings: &Settings) -> Result<(), Error> {
        if settings.ack {
            return self.settings_acknowledged();
        }
        self.calm.disturb(self.now_ns, Disturbance::SettingsReceived)?;
        if let Some(least) = settings.header_table_bytes_least {
            self.encoder.set_peer_table_bytes_max(least as usize);
        }
        if let Some(bytes_max) = settings.header_table_bytes_max {
            self.encoder.set_peer_table_bytes_max(bytes_max as usize);
        }
        if let Some(bytes_max) = settings.frame_bytes_max {
            self.peer.frame_bytes_max = (bytes_max as usize).min(DATA_FRAME_BYTES_MAX);
        }
        let grows = settings.initial_window_bytes.is_some_and(|bytes| bytes > self.peer.initial_window_bytes);
        if let Some(bytes) = settings.initial_window_bytes {
            self.change_send_windows(bytes)?;
        }
        // Before anything that makes use of it: until the peer reads this, it may hold us to what it wanted before.
        frame::write_settings_ack(&mut self.output);
        self.count_control();
        if grows {
            self.queue_all_waiting();
            self.transmit();
            self.wake_all();
        }
        Ok(())
    }

    /// RFC 9113 §6.9.2: the difference applies to every open stream, whose windows may become negative by it.
    fn change_send_windows(&mut self, bytes: u32) -> Result<(), Error> {
        let difference = i64::from(bytes) - i64::from(self.peer.initial_window_bytes);
        self.peer.initial_window_bytes = bytes;
        self.spend(self.streams.places() / STREAMS_PER_EFFORT);
        for stream in self.streams.iter_mut() {
            stream.send_window.shift(difference).map_err(|_| {
                Error::connection(ErrorCode::FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a stream")
            })?;
        }
        Ok(())
    }

    fn settings_acknowledged(&mut self) -> Result<(), Error> {
        if self.is_acknowledged {
            return Err(Error::connection(ErrorCode::ProtocolError, "acknowledgement of no SETTINGS"));
        }
        self.is_acknowledged = true;
        let difference = i64::from(self.stream_window_bytes) - i64::from(INITIAL_WINDOW_BYTES);
        for stream in self.streams.iter_mut() {
            stream.receive_window.shift(difference);
        }
        // A message that the former window would have let through may now need a grant.
        for slot in self.streams.slots() {
            self.grant(slot);
        }
        Ok(())
    }
}
