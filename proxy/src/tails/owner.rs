//! What the owner of a log keeps of those who follow it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Claim, LogName};
use crate::limits::TAIL_BYTES_UNTAKEN_MAX;

/// A shard that follows a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    pub(super) shard: u32,
    /// The slot of its tail there.
    pub(super) tail: u64,
    /// It was sent what lies before this offset.
    pub(super) sent: u64,
}

/// The subscription that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    pub(super) shard: u32,
    pub(super) pull: u64,
}

/// The name of a subscriber: who has it, and who will when it is known that its subscription is in order.
#[derive(Debug, Default)]
struct Subscriber {
    holder: Option<Holder>,
    beginning: BTreeSet<Holder>,
}

/// A log that somebody follows or has subscribed to by name.
#[derive(Debug)]
pub(super) struct FollowedLog {
    pub(super) name: LogName,
    pub(super) followers: Vec<Follower>,
    /// The follower that is looked at next.
    next: usize,
    subscribers: HashMap<Box<[u8]>, Subscriber>,
    /// It stands among those with something new.
    is_dirty: bool,
}

impl FollowedLog {
    /// The next follower, round and round, and its place among them.
    pub(super) fn next_follower(&mut self) -> Option<(usize, Follower)> {
        let index = if self.next < self.followers.len() { self.next } else { 0 };
        self.next = index + 1;
        Some((index, *self.followers.get(index)?))
    }
}

/// All such logs that this shard owns.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// By hash; two of one hash are hardly ever there.
    logs: HashMap<u64, Vec<FollowedLog>>,
    dirty: VecDeque<LogName>,
    /// Logs whose news wait for a shard to take what it was sent.
    held: Vec<LogName>,
    /// Bytes of pages that each shard has not said that it has taken.
    untaken_bytes: Vec<usize>,
}

impl Followed {
    /// A log that this shard owns has a new record.
    #[inline]
    pub(crate) fn appended(&mut self, backend: usize, namespace: u16, hash: u64, topic: &[u8]) {
        if self.logs.is_empty() {
            return;
        }
        let Some(logs) = self.logs.get_mut(&hash) else { return };
        let is_it = |log: &&mut FollowedLog| {
            let name = &log.name;
            (name.backend, name.namespace, &*name.topic) == (backend, namespace, topic)
        };
        if let Some(log) = logs.iter_mut().find(is_it)
            && !log.followers.is_empty()
            && !log.is_dirty
        {
            log.is_dirty = true;
            self.dirty.push_back(log.name.clone());
        }
    }

    /// Whether nobody follows any log.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.dirty.is_empty() && self.held.is_empty()
    }

    /// What the pages count that have not reached their readers.
    #[cfg(test)]
    pub(crate) fn untaken_bytes(&self) -> usize {
        self.untaken_bytes.iter().sum()
    }

    pub(super) fn find(&mut self, name: &LogName) -> Option<&mut FollowedLog> {
        self.logs.get_mut(&name.hash)?.iter_mut().find(|log| log.name == *name)
    }

    fn find_or_add(&mut self, name: &LogName) -> &mut FollowedLog {
        let logs = self.logs.entry(name.hash).or_default();
        let at = logs.iter().position(|log| log.name == *name).unwrap_or_else(|| {
            let (followers, subscribers) = (Vec::new(), HashMap::new());
            logs.push(FollowedLog { name: name.clone(), followers, next: 0, subscribers, is_dirty: false });
            logs.len() - 1
        });
        &mut logs[at]
    }

    /// Forgets a log of which nobody wants to hear.
    fn tidy(&mut self, name: &LogName) {
        let Some(logs) = self.logs.get_mut(&name.hash) else { return };
        logs.retain(|log| log.name != *name || !log.followers.is_empty() || !log.subscribers.is_empty());
        if logs.is_empty() {
            self.logs.remove(&name.hash);
        }
    }

    pub(super) fn follow(&mut self, name: &LogName, follower: Follower) {
        self.find_or_add(name).followers.push(follower);
    }

    pub(super) fn unfollow(&mut self, name: &LogName, shard: u32, tail: u64) {
        if let Some(log) = self.find(name) {
            log.followers.retain(|follower| (follower.shard, follower.tail) != (shard, tail));
        }
        self.tidy(name);
    }

    /// A subscription begins that wants a name; whoever has it keeps it.
    pub(super) fn claim(&mut self, claim: Claim, wanting: Holder) {
        let subscribers = &mut self.find_or_add(&claim.log).subscribers;
        subscribers.entry(claim.subscriber).or_default().beginning.insert(wanting);
    }

    /// It is in order: gives it the name, unless it was told to end meanwhile; returns the one that had it.
    pub(super) fn confirm(&mut self, claim: &Claim, begun: Holder) -> Option<Holder> {
        let subscriber = self.find(&claim.log)?.subscribers.get_mut(&claim.subscriber)?;
        if subscriber.beginning.remove(&begun) { subscriber.holder.replace(begun) } else { None }
    }

    /// A subscription that has or wants a name is over.
    pub(super) fn release(&mut self, claim: &Claim, over: Holder) {
        if let Some(log) = self.find(&claim.log)
            && let Some(subscriber) = log.subscribers.get_mut(&claim.subscriber)
        {
            subscriber.beginning.remove(&over);
            subscriber.holder = subscriber.holder.filter(|holder| *holder != over);
            if subscriber.holder.is_none() && subscriber.beginning.is_empty() {
                log.subscribers.remove(&claim.subscriber);
            }
        }
        self.tidy(&claim.log);
    }

    /// Takes the name from whichever subscriptions have or want it.
    pub(super) fn unsubscribe(&mut self, claim: &Claim) -> impl Iterator<Item = Holder> + use<> {
        let subscriber = self.find(&claim.log).and_then(|log| log.subscribers.remove(&claim.subscriber));
        self.tidy(&claim.log);
        let Subscriber { holder, beginning } = subscriber.unwrap_or_default();
        holder.into_iter().chain(beginning)
    }

    /// The next log with something new.
    pub(super) fn next_dirty(&mut self) -> Option<LogName> {
        let name = self.dirty.pop_front()?;
        if let Some(log) = self.find(&name) {
            log.is_dirty = false;
        }
        Some(name)
    }

    /// How many have something new.
    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// A log has more than was sent; it waits until a shard has taken what it was sent, if `is_held`.
    pub(super) fn has_more(&mut self, name: LogName, is_held: bool) {
        if let Some(log) = self.find(&name)
            && !std::mem::replace(&mut log.is_dirty, true)
        {
            if is_held { self.held.push(name) } else { self.dirty.push_back(name) }
        }
    }

    fn untaken(&mut self, shard: u32) -> &mut usize {
        let index = shard as usize;
        if self.untaken_bytes.len() <= index {
            self.untaken_bytes.resize(index + 1, 0);
        }
        &mut self.untaken_bytes[index]
    }

    /// Whether a shard may be sent another page.
    pub(super) fn may_send(&mut self, shard: u32) -> bool {
        *self.untaken(shard) < TAIL_BYTES_UNTAKEN_MAX
    }

    pub(super) fn sent(&mut self, shard: u32, bytes: usize) {
        *self.untaken(shard) += bytes;
    }

    pub(super) fn taken(&mut self, shard: u32, bytes: usize) {
        let untaken = self.untaken(shard);
        *untaken = untaken.saturating_sub(bytes);
        self.dirty.extend(self.held.drain(..));
    }
}
