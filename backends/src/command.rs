//! Commands and replies: borrowed while they stay on a shard, owned when they cross to another.

use crate::scan::{Content, Position, Scan, ScanPage};

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
    /// Fetch a page of a scan. Whose part of the keys it is, its sender decides.
    Scan(Scan<'a>),
}

impl<'a> Command<'a> {
    /// The key that decides the owner; of a scan, the prefix, which decides nothing.
    pub fn key(&self) -> &'a [u8] {
        match *self {
            Self::Set { key, .. } | Self::Get { key } | Self::Delete { key } | Self::Exists { key } => key,
            Self::Scan(scan) => scan.prefix,
        }
    }
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
}

impl Reply<'_> {
    /// What was done for it beyond one look-up, in buckets and entries.
    pub fn work(&self) -> usize {
        match self {
            Self::Set | Self::Get(_) | Self::Delete(_) | Self::Exists(_) => 0,
            Self::Scan(page) => page.work(),
        }
    }
}

/// A command that crosses to another shard: kind and one buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedCommand {
    kind: OwnedKind,
    key_bytes: u32,
    /// The key, then the value, or what else the command brings.
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
}

impl From<Command<'_>> for OwnedCommand {
    fn from(command: Command<'_>) -> Self {
        let (kind, value): (_, &[u8]) = match command {
            Command::Set { value, ttl_seconds, .. } => (OwnedKind::Set { ttl_seconds }, value),
            Command::Get { .. } => (OwnedKind::Get, &[]),
            Command::Delete { .. } => (OwnedKind::Delete, &[]),
            Command::Exists { .. } => (OwnedKind::Exists, &[]),
            Command::Scan(Scan { from, content, entries_max, bytes_max, first_bytes_max, .. }) => {
                (OwnedKind::Scan { place: from.place, content, entries_max, bytes_max, first_bytes_max }, from.key)
            }
        };
        let key = command.key();
        let mut data = Vec::with_capacity(key.len() + value.len());
        data.extend_from_slice(key);
        data.extend_from_slice(value);
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
        matches!(self.kind, OwnedKind::Scan { .. })
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
}

impl From<Reply<'_>> for OwnedReply {
    fn from(reply: Reply<'_>) -> Self {
        match reply {
            Reply::Set => Self::Set,
            Reply::Get(value) => Self::Get(value.map(Box::from)),
            Reply::Delete(found) => Self::Delete(found),
            Reply::Exists(exists) => Self::Exists(exists),
            Reply::Scan(page) => Self::Scan(Box::new(page.clone())),
        }
    }
}

impl OwnedReply {
    /// Bytes of what it brings.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Set | Self::Get(None) | Self::Delete(_) | Self::Exists(_) => 0,
            Self::Get(Some(value)) => value.len(),
            Self::Scan(page) => page.bytes(),
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
        }
    }
}
