//! How these calls begin.

use std::sync::Arc;

use prism_proto::h2::Call;
use prism_proto::messages::prism::interfaces::pubsub::{SubscribeRequest, UnsubscribeRequest, UnsubscribeResponse};
use prism_proto::messages::prism::interfaces::stream::ReadRequest;
use prism_proto::method::id;
use prism_proto::status::Status;
use prism_shard::{SlabKey, route};
use prost::Message;

use super::{Follow, Kind, Place, request};
use crate::app::{Lane, Proxy};
use crate::call::{Parcel, Parked};
use crate::client::Client;
use crate::config::Group;
use crate::dispatch::Origin;
use crate::pull::Pull;
use crate::services::log::{check_length, check_topic};
use crate::services::reply_message;
use crate::status;
use crate::tails::{Claim, LogName, Notice};

fn decode<M: Message + Default>(call: &Call<'_>) -> Result<M, Status> {
    M::decode(&*call.message).map_err(|error| status::malformed(call.method, &error))
}

impl Proxy {
    /// Begins one of these calls on a connection of this shard.
    pub(crate) fn follow(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        call: &Call<'_>,
    ) -> Result<(), Status> {
        match call.method {
            id::PUBSUB_BASIC_SUBSCRIBE => self.subscribe(lane, client, origin, call),
            id::PUBSUB_BASIC_UNSUBSCRIBE => self.unsubscribe(lane, client, origin, call),
            _ => self.read(lane, client, origin, call),
        }
    }

    fn log_name(&self, namespace: u16, backend: usize, topic: String) -> LogName {
        let hash = self.hasher.hash(namespace, topic.as_bytes());
        LogName { backend, namespace, hash, topic: Arc::from(topic.into_bytes()) }
    }

    fn subscribe(
        &mut self,
        lane: &Lane<'_>,
        client: &mut Client,
        origin: Origin,
        call: &Call<'_>,
    ) -> Result<(), Status> {
        let request: SubscribeRequest = decode(call)?;
        let (namespace, backend) = self.offered((&request.namespace).into(), Group::PubSub, call.method)?;
        let start = request::subscription(&request, &self.registry.limits)?;
        let log = self.log_name(namespace, backend, request.topic);
        let subscriber = request.subscriber_id.into_bytes().into_boxed_slice();
        let claim = (!subscriber.is_empty()).then(|| Box::new(Claim { log: log.clone(), subscriber }));
        let (owner, place) = (route::owner(log.hash, lane.shards), Place::Begin(start));
        let source = Follow { topic: log.topic.clone(), hash: log.hash, owner, place, kind: Kind::Subscriber };
        let mut pull = self.log_pull(origin, namespace, source);
        pull.claim.clone_from(&claim);
        let key = self.begin_pull(client, pull)?;
        self.take_seat(lane, client, key, log)?;
        if let Some(claim) = claim {
            self.claim(lane.shard, *claim, key);
        }
        Ok(())
    }

    fn read(&mut self, lane: &Lane<'_>, client: &mut Client, origin: Origin, call: &Call<'_>) -> Result<(), Status> {
        let request: ReadRequest = decode(call)?;
        let (namespace, backend) = self.offered((&request.namespace).into(), Group::Stream, call.method)?;
        let (start, kind) = request::reading(&request, &self.registry.limits)?;
        let log = self.log_name(namespace, backend, request.stream);
        let (owner, place) = (route::owner(log.hash, lane.shards), Place::Begin(start));
        let source = Follow { topic: log.topic.clone(), hash: log.hash, owner, place, kind };
        let key = self.begin_pull(client, self.log_pull(origin, namespace, source))?;
        if request.wait_ms > 0 {
            self.take_seat(lane, client, key, log)?;
        }
        Ok(())
    }

    fn log_pull(&self, origin: Origin, namespace: u16, source: Follow) -> Pull {
        let Origin { peer, stream, method, deadline_ns, .. } = origin;
        Pull::new((peer, stream), method, deadline_ns, namespace, Box::new(source))
    }

    /// Has a pull be woken by what is appended to a log.
    fn take_seat(&mut self, lane: &Lane<'_>, client: &mut Client, key: SlabKey, log: LogName) -> Result<(), Status> {
        match self.join_tail(log, lane.shards, key) {
            Ok(seat) => {
                if let Some(pull) = self.pulls.get_mut(key) {
                    pull.seat = Some(seat);
                }
                Ok(())
            }
            Err(status) => {
                self.end_pull(client, key);
                Err(status)
            }
        }
    }

    /// A subscription is over that has a name.
    pub(crate) fn release_claim(&mut self, claim: &Claim, key: SlabKey) {
        let owner = route::owner(claim.log.hash, self.shards);
        self.tell(owner, Notice::Release { claim: claim.clone(), pull: key.to_bits() });
    }

    fn unsubscribe(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        call: &Call<'_>,
    ) -> Result<(), Status> {
        let request: UnsubscribeRequest = decode(call)?;
        let (namespace, backend) = self.offered((&request.namespace).into(), Group::PubSub, call.method)?;
        check_topic("topic", request.topic.as_bytes(), &self.registry.limits)?;
        check_length("subscriber_id", request.subscriber_id.len())?;
        let log = self.log_name(namespace, backend, request.topic);
        let owner = route::owner(log.hash, lane.shards);
        let claim = Claim { log, subscriber: request.subscriber_id.into_bytes().into_boxed_slice() };
        if owner == lane.shard {
            self.end_subscription(&claim);
            reply_message(&mut client.connection, origin.stream, &unsubscribed());
            return Ok(());
        }
        let waiting_max = self.registry.limits.streams_per_connection_max;
        if client.parked >= waiting_max {
            return Err(status::too_many_waiting(waiting_max));
        }
        let Origin { peer, stream, method, whose, .. } = origin;
        let calls_max = self.registry.limits.calls_per_shard_max;
        let key = self
            .calls
            .insert(Parked { peer, stream, method, whose, charged_bytes: 0 })
            .map_err(|_| status::too_many_calls(calls_max))?;
        client.parked += 1;
        self.replies_held.push_back((owner, Parcel::Notice(Notice::Unsubscribe { claim, call: key.to_bits() })));
        Ok(())
    }
}

/// The answer to Unsubscribe.
pub(crate) fn unsubscribed() -> UnsubscribeResponse {
    UnsubscribeResponse { success: true, error: String::new() }
}
