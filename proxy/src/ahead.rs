//! Looking ahead over the requests of a read, so that what their keys need is on its way from memory when they are
//! executed: the waits of many calls are one.
//!
//! It gives hints and changes nothing, so calls have the same effects and answers, in the same order, with it or
//! without. A message that is not what it is taken for costs a look at a wrong place.

use prism_backends::Backend as _;
use prism_proto::h2::Ahead;
use prism_proto::view::GetView;
use prism_shard::route;

use crate::app::{Lane, Proxy};
use crate::config::Group;
use crate::limits::AHEAD_CALLS;

/// How far the look ahead of one read has come.
pub(crate) struct Outlook<'i> {
    messages: Ahead<'i>,
    /// Events until the next look.
    left: usize,
}

impl<'i> Outlook<'i> {
    pub(crate) fn new(messages: Ahead<'i>) -> Self {
        Self { messages, left: 0 }
    }
}

impl Proxy {
    /// Before each event: looks at the next calls when those that it has looked at are through.
    #[inline]
    pub(crate) fn look_ahead(&self, lane: &Lane<'_>, outlook: &mut Outlook<'_>) {
        if outlook.left == 0 {
            self.look(lane, outlook);
        }
        outlook.left -= 1;
    }

    /// In two steps, the buckets of all keys and then their records, so that what the second needs has come meanwhile.
    #[inline(never)]
    fn look(&self, lane: &Lane<'_>, outlook: &mut Outlook<'_>) {
        outlook.left = AHEAD_CALLS;
        let mut keys = [(0, 0, 0); AHEAD_CALLS];
        let mut count = 0;
        for message in outlook.messages.by_ref().take(AHEAD_CALLS) {
            if let Some(key) = self.locate(lane, message) {
                keys[count] = key;
                count += 1;
            }
        }
        // With a single one the second step would wait for the first.
        let keys = if count > 1 { &keys[..count] } else { &[] };
        for &(backend, namespace, hash) in keys {
            if let Some(backend) = self.backends.get(backend) {
                backend.prefetch_entry(namespace, hash);
            }
        }
        for &(backend, namespace, hash) in keys {
            if let Some(backend) = self.backends.get(backend) {
                backend.prefetch_record(namespace, hash);
            }
        }
    }

    /// Backend, namespace and hash of the key that a message is about, if it is about one of this shard. The requests
    /// of one key all begin as a Get does.
    #[inline]
    fn locate(&self, lane: &Lane<'_>, message: &[u8]) -> Option<(usize, u16, u64)> {
        let get = GetView::decode(message).ok()?;
        let (namespace, found) = self.registry.find(get.namespace.as_bytes())?;
        let backend = found.slot(Group::KeyValue)?;
        let hash = self.hasher.hash(namespace, get.key.as_bytes());
        (route::owner(hash, lane.shards) == lane.shard).then_some((backend, namespace, hash))
    }
}
