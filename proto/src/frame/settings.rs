//! The settings of RFC 9113 §6.5.2.

use super::{Error, ErrorCode, STREAM_MAX};

/// Identifiers of settings. Unknown ones are ignored.
pub mod setting {
    /// Bytes that the peer's encoder may use for its table.
    pub const HEADER_TABLE_SIZE: u16 = 0x1;
    /// Whether the peer may push.
    pub const ENABLE_PUSH: u16 = 0x2;
    /// Streams that the peer may have open.
    pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    /// The window that each stream starts with.
    pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
    /// The longest payload.
    pub const MAX_FRAME_SIZE: u16 = 0x5;
    /// The longest header list; advisory.
    pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
}

/// Bytes of one setting.
const SETTING_BYTES: usize = 6;
/// Bounds of SETTINGS_MAX_FRAME_SIZE.
const FRAME_BYTES_LEAST: u32 = 16_384;
const FRAME_BYTES_MOST: u32 = 16_777_215;

/// What one SETTINGS frame said; the last value counts where one comes twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// An acknowledgement of ours, which says nothing else.
    pub ack: bool,
    /// SETTINGS_HEADER_TABLE_SIZE.
    pub header_table_bytes_max: Option<u32>,
    /// The least SETTINGS_HEADER_TABLE_SIZE of the frame, which the encoder has to announce too (RFC 7541 §4.2).
    pub header_table_bytes_least: Option<u32>,
    /// SETTINGS_ENABLE_PUSH.
    pub enable_push: Option<bool>,
    /// SETTINGS_MAX_CONCURRENT_STREAMS.
    pub concurrent_streams_max: Option<u32>,
    /// SETTINGS_INITIAL_WINDOW_SIZE: at most 2^31-1.
    pub initial_window_bytes: Option<u32>,
    /// SETTINGS_MAX_FRAME_SIZE: 2^14 to 2^24-1.
    pub frame_bytes_max: Option<u32>,
    /// SETTINGS_MAX_HEADER_LIST_SIZE.
    pub header_list_bytes_max: Option<u32>,
}

impl Settings {
    /// Reads the payload of a SETTINGS frame that is no ACK.
    ///
    /// # Errors
    /// Of the connection: FRAME_SIZE_ERROR for a length that is no multiple of six, otherwise the code that §6.5.2
    /// gives for a value out of bounds.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let (pairs, rest) = payload.as_chunks::<SETTING_BYTES>();
        if !rest.is_empty() {
            return Err(Error::connection(ErrorCode::FrameSizeError, "SETTINGS not a multiple of six bytes"));
        }
        let mut settings = Self::default();
        for pair in pairs {
            let identifier = u16::from_be_bytes([pair[0], pair[1]]);
            settings.take(identifier, u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]))?;
        }
        Ok(settings)
    }

    fn take(&mut self, identifier: u16, value: u32) -> Result<(), Error> {
        match identifier {
            setting::HEADER_TABLE_SIZE => {
                self.header_table_bytes_max = Some(value);
                self.header_table_bytes_least =
                    Some(self.header_table_bytes_least.map_or(value, |least| least.min(value)));
            }
            setting::ENABLE_PUSH if value > 1 => {
                return Err(Error::connection(ErrorCode::ProtocolError, "SETTINGS_ENABLE_PUSH neither 0 nor 1"));
            }
            setting::ENABLE_PUSH => self.enable_push = Some(value == 1),
            setting::MAX_CONCURRENT_STREAMS => self.concurrent_streams_max = Some(value),
            setting::INITIAL_WINDOW_SIZE if value > STREAM_MAX => {
                return Err(Error::connection(
                    ErrorCode::FlowControlError,
                    "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1",
                ));
            }
            setting::INITIAL_WINDOW_SIZE => self.initial_window_bytes = Some(value),
            setting::MAX_FRAME_SIZE if !(FRAME_BYTES_LEAST..=FRAME_BYTES_MOST).contains(&value) => {
                return Err(Error::connection(ErrorCode::ProtocolError, "SETTINGS_MAX_FRAME_SIZE out of bounds"));
            }
            setting::MAX_FRAME_SIZE => self.frame_bytes_max = Some(value),
            setting::MAX_HEADER_LIST_SIZE => self.header_list_bytes_max = Some(value),
            _ => {}
        }
        Ok(())
    }
}
