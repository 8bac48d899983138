//! Commands and replies: borrowed while they stay on a shard, owned when they cross to another.

mod log;

use std::ops::Range;

use crate::scan::{Content, Position, Scan, ScanPage};
use log::OwnedLogCommand;
pub use log::{Extent, LogCommand, LogReply, OwnedLogReply};

/// A decoded request. Keys are UTF-8 within the limits when a command reaches a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Store `value`, replacing whatever was there and its expiry.
    Set {
        /// The key.
        key: &'a [u8],
        /// The value; may be empty.
        value: &'a [u8],
        /// Time to live in seconds; 0: none.
        ttl_seconds: i64,
    },
    /// Fetch the value.
    Get {
        /// The key.
        key: &'a [u8],
    },
    /// Remove the key, whatever it holds.
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// Say whether the key is there.
    Exists {
        /// The key.
        key: &'a [u8],
    },
    /// Let the key, whatever it holds, expire.
    Expire {
        /// The key.
        key: &'a [u8],
        /// Time to live in seconds; 0 or less: it is gone at once.
        ttl_seconds: i64,
    },
    /// Say how long the key, whatever it holds, still lives.
    GetTtl {
        /// The key.
        key: &'a [u8],
    },
    /// Let the key, whatever it holds, live on.
    Persist {
        /// The key.
        key: &'a [u8],
    },
    /// Add a value to a list, which comes into being with its first.
    Push {
        /// The key of the list.
        key: &'a [u8],
        /// The value; may be empty.
        value: &'a [u8],
        /// The end to which it is added.
        side: Side,
    },
    /// Take a value from a list, which is gone with its last.
    Pop {
        /// The key of the list.
        key: &'a [u8],
        /// The end from which it is taken.
        side: Side,
        /// A longer value is not taken, as there is no room for it.
        value_bytes_max: usize,
    },
    /// Count the values of a list.
    Length {
        /// The key of the list.
        key: &'a [u8],
    },
    /// Fetch a page of a scan. Whose part of the keys it is, its sender decides.
    Scan(Scan<'a>),
    /// Do something with a log.
    Log {
        /// The topic's or stream's name, which has nothing to do with a key of the same name.
        topic: &'a [u8],
        /// What to do.
        command: LogCommand<'a>,
    },
}

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before the first value.
    Left,
    /// After the last.
    Right,
}

impl<'a> Command<'a> {
    /// The key, or topic, that decides the owner; of a scan, the prefix, which decides nothing.
    pub fn key(&self) -> &'a [u8] {
        match *self {
            Self::Set { key, .. }
            | Self::Get { key }
            | Self::Delete { key }
            | Self::Exists { key }
            | Self::Expire { key, .. }
            | Self::GetTtl { key }
            | Self::Persist { key }
            | Self::Push { key, .. }
            | Self::Pop { key, .. }
            | Self::Length { key } => key,
            Self::Scan(scan) => scan.prefix,
            Self::Log { topic, .. } => topic,
        }
    }
}

