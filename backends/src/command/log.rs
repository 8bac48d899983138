//! Commands on a log, and their replies.

use crate::Record;
use crate::memstore::{Appended, Bounds, Page};

/// What to do with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogCommand<'a> {
    /// Add a record, and create the log if it is not there. The record's time is that of the call; the log's never
    /// goes back.
    Append {
        /// What to add.
        record: Record<'a>,
    },
    /// Remove what lies before an offset.
    Trim {
        /// The first offset that stays; `None`: what is appended next.
        before: Option<u64>,
    },
    /// Say where it begins and ends.
    Bounds,
    /// Create it if it is not there, and say where it begins and ends.
    Create,
    /// Read from an offset on, up to the end of the log or a bound.
    Read {
        /// The offset of the first record.
        from: u64,
        /// How much.
        extent: Extent,
    },
}

/// How much to read of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The most records.
    pub entries_max: usize,
    /// The most bytes that they count together.
    pub bytes_max: usize,
    /// The most bytes that the first one may count, when it comes alone.
    pub first_bytes_max: usize,
    /// What each counts beside its bytes as [`Record::write`] writes them.
    pub entry_bytes: usize,
}

impl Extent {
    /// Everything.
    pub const WHOLE: Self =
        Self { entries_max: usize::MAX, bytes_max: usize::MAX, first_bytes_max: usize::MAX, entry_bytes: 0 };
}

impl LogCommand<'_> {
    /// What it borrows beside the topic.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append { record } => record.key.len() + record.metadata.len() + record.payload.len(),
            Self::Trim { .. } | Self::Bounds | Self::Create | Self::Read { .. } => 0,
        }
    }
}

/// What a command on a log yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogReply<'s> {
    /// The record is there.
    Appended(Appended),
    /// The lowest offset that can be read now.
    Trimmed(u64),
    /// Where the log begins and ends.
    Bounds(Bounds),
    /// The records from the offset on; none at the end of the log.
    Page(&'s Page),
    /// The offset was trimmed away, or is beyond the end.
    Outside(Bounds),
    /// The first record counts so many bytes, more than it may.
    TooLong(usize),
}

/// A [`LogReply`] that crosses to another shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedLogReply {
    /// See [`LogReply::Appended`].
    Appended(Appended),
    /// See [`LogReply::Trimmed`].
    Trimmed(u64),
    /// See [`LogReply::Bounds`].
    Bounds(Bounds),
    /// See [`LogReply::Page`].
    Page(Box<Page>),
    /// See [`LogReply::Outside`].
    Outside(Bounds),
    /// See [`LogReply::TooLong`].
    TooLong(usize),
}

impl From<LogReply<'_>> for OwnedLogReply {
    fn from(reply: LogReply<'_>) -> Self {
        match reply {
            LogReply::Appended(appended) => Self::Appended(appended),
            LogReply::Trimmed(low) => Self::Trimmed(low),
            LogReply::Bounds(bounds) => Self::Bounds(bounds),
            LogReply::Page(page) => Self::Page(Box::new(page.clone())),
            LogReply::Outside(bounds) => Self::Outside(bounds),
            LogReply::TooLong(bytes) => Self::TooLong(bytes),
        }
    }
}

impl OwnedLogReply {
    /// The reply, borrowed from here.
    pub fn view(&self) -> LogReply<'_> {
        match self {
            Self::Appended(appended) => LogReply::Appended(*appended),
            Self::Trimmed(low) => LogReply::Trimmed(*low),
            Self::Bounds(bounds) => LogReply::Bounds(*bounds),
            Self::Page(page) => LogReply::Page(page),
            Self::Outside(bounds) => LogReply::Outside(*bounds),
            Self::TooLong(bytes) => LogReply::TooLong(*bytes),
        }
    }
}

/// A [`LogCommand`] without what it borrows; the parts of a record lie in one buffer, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnedLogCommand {
    Append { timestamp_ms: u64, key_bytes: u32, metadata_bytes: u32 },
    Trim { before: Option<u64> },
    Bounds,
    Create,
    Read { from: u64, extent: Extent },
}

impl OwnedLogCommand {
    /// The command, and what it borrows added to `data`.
    pub(super) fn new(command: &LogCommand<'_>, data: &mut Vec<u8>) -> Self {
        match *command {
            LogCommand::Append { record: Record { timestamp_ms, key, metadata, payload } } => {
                for part in [key, metadata, payload] {
                    data.extend_from_slice(part);
                }
                let length = |part: &[u8]| u32::try_from(part.len()).expect("messages are far below 4 GiB");
                Self::Append { timestamp_ms, key_bytes: length(key), metadata_bytes: length(metadata) }
            }
            LogCommand::Trim { before } => Self::Trim { before },
            LogCommand::Bounds => Self::Bounds,
            LogCommand::Create => Self::Create,
            LogCommand::Read { from, extent } => Self::Read { from, extent },
        }
    }

    /// The command, borrowed from what [`Self::new`] added.
    pub(super) fn view<'a>(&self, data: &'a [u8]) -> LogCommand<'a> {
        match *self {
            Self::Append { timestamp_ms, key_bytes, metadata_bytes } => {
                let (key, rest) = data.split_at(key_bytes as usize);
                let (metadata, payload) = rest.split_at(metadata_bytes as usize);
                LogCommand::Append { record: Record { timestamp_ms, key, metadata, payload } }
            }
            Self::Trim { before } => LogCommand::Trim { before },
            Self::Bounds => LogCommand::Bounds,
            Self::Create => LogCommand::Create,
            Self::Read { from, extent } => LogCommand::Read { from, extent },
        }
    }
}
