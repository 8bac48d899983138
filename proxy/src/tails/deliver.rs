//! New records on their way: from the owner to the shards that follow, and there to each reader.

use std::sync::Arc;

use prism_backends::limits::LOG_ENTRIES_PER_PAGE;
use prism_backends::memstore::Page;
use prism_backends::{Command, Context, Extent, LogCommand, LogReply, Reply};
use prism_shard::{PeerId, SlabKey, Turn};

use super::owner::FollowedLog;
use super::readers::{Delivery, Parts};
use super::{LogName, Notice};
use crate::app::{Lane, Proxy, lane};
use crate::client::Client;
use crate::dispatch::execute;
use crate::limits::{
    FANOUT_PER_TURN_MAX, PAGE_BYTES_MAX, PULL_BYTES_PER_WORK, TAIL_BYTES_PER_TURN_MAX, TAIL_LOOK_BYTES,
    TAIL_PAGE_BYTES_MIN, TAILS_PER_TURN_MAX,
};
use crate::pull::Offer;
use crate::services::follow::{write_messages, write_records};
use crate::statistics;
use crate::wire::Wire;

impl Proxy {
    /// Sends what is new to the shards that follow, and what has come to the readers, as much as one turn may; true
    /// when there is more.
    pub(crate) fn tails_turn(&mut self, turn: &mut Turn<'_, Self>) -> bool {
        let mut bytes = 0;
        for _ in 0..self.followed.dirty().min(TAILS_PER_TURN_MAX) {
            if bytes < TAIL_BYTES_PER_TURN_MAX
                && let Some(name) = self.followed.next_dirty()
            {
                bytes += self.publish(turn.now_ns, turn.shard, name, TAIL_BYTES_PER_TURN_MAX - bytes);
            }
        }
        let mut work_left = FANOUT_PER_TURN_MAX;
        while work_left > 0
            && let Some((tail, delivery)) = self.tails.next_delivery()
        {
            let copied;
            (work_left, copied) = self.deliver(turn, tail, delivery, work_left);
            bytes += copied;
        }
        if bytes > self.tails.most_bytes {
            turn.counters.add_own(statistics::TAIL_BYTES_MOST_AT, (bytes - self.tails.most_bytes) as u64);
            self.tails.most_bytes = bytes;
        }
        for owner in 0..self.tails.taken_bytes.len() {
            let bytes = std::mem::take(&mut self.tails.taken_bytes[owner]);
            if bytes > 0 {
                self.tell(owner as u32, Notice::Taken(bytes));
            }
        }
        self.followed.dirty() > 0 || self.tails.has_deliveries()
    }

    /// Sends each shard that follows a log a page of what it has not been sent, until these have `bytes_max`: then the
    /// next shard is the first one in a later turn. Returns how many bytes they have.
    fn publish(&mut self, now_ns: u64, own: u32, name: LogName, bytes_max: usize) -> usize {
        let (mut is_held, mut has_more, mut bytes) = (false, false, 0);
        for _ in 0..self.followed.find(&name).map_or(0, |log| log.followers.len()) {
            if bytes >= bytes_max {
                has_more = true;
                break;
            }
            let Some((index, follower)) = self.followed.find(&name).and_then(FollowedLog::next_follower) else {
                break;
            };
            bytes += TAIL_LOOK_BYTES;
            if !self.followed.may_send(follower.shard) {
                is_held = true;
                continue;
            }
            let Some(page) = self.read_page(now_ns, &name, follower.sent) else { continue };
            if let Some(log) = self.followed.find(&name) {
                log.followers[index].sent = page.next();
            }
            has_more |= page.next() < page.bounds().latest;
            bytes += page.bytes();
            self.followed.sent(follower.shard, counted_bytes(&page));
            if follower.shard == own {
                self.page_of_tail(own, SlabKey::from_bits(follower.tail), page);
            } else {
                self.tell(follower.shard, Notice::Page { tail: follower.tail, page });
            }
        }
        if is_held || has_more {
            self.followed.has_more(name, is_held && !has_more);
        }
        bytes
    }

