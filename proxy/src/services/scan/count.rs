//! Count: the pages of all shards, one after the other, of which only the lengths are wanted.

use prism_backends::{Command, Content, Position, Reply, Scan};
use prism_proto::h2::StreamRef;
use prism_proto::messages::prism::interfaces::keyvalue::CountResponse;

use crate::pull::{Ask, Next, Room, Source};
use crate::services::{Connection, reply_message};

/// A Count under way.
#[derive(Debug)]
pub(super) struct Count {
    prefix: Vec<u8>,
    shards: u32,
    owner: u32,
    place: u64,
    key: Vec<u8>,
    count: i64,
}

impl Count {
    pub(super) fn new(prefix: Vec<u8>, shards: u32) -> Self {
        Self { prefix, shards, owner: 0, place: 0, key: Vec::new(), count: 0 }
    }
}

impl Source for Count {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.prefix.len()
    }

    fn is_streaming(&self) -> bool {
        false
    }

    fn ask(&self, _room: Room) -> Ask<'_> {
        let scan = Scan {
            prefix: &self.prefix,
            from: Position { place: self.place, key: &self.key },
            content: Content::Count,
            entries_max: u32::MAX,
            bytes_max: 0,
            first_bytes_max: 0,
        };
        Ask { owner: self.owner, hash: 0, command: Command::Scan(scan) }
    }

    fn take(&mut self, connection: &mut Connection, stream: StreamRef, reply: Reply<'_>) -> Next {
        let Reply::Scan(page) = reply else { return Next::More };
        self.count += page.len() as i64;
        self.key.clear();
        self.place = 0;
        if let Some(next) = page.next() {
            self.place = next.place;
            self.key.extend_from_slice(next.key);
            return Next::More;
        }
        self.owner += 1;
        if self.owner < self.shards {
            return Next::More;
        }
        reply_message(connection, stream, &CountResponse { count: self.count, approximate: false });
        Next::Done
    }
}