/// A Set without a time to live, by where its parts lie in its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedSet {
    /// The key.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// What a command yields; values borrow from the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'s> {
    /// The value is stored.
    Set,
    /// The value, or none when the key is not there.
    Get(Option<&'s [u8]>),
    /// Whether the key was there.
    Delete(bool),
    /// Whether the key is there.
    Exists(bool),
    /// A page of the scan.
    Scan(&'s ScanPage),
    /// Whether the key was there.
    Expire(bool),
    /// Seconds that the key still lives, rounded up; -1: it does not expire; -2: it is not there.
    Ttl(i64),
    /// Whether a time to live was removed.
    Persist(bool),
    /// The number of values of a list, after a push with what it added.
    Length(i64),
    /// The value that was taken from a list, or none when there is no list.
    Pop(Option<&'s [u8]>),
    /// No value was taken from the list, for it has so many bytes.
    PopTooLong(usize),
    /// What came of a command on a log.
    Log(LogReply<'s>),
}

impl Reply<'_> {
    /// What was done for it beyond one look-up, in buckets and entries.
    pub fn work(&self) -> usize {
        match self {
            Self::Scan(page) => page.work(),
            Self::Log(LogReply::Page(page)) => page.count(),
            _ => 0,
        }
    }
}

/// A command that crosses to another shard: kind and one buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedCommand {
    kind: OwnedKind,
    key_bytes: u32,
    /// The key, then the value, the parts of a record, or what else the command brings.
    data: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnedKind {
    Set {
        ttl_seconds: i64,
    },
    Get,
    Delete,
    Exists,
    /// The key of its position lies in the place of a value.
    Scan {
        place: u64,
        content: Content,
        entries_max: u32,
        bytes_max: usize,
        first_bytes_max: usize,
    },
    Expire {
        ttl_seconds: i64,
    },
    GetTtl,
    Persist,
    Push {
        side: Side,
    },
    Pop {
        side: Side,
        value_bytes_max: usize,
    },
    Length,
    Log(OwnedLogCommand),
}

impl From<Command<'_>> for OwnedCommand {
    fn from(command: Command<'_>) -> Self {
        let key = command.key();
        let (value, more_bytes): (&[u8], _) = match command {
            Command::Set { value, .. } | Command::Push { value, .. } => (value, 0),
            Command::Scan(scan) => (scan.from.key, 0),
            Command::Log { command, .. } => (&[], command.bytes()),
            _ => (&[], 0),
        };
        let mut data = Vec::with_capacity(key.len() + value.len() + more_bytes);
        data.extend_from_slice(key);
        data.extend_from_slice(value);
        let kind = match command {
            Command::Set { ttl_seconds, .. } => OwnedKind::Set { ttl_seconds },
            Command::Get { .. } => OwnedKind::Get,
            Command::Delete { .. } => OwnedKind::Delete,
            Command::Exists { .. } => OwnedKind::Exists,
            Command::Expire { ttl_seconds, .. } => OwnedKind::Expire { ttl_seconds },
            Command::GetTtl { .. } => OwnedKind::GetTtl,
            Command::Persist { .. } => OwnedKind::Persist,
            Command::Push { side, .. } => OwnedKind::Push { side },
            Command::Pop { side, value_bytes_max, .. } => OwnedKind::Pop { side, value_bytes_max },
            Command::Length { .. } => OwnedKind::Length,
            Command::Scan(Scan { from, content, entries_max, bytes_max, first_bytes_max, .. }) => {
                OwnedKind::Scan { place: from.place, content, entries_max, bytes_max, first_bytes_max }
            }
            Command::Log { command, .. } => OwnedKind::Log(OwnedLogCommand::new(&command, &mut data)),
        };
        let key_bytes = u32::try_from(key.len()).expect("keys are bounded by limits.key_bytes_max, which fits 32 bits");
        Self { kind, key_bytes, data: data.into_boxed_slice() }
    }
}

impl OwnedCommand {
    /// Bytes of the key and the value.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Whether it fetches a page of something long: it costs as much as many others.
    pub fn is_page(&self) -> bool {
        matches!(self.kind, OwnedKind::Scan { .. } | OwnedKind::Log(OwnedLogCommand::Read { .. }))
    }

    /// The command, borrowed from here.
    pub fn view(&self) -> Command<'_> {
        let (key, value) = self.data.split_at(self.key_bytes as usize);
        match self.kind {
            OwnedKind::Set { ttl_seconds } => Command::Set { key, value, ttl_seconds },
            OwnedKind::Get => Command::Get { key },
            OwnedKind::Delete => Command::Delete { key },
            OwnedKind::Exists => Command::Exists { key },
            OwnedKind::Scan { place, content, entries_max, bytes_max, first_bytes_max } => {
                let from = Position { place, key: value };
                Command::Scan(Scan { prefix: key, from, content, entries_max, bytes_max, first_bytes_max })
            }
            OwnedKind::Expire { ttl_seconds } => Command::Expire { key, ttl_seconds },
            OwnedKind::GetTtl => Command::GetTtl { key },
            OwnedKind::Persist => Command::Persist { key },
            OwnedKind::Push { side } => Command::Push { key, value, side },
            OwnedKind::Pop { side, value_bytes_max } => Command::Pop { key, side, value_bytes_max },
            OwnedKind::Length => Command::Length { key },
            OwnedKind::Log(command) => Command::Log { topic: key, command: command.view(value) },
        }
    }
}

/// A reply that crosses to another shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedReply {
    /// See [`Reply::Set`].
    Set,
    /// See [`Reply::Get`].
    Get(Option<Box<[u8]>>),
    /// See [`Reply::Delete`].
    Delete(bool),
    /// See [`Reply::Exists`].
    Exists(bool),
    /// See [`Reply::Scan`].
    Scan(Box<ScanPage>),
    /// See [`Reply::Expire`].
    Expire(bool),
    /// See [`Reply::Ttl`].
    Ttl(i64),
    /// See [`Reply::Persist`].
    Persist(bool),
    /// See [`Reply::Length`].
    Length(i64),
    /// See [`Reply::Pop`].
    Pop(Option<Box<[u8]>>),
    /// See [`Reply::PopTooLong`].
    PopTooLong(usize),
    /// See [`Reply::Log`].
    Log(OwnedLogReply),
}

impl From<Reply<'_>> for OwnedReply {
    fn from(reply: Reply<'_>) -> Self {
        match reply {
            Reply::Set => Self::Set,
            Reply::Get(value) => Self::Get(value.map(Box::from)),
            Reply::Delete(found) => Self::Delete(found),
            Reply::Exists(exists) => Self::Exists(exists),
            Reply::Scan(page) => Self::Scan(Box::new(page.clone())),
            Reply::Expire(existed) => Self::Expire(existed),
            Reply::Ttl(seconds) => Self::Ttl(seconds),
            Reply::Persist(removed) => Self::Persist(removed),
            Reply::Length(length) => Self::Length(length),
            Reply::Pop(value) => Self::Pop(value.map(Box::from)),
            Reply::PopTooLong(bytes) => Self::PopTooLong(bytes),
            Reply::Log(reply) => Self::Log(reply.into()),
        }
    }
}

impl OwnedReply {
    /// Bytes of what it brings.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Get(Some(value)) | Self::Pop(Some(value)) => value.len(),
            Self::Scan(page) => page.bytes(),
            Self::Log(OwnedLogReply::Page(page)) => page.bytes(),
            _ => 0,
        }
    }

    /// The reply, borrowed from here.
    pub fn view(&self) -> Reply<'_> {
        match self {
            Self::Set => Reply::Set,
            Self::Get(value) => Reply::Get(value.as_deref()),
            Self::Delete(found) => Reply::Delete(*found),
            Self::Exists(exists) => Reply::Exists(*exists),
            Self::Scan(page) => Reply::Scan(page),
            Self::Expire(existed) => Reply::Expire(*existed),
            Self::Ttl(seconds) => Reply::Ttl(*seconds),
            Self::Persist(removed) => Reply::Persist(*removed),
            Self::Length(length) => Reply::Length(*length),
            Self::Pop(value) => Reply::Pop(value.as_deref()),
            Self::PopTooLong(bytes) => Reply::PopTooLong(*bytes),
            Self::Log(reply) => Reply::Log(reply.view()),
        }
    }
}