    /// The records from an offset on; at the end of the log, none.
    fn read_page(&mut self, now_ns: u64, log: &LogName, from: u64) -> Option<Box<Page>> {
        let context = Context { now_ns, namespace: log.namespace, hash: log.hash, call: 0 };
        let extent = Extent { entries_max: LOG_ENTRIES_PER_PAGE, bytes_max: PAGE_BYTES_MAX, ..Extent::WHOLE };
        let command = Command::Log { topic: &log.topic, command: LogCommand::Read { from, extent } };
        match execute(&mut self.backends, log.backend, &context, &command).ok()? {
            Reply::Log(LogReply::Page(page)) if page.count() > 0 => Some(Box::new(page.clone())),
            // Trimmed before it was sent: those who have not read it find that out.
            Reply::Log(LogReply::Outside(bounds)) => Some(Box::new(Page::at_end(bounds))),
            _ => None,
        }
    }

    /// Hands a page to the readers of a tail; returns how much more the turn has room for, and the bytes copied.
    fn deliver(
        &mut self,
        turn: &mut Turn<'_, Self>,
        key: SlabKey,
        mut delivery: Delivery,
        work_max: usize,
    ) -> (usize, usize) {
        let Some(tail) = self.tails.get(key) else { return (work_max, 0) };
        let (owner, topic) = (tail.owner, Arc::clone(&tail.log.topic));
        let (mut work_left, mut bytes) = (work_max, 0);
        let mut last: Option<PeerId> = None;
        let unfinished = loop {
            if work_left == 0 {
                break Some(delivery);
            }
            work_left -= 1;
            let Some(seat) = self.tails.get(key).and_then(|tail| tail.reader(delivery.index)) else {
                self.tails.took(owner, counted_bytes(&delivery.page));
                break None;
            };
            delivery.index += 1;
            let Some(reader) = seat else { continue };
            let Some(pull) = self.pulls.get(reader).filter(|pull| pull.is_waiting()) else { continue };
            let peer = pull.peer;
            if last != Some(peer) {
                self.settle_last(turn, last);
                last = Some(peer);
            }
            let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { continue };
            client.connection.set_room(self.budget.room(client.counted));
            let mut lane = lane!(turn);
            let copied = self.offer(&mut lane, client, reader, &mut delivery, &topic);
            work_left = work_left.saturating_sub(copied / PULL_BYTES_PER_WORK);
            bytes += copied;
        };
        self.settle_last(turn, last);
        self.tails.end_delivery(key, unfinished);
        (work_left, bytes)
    }

    fn settle_last(&mut self, turn: &mut Turn<'_, Self>, last: Option<PeerId>) {
        let Some(peer) = last else { return };
        let Some(client) = turn.peers.peek_mut(peer).map(Wire::client) else { return };
        let mut lane = lane!(turn);
        self.settle(&mut lane, peer, client);
    }

    /// Hands a page to one reader that waits; returns how many bytes were copied for it.
    #[inline]
    fn offer(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        key: SlabKey,
        delivery: &mut Delivery,
        topic: &[u8],
    ) -> usize {
        let Some(pull) = self.pulls.get_mut(key) else { return 0 };
        let (page, stream) = (&delivery.page, pull.stream);
        let (bytes, written_bytes) = match pull.source.offer(page) {
            Offer::Passed => return 0,
            Offer::Pulls => {
                self.wake_pull(client, key);
                return 0;
            }
            Offer::Messages => part(&mut delivery.parts, page, topic, false),
            Offer::Records => part(&mut delivery.parts, page, topic, true),
        };
        let connection = &mut client.connection;
        let has_room = !connection.wants_pause()
            && connection.has_room_for_reply(bytes.len())
            && connection.writable_bytes(stream) >= bytes.len();
        if !has_room {
            self.wake_pull(client, key);
            return written_bytes;
        }
        connection.send_all(stream, bytes.len(), |out| out.extend_from_slice(bytes));
        pull.took(page, lane.now_ns);
        lane.counters.add_own(statistics::DELIVERED_AT, 1);
        written_bytes + bytes.len()
    }
}

/// What a page counts while it is on its way to the readers.
pub(super) fn counted_bytes(page: &Page) -> usize {
    page.bytes().max(TAIL_PAGE_BYTES_MIN)
}

/// The page as the readers of one kind get it, and how many bytes were written for that: it is done once.
fn part<'p>(parts: &'p mut Parts, page: &Page, topic: &[u8], is_record: bool) -> (&'p [u8], usize) {
    let part = if is_record { &mut parts.records } else { &mut parts.messages };
    let is_written = part.is_some();
    let bytes = part.get_or_insert_with(|| {
        if is_record { write_records(page.records()) } else { write_messages(topic, page.records()) }
    });
    let written_bytes = if is_written { 0 } else { bytes.len() };
    (bytes, written_bytes)
}
