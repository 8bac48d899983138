//! What a shard does with a notice of another one, or of its own.

use prism_backends::memstore::Page;
use prism_backends::{Command, Context, LogCommand, LogReply, Reply};
use prism_proto::status::{Code, Status};
use prism_shard::{SlabKey, Turn, route};

use super::deliver::counted_bytes;
use super::owner::{Follower, Holder};
use super::readers::Joined;
use super::{Claim, Expulsion, LogName, Notice, Seat};
use crate::app::{Lane, Proxy, lane};
use crate::call::{Outcome, Parcel};
use crate::dispatch::execute;
use crate::status;
use crate::wire::Wire;

impl Proxy {
    /// Sends a notice, in order, as soon as there is room.
    pub(crate) fn tell(&mut self, to: u32, notice: Notice) {
        self.replies_held.push_back((to, Parcel::Notice(notice)));
    }

    /// Gives a pull a seat at the end of a log. From now on it is woken by what is appended.
    pub(crate) fn join_tail(&mut self, log: LogName, shards: u32, pull: SlabKey) -> Result<Seat, Status> {
        let owner = route::owner(log.hash, shards);
        let tails_max = self.registry.limits.calls_per_shard_max;
        match self.tails.join(log.clone(), owner, pull) {
            None => Err(status::too_many_calls(tails_max)),
            Some(Joined::Known(seat)) => Ok(seat),
            Some(Joined::First(seat)) => {
                self.tell(owner, Notice::Follow { log, tail: seat.tail.to_bits() });
                Ok(seat)
            }
        }
    }

    /// A pull is over that had a seat.
    pub(crate) fn leave_tail(&mut self, seat: Seat) {
        if let Some(tail) = self.tails.leave(seat) {
            self.tell(tail.owner, Notice::Unfollow { log: tail.log, tail: seat.tail.to_bits() });
        }
    }

    /// What another shard, or this one, says about the end of a log.
    pub(crate) fn heed(&mut self, turn: &mut Turn<'_, Self>, from: u32, notice: Notice) {
        match notice {
            Notice::Follow { log, tail } => {
                let page = Page::at_end(self.log_bounds(turn.now_ns, &log));
                self.followed.follow(&log, Follower { shard: from, tail, sent: page.next() });
                self.followed.sent(from, counted_bytes(&page));
                self.tell(from, Notice::Page { tail, page: Box::new(page) });
            }
            Notice::Unfollow { log, tail } => self.followed.unfollow(&log, from, tail),
            Notice::Page { tail, page } => self.page_of_tail(from, SlabKey::from_bits(tail), page),
            Notice::Taken(bytes) => self.followed.taken(from, bytes),
            Notice::Claim { claim, pull } => self.followed.claim(claim, Holder { shard: from, pull }),
            Notice::Confirm { claim, pull } => self.confirm(&claim, Holder { shard: from, pull }),
            Notice::Release { claim, pull } => self.followed.release(&claim, Holder { shard: from, pull }),
            Notice::Unsubscribe { claim, call } => {
                self.end_subscription(&claim);
                self.replies_held.push_back((from, Parcel::Reply { call, outcome: Outcome::Unsubscribed }));
            }
            Notice::Expel { pull, why } => self.expel(turn, SlabKey::from_bits(pull), why),
        }
    }

    /// A subscription of this shard begins that wants a name.
    pub(crate) fn claim(&mut self, own: u32, claim: Claim, pull: SlabKey) {
        let (owner, pull) = (route::owner(claim.log.hash, self.shards), pull.to_bits());
        if owner == own {
            // At once, for an Unsubscribe that is right behind is executed at once too.
            self.followed.claim(claim, Holder { shard: own, pull });
        } else {
            self.tell(owner, Notice::Claim { claim, pull });
        }
    }

    /// A subscription of this shard has begun: the name that it wants, if it does, is its own from now on.
    pub(crate) fn claim_begun(&mut self, own: u32, pull: SlabKey) {
        let Some(claim) = self.pulls.get(pull).and_then(|pull| pull.claim.clone()) else { return };
        let (owner, pull) = (route::owner(claim.log.hash, self.shards), pull.to_bits());
        if owner == own {
            self.confirm(&claim, Holder { shard: own, pull });
        } else {
            self.tell(owner, Notice::Confirm { claim: *claim, pull });
        }
    }

    /// Gives a name to a subscription, which ends the one that had it.
    fn confirm(&mut self, claim: &Claim, begun: Holder) {
        if let Some(Holder { shard, pull }) = self.followed.confirm(claim, begun) {
            self.tell(shard, Notice::Expel { pull, why: Expulsion::Replaced });
        }
    }

    /// Ends the subscription that has a name, if there is one, and those that are about to.
    pub(crate) fn end_subscription(&mut self, claim: &Claim) {
        for Holder { shard, pull } in self.followed.unsubscribe(claim) {
            self.tell(shard, Notice::Expel { pull, why: Expulsion::Unsubscribed });
        }
    }

    /// Where a log begins and ends that this shard owns.
    fn log_bounds(&mut self, now_ns: u64, log: &LogName) -> prism_backends::memstore::Bounds {
        let context = Context { now_ns, namespace: log.namespace, hash: log.hash, call: 0 };
        let command = Command::Log { topic: &log.topic, command: LogCommand::Bounds };
        match execute(&mut self.backends, log.backend, &context, &command) {
            Ok(Reply::Log(LogReply::Bounds(bounds))) => bounds,
            // The backend was taken away; whoever pulls is told.
            _ => Default::default(),
        }
    }

    /// A page for a tail of this shard; it goes to the readers at the end of the turn.
    pub(super) fn page_of_tail(&mut self, owner: u32, key: SlabKey, page: Box<Page>) {
        let Some(tail) = self.tails.get_mut(key) else {
            return self.tails.took(owner, counted_bytes(&page));
        };
        tail.latest = tail.latest.max(page.bounds().latest);
        self.tails.add_delivery(key, page);
    }

    fn expel(&mut self, turn: &mut Turn<'_, Self>, key: SlabKey, why: Expulsion) {
        let Some(pull) = self.pulls.get(key) else { return };
        let (peer, stream) = (pull.peer, pull.stream);
        let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { return };
        let status = match why {
            Expulsion::Replaced => Status::new(
                Code::Aborted,
                "another Subscribe with the same topic and subscriber_id has taken its place",
            ),
            Expulsion::Unsubscribed => Status::OK,
        };
        client.connection.finish(stream, &status, &[]);
        self.end_pull(client, key);
        let mut lane = lane!(turn);
        self.settle(&mut lane, peer, client);
    }
}
