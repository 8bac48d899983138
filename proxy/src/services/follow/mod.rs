//! Calls that follow a log: Subscribe and Read, pulled page by page, and Unsubscribe.

mod begin;
mod encode;
mod request;

use std::sync::Arc;

use prism_backends::limits::{LOG_ENTRIES_PER_PAGE, LOG_ENTRY_BYTES};
use prism_backends::memstore::{Bounds, Page};
use prism_backends::{Command, Extent, LogCommand, LogReply, Reply};
use prism_proto::h2::StreamRef;
use prism_proto::status::{Code, Status};

pub(crate) use begin::unsubscribed;
pub(crate) use encode::{write_messages, write_records};

use super::Connection;
use crate::pull::{Ask, Next, Offer, Room, Source};
use crate::status;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// With what is appended from now on.
    Latest,
    /// With the first record that is there.
    Earliest,
    /// With this one.
    At(u64),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The log has not been asked yet where that is.
    Begin(Start),
    /// The record with this offset comes next.
    Offset(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Subscriber,
    Reader {
        /// Records that it still wants; `None`: all.
        left: Option<usize>,
        /// How long it waits at the end for each record.
        wait_ns: u64,
    },
}

/// What a Subscribe or a Read follows, and how far it is.
#[derive(Debug)]
struct Follow {
    topic: Arc<[u8]>,
    hash: u64,
    owner: u32,
    place: Place,
    kind: Kind,
}

impl Follow {
    /// Finds out where to begin, and says so in the response headers.
    fn begin(&mut self, connection: &mut Connection, stream: StreamRef, start: Start, bounds: Bounds) -> Next {
        let offset = match start {
            Start::Latest => bounds.latest,
            Start::Earliest => bounds.earliest,
            Start::At(offset) => offset,
        };
        let is_subscriber = self.kind == Kind::Subscriber;
        if offset < bounds.earliest || offset > bounds.latest {
            let status = if is_subscriber && offset > bounds.latest {
                let message = format!("from is {}: there is no such message yet", message_id_before(offset));
                Status::new(Code::InvalidArgument, message)
            } else {
                self.out_of_range(offset, bounds)
            };
            connection.finish(stream, &status, &[]);
            return Next::Done;
        }
        self.place = Place::Offset(offset);
        if is_subscriber {
            connection.open(stream, &[("prism-from", &message_id_before(offset))]);
        } else {
            connection.open(stream, &[]);
        }
        Next::Begun
    }

    /// Sends a page; at the end of the log the call waits, or ends.
    fn page(&mut self, connection: &mut Connection, stream: StreamRef, page: &Page) -> Next {
        let data = match self.kind {
            Kind::Subscriber => write_messages(&self.topic, page.records()),
            Kind::Reader { .. } => write_records(page.records()),
        };
        connection.send_all(stream, data.len(), |out| out.extend_from_slice(&data));
        self.took(page);
        let is_at_end = page.next() >= page.bounds().latest;
        match self.kind {
            Kind::Reader { left: Some(0), .. } => self.finished(connection, stream),
            _ if !is_at_end => Next::More,
            Kind::Subscriber => Next::Wait,
            Kind::Reader { wait_ns, .. } if wait_ns > 0 => Next::Wait,
            Kind::Reader { .. } => self.finished(connection, stream),
        }
    }

    fn finished(&self, connection: &mut Connection, stream: StreamRef) -> Next {
        self.finish(connection, stream, &Status::OK);
        Next::Done
    }

    /// What it would read next is not there any more.
    fn lost(&self, connection: &mut Connection, stream: StreamRef, bounds: Bounds) -> Next {
        let offset = self.position();
        let status = if self.kind == Kind::Subscriber {
            let topic = String::from_utf8_lossy(&self.topic);
            let (first, last) = (message_id_before(offset + 1), message_id_before(bounds.earliest));
            let message =
                format!("messages {first} to {last} of topic {topic:?} were trimmed away before they were delivered");
            Status::new(Code::DataLoss, message)
        } else {
            self.out_of_range(offset, bounds)
        };
        self.finish(connection, stream, &status);
        Next::Done
    }

