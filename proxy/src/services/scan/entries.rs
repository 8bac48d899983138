//! Scan and ScanKeys: the entries of all shards, one shard after the other.

use prism_backends::{Command, Content, Position, Reply, Scan, ScanEntry, ScanPage};
use prism_proto::grpc::prefix::PREFIX_BYTES;
use prism_proto::h2::{StreamRef, append_message};
use prism_proto::status::Status;
use prism_proto::view;

use super::cursor::{Seal, cursor_bytes};
use crate::pull::{Ask, Next, Room, Source};
use crate::services::Connection;

/// A Scan under way.
#[derive(Debug)]
pub(super) struct Entries {
    prefix: Vec<u8>,
    shards: u32,
    seal: Seal,
    content: Content,
    /// How many entries are wanted yet; nothing: all.
    left: Option<u32>,
    /// Whose entries come next, and from where.
    owner: u32,
    place: u64,
    key: Vec<u8>,
    /// The cursor sent last; its memory serves the next.
    cursor: Vec<u8>,
}

impl Entries {
    pub(super) fn new(prefix: Vec<u8>, shards: u32, seal: Seal, is_keys: bool, left: Option<u32>) -> Self {
        let content = if is_keys { Content::Keys } else { Content::Entries };
        let (key, cursor) = (Vec::new(), Vec::new());
        Self { prefix, shards, seal, content, left, owner: 0, place: 0, key, cursor }
    }

    /// The same, from where a cursor points to.
    pub(super) fn resumed(mut self, cursor: &[u8]) -> Result<Self, Status> {
        if cursor.is_empty() {
            return Ok(self);
        }
        let (owner, position) = self.seal.open(cursor, self.shards)?;
        self.owner = owner;
        self.go_to(position);
        Ok(self)
    }

    fn go_to(&mut self, position: Position<'_>) {
        self.place = position.place;
        self.key.clear();
        self.key.extend_from_slice(position.key);
    }

    fn send(&mut self, connection: &mut Connection, stream: StreamRef, page: &ScanPage) {
        if let Some(entry) = page.only() {
            // It may be too long for a message, which the connection says.
            let bytes = self.message_bytes(&entry);
            return connection.send(stream, bytes, |out| self.write(&entry, out));
        }
        let bytes = page.entries().map(|entry| PREFIX_BYTES + self.message_bytes(&entry)).sum();
        connection.send_all(stream, bytes, |out| {
            for entry in page.entries() {
                append_message(out, self.message_bytes(&entry), |out| self.write(&entry, out));
            }
        });
    }

    fn message_bytes(&self, entry: &ScanEntry<'_>) -> usize {
        let cursor_bytes = cursor_bytes(entry.after);
        match self.content {
            Content::Entries => view::scan_response_bytes(entry.key.len(), entry.value.len(), cursor_bytes),
            Content::Keys | Content::Count => view::scan_keys_response_bytes(entry.key.len(), cursor_bytes),
        }
    }

    fn write(&mut self, entry: &ScanEntry<'_>, out: &mut Vec<u8>) {
        self.seal.write(self.owner, entry.after, &mut self.cursor);
        match self.content {
            Content::Entries => view::write_scan_response(entry.key, entry.value, &self.cursor, out),
            Content::Keys | Content::Count => view::write_scan_keys_response(entry.key, &self.cursor, out),
        }
    }
}

impl Source for Entries {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.prefix.len()
    }

    fn ask(&self, room: Room) -> Ask<'_> {
        let scan = Scan {
            prefix: &self.prefix,
            from: Position { place: self.place, key: &self.key },
            content: self.content,
            entries_max: self.left.unwrap_or(u32::MAX),
            bytes_max: room.bytes_max,
            first_bytes_max: room.first_bytes_max,
        };
        Ask { owner: self.owner, hash: 0, command: Command::Scan(scan) }
    }

    fn take(&mut self, connection: &mut Connection, stream: StreamRef, reply: Reply<'_>) -> Next {
        let Reply::Scan(page) = reply else { return Next::More };
        self.send(connection, stream, page);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        }
        if let Some(next) = page.next() {
            self.go_to(next);
        } else {
            self.owner += 1;
            self.go_to(Position::default());
        }
        if self.owner == self.shards || self.left == Some(0) {
            connection.finish(stream, &Status::OK, &[]);
            return Next::Done;
        }
        page.needed_bytes().map_or(Next::More, Next::Needs)
    }
}