    fn out_of_range(&self, offset: u64, bounds: Bounds) -> Status {
        let topic = String::from_utf8_lossy(&self.topic);
        let message = match self.kind {
            Kind::Subscriber => format!(
                "from {} of topic {topic:?} is trimmed away: the earliest is {}",
                message_id_before(offset),
                message_id_before(bounds.earliest)
            ),
            Kind::Reader { .. } if offset < bounds.earliest => {
                format!("offset {offset} of stream {topic:?} is trimmed away: the earliest is {}", bounds.earliest)
            }
            Kind::Reader { .. } => {
                format!("offset {offset} of stream {topic:?} is above the latest offset, {}", bounds.latest)
            }
        };
        Status::new(Code::OutOfRange, message)
    }
}

impl Source for Follow {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.topic.len()
    }

    fn is_streaming(&self) -> bool {
        // Where to begin is asked for whatever the windows: the headers need none.
        matches!(self.place, Place::Offset(_))
    }

    fn ask(&self, room: Room) -> Ask<'_> {
        let command = match self.place {
            Place::Begin(_) if self.kind == Kind::Subscriber => LogCommand::Create,
            Place::Begin(_) => LogCommand::Bounds,
            Place::Offset(from) => {
                let left = if let Kind::Reader { left: Some(left), .. } = self.kind { left } else { usize::MAX };
                let Room { bytes_max, first_bytes_max } = room;
                let entries_max = left.min(LOG_ENTRIES_PER_PAGE);
                let entry_bytes = LOG_ENTRY_BYTES + self.topic.len();
                LogCommand::Read { from, extent: Extent { entries_max, bytes_max, first_bytes_max, entry_bytes } }
            }
        };
        Ask { owner: self.owner, hash: self.hash, command: Command::Log { topic: &self.topic, command } }
    }

    fn take(&mut self, connection: &mut Connection, stream: StreamRef, reply: Reply<'_>) -> Next {
        let Reply::Log(reply) = reply else {
            connection.finish(
                stream,
                &Status::new(Code::Internal, "a log was asked, and something else answered"),
                &[],
            );
            return Next::Done;
        };
        match (reply, self.place) {
            (LogReply::Bounds(bounds), Place::Begin(start)) => self.begin(connection, stream, start, bounds),
            (LogReply::Page(page), Place::Offset(_)) => self.page(connection, stream, page),
            (LogReply::Outside(bounds), Place::Offset(_)) => self.lost(connection, stream, bounds),
            (LogReply::TooLong(bytes), Place::Offset(_)) => Next::Needs(bytes),
            _ => {
                connection.finish(
                    stream,
                    &Status::new(Code::Internal, "a log gave an answer to another question"),
                    &[],
                );
                Next::Done
            }
        }
    }

    fn at_drain(&self, is_waiting: bool) -> Option<Status> {
        match self.kind {
            Kind::Subscriber => Some(status::draining()),
            Kind::Reader { .. } => is_waiting.then_some(Status::OK),
        }
    }

    fn finish(&self, connection: &mut Connection, stream: StreamRef, status: &Status) {
        match (self.kind, self.place) {
            (Kind::Reader { .. }, Place::Offset(offset)) => {
                connection.finish(stream, status, &[("prism-next-offset", &offset.to_string())]);
            }
            _ => connection.finish(stream, status, &[]),
        }
    }

    fn position(&self) -> u64 {
        match self.place {
            Place::Begin(_) => 0,
            Place::Offset(offset) => offset,
        }
    }

    fn wait_ns(&self) -> Option<u64> {
        match self.kind {
            Kind::Subscriber => None,
            Kind::Reader { wait_ns, .. } => Some(wait_ns),
        }
    }

    #[inline]
    fn offer(&self, page: &Page) -> Offer {
        let offset = self.position();
        if offset >= page.next() {
            return Offer::Passed;
        }
        match self.kind {
            _ if offset != page.from() => Offer::Pulls,
            Kind::Subscriber => Offer::Messages,
            // The last one that it wants ends the call.
            Kind::Reader { left: Some(left), .. } if left <= page.count() => Offer::Pulls,
            Kind::Reader { .. } => Offer::Records,
        }
    }

    #[inline]
    fn took(&mut self, page: &Page) {
        if let Kind::Reader { left: Some(left), .. } = &mut self.kind {
            *left = left.saturating_sub(page.count());
        }
        self.place = Place::Offset(page.next());
    }
}

/// The id of the message before an offset, after which a subscription goes on with that offset; before the first one
/// it is `0--1`.
fn message_id_before(offset: u64) -> String {
    match offset.checked_sub(1) {
        Some(before) => format!("0-{before}"),
        None => "0--1".to_owned(),
    }
}
