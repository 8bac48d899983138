//! From a decoded call to its execution, here or at the key's owner.

use prism_backends::{
    Backend as _, Command, Context, Execution, Failure, FailureKind, LogReply, OwnedCommand, OwnedReply, Reply,
};
use prism_proto::h2::{Call, StreamRef};
use prism_proto::method::{Group, MethodId, SERVICES, id};
use prism_proto::status::Status;
use prism_proto::text::Text;
use prism_proto::view;
use prism_shard::{PeerId, SlabKey, Turn, route};

use crate::app::{Lane, Proxy, lane};
use crate::backends::Instances;
use crate::call::{Errand, Outcome, Parcel, Parked, Whose};
use crate::client::{Client, Deferred};
use crate::config;
use crate::services::{self, Connection, keyvalue, keyvalue_ttl, list, log, pubsub, stream};
use crate::wire::Wire;
use crate::{statistics, status};

/// The full names of the services that are served.
pub(crate) fn served() -> Vec<&'static str> {
    SERVICES.iter().map(|service| service.name).collect()
}

/// The group whose backend executes the commands of a method.
#[inline]
pub(crate) fn group(method: MethodId) -> config::Group {
    match method.method().group {
        Group::ListBasic => config::Group::List,
        Group::PubsubBasic => config::Group::PubSub,
        Group::StreamBasic => config::Group::Stream,
        // Health and reflection have no commands.
        _ => config::Group::KeyValue,
    }
}

/// Where a call came from: what its answer needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) peer: PeerId,
    pub(crate) stream: StreamRef,
    pub(crate) method: MethodId,
    pub(crate) deadline_ns: u64,
    pub(crate) whose: Whose,
}

impl Origin {
    pub(crate) fn errand(self, namespace: u16, hash: u64, command: OwnedCommand, reply_bytes_max: usize) -> Errand {
        let Self { method, deadline_ns, .. } = self;
        Errand { call: 0, method, namespace, hash, deadline_ns, reply_bytes_max, command }
    }

    fn deferred(self, namespace: u16, hash: u64, command: OwnedCommand, reply_bytes: usize) -> Deferred {
        let Self { stream, method, deadline_ns, .. } = self;
        Deferred { stream, method, deadline_ns, namespace, hash, command, reply_bytes }
    }
}

impl Proxy {
    /// A call whose request is complete. Checks come in the order of the interface definition: deadline, method,
    /// decoding, namespace, interface, arguments.
    #[inline]
    pub(crate) fn call(&mut self, lane: &mut Lane<'_>, peer: PeerId, client: &mut Client, call: &Call<'_>) {
        let stream = call.stream;
        if call.deadline_ns.is_some_and(|deadline_ns| deadline_ns <= lane.now_ns) {
            return client.connection.finish(stream, &status::expired(), &[]);
        }
        let deadline_ns = call.deadline_ns.unwrap_or(0);
        let origin = Origin { peer, stream, method: call.method, deadline_ns, whose: Whose::Call };
        let Some(decoded) = keyvalue::decode(call.method, &call.message) else {
            return self.other_call(lane, client, origin, call);
        };
        let outcome = decoded.and_then(|request| self.keyed(lane, client, origin, config::Group::KeyValue, &request));
        if let Err(status) = outcome {
            client.connection.finish(stream, &status, &[]);
        }
    }

    #[inline(never)]
    fn other_call(&mut self, lane: &mut Lane<'_>, client: &mut Client, origin: Origin, call: &Call<'_>) {
        let Origin { peer, stream, method, .. } = origin;
        let outcome = match method.method().group {
            Group::KeyvalueTtl => keyvalue_ttl::decode(method, &call.message).map(|decoded| {
                decoded.and_then(|request| self.keyed(lane, client, origin, config::Group::KeyValue, &request))
            }),
            Group::ListBasic => list::decode(method, &call.message).map(|decoded| {
                decoded.and_then(|mut request| {
                    request.command = list::bounded(request.command, client.reply_bytes_max(&request.command));
                    self.keyed(lane, client, origin, config::Group::List, &request)
                })
            }),
            Group::PubsubBasic | Group::StreamBasic => Some(match decode_log(call) {
                Some(decoded) => decoded.and_then(|request| self.log(lane, client, origin, &request)),
                None => self.follow(lane, client, origin, call),
            }),
            Group::KeyvalueScan => Some(self.scan(lane.shards, peer, client, call)),
            Group::KeyvalueBatch => {
                services::batch::batch(method).map(|batch| self.batch_call(lane, client, origin, batch, call))
            }
            Group::Health => return self.health_call(&mut client.connection, peer, call),
            _ => None,
        };
        let outcome = outcome.unwrap_or_else(|| Err(self.not_offered(call)));
        if let Err(status) = outcome {
            client.connection.finish(stream, &status, &[]);
        }
    }

    fn health_call(&mut self, connection: &mut Connection, peer: PeerId, call: &Call<'_>) {
        let Call { stream, method, .. } = *call;
        match method {
            id::HEALTH_CHECK => self.health.check(method, connection, stream, &call.message),
            id::HEALTH_WATCH => self.health.watch(method, connection, (peer, stream), &call.message),
            _ => self.health.list(connection, stream),
        }
    }

    /// Decoding and the namespace are checked first, so that the caller learns of the nearest mistake.
    #[cold]
    fn not_offered(&self, call: &Call<'_>) -> Status {
        let method = call.method.method();
        let name = match prism_proto::view::namespace(&call.message) {
            Ok(name) => name,
            Err(error) => return status::malformed(call.method, &error),
        };
        if let Err(status) = keyvalue::check_namespace(name) {
            return status;
        }
        match self.registry.find(name.as_bytes()) {
            Some((_, namespace)) => status::not_offered(method.service, &namespace.name, &namespace.backend),
            None => status::unknown_namespace(name.as_str()),
        }
    }

    /// A call about one key, of an interface of `group`.
    #[inline]
    fn keyed(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        group: config::Group,
        request: &keyvalue::Request<'_>,
    ) -> Result<(), Status> {
        let (namespace, backend) = self.offered(request.namespace, group, origin.method)?;
        keyvalue::check(&request.command, &self.registry.limits)?;
        self.execute_or_send(lane, client, origin, (namespace, backend), &request.command)
    }

    fn log(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        request: &log::Request<'_>,
    ) -> Result<(), Status> {
        let (namespace, backend) = self.offered(request.namespace(), group(origin.method), origin.method)?;
        request.check(&self.registry.limits)?;
        self.execute_or_send(lane, client, origin, (namespace, backend), &request.command(lane.unix_ms))
    }

    /// Executes a command that was checked, here or at its owner.
    #[inline]
    fn execute_or_send(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        (namespace, backend): (u16, usize),
        command: &Command<'_>,
    ) -> Result<(), Status> {
        let hash = self.hasher.hash(namespace, command.key());
        let owner = route::owner(hash, lane.shards);
        if owner != lane.shard {
            let reply_bytes_max = client.reply_bytes_max(command);
            let errand = origin.errand(namespace, hash, (*command).into(), reply_bytes_max);
            return self.send(lane, client, origin, owner, errand);
        }
        let context = Context { now_ns: lane.now_ns, namespace, hash, call: 0 };
        match execute(&mut self.backends, backend, &context, command) {
            Ok(Reply::Get(Some(value))) if !client.has_room_for(value.len()) => {
                let reply_bytes = view::get_response_bytes(Some(value));
                client.defer(origin.deferred(namespace, hash, (*command).into(), reply_bytes), false);
            }
            Ok(Reply::PopTooLong(value_bytes)) => {
                let reply_bytes = list::pop_reply_bytes(value_bytes);
                client.defer(origin.deferred(namespace, hash, (*command).into(), reply_bytes), false);
            }
            Ok(reply) => {
                if let (Reply::Log(LogReply::Appended(_)), Command::Log { topic, .. }) = (&reply, command) {
                    self.followed.appended(backend, namespace, hash, topic);
                }
                services::answer(&mut client.connection, origin.stream, origin.method, reply);
            }
            Err(failure) => return Err(status::from_failure(failure)),
        }
        Ok(())
    }

    /// The namespace that a call of one of a group's interfaces names, and the slot of its backend.
    #[inline]
    pub(crate) fn offered(
        &self,
        name: Text<'_>,
        group: config::Group,
        method: MethodId,
    ) -> Result<(u16, usize), Status> {
        keyvalue::check_namespace(name)?;
        let Some((namespace, found)) = self.registry.find(name.as_bytes()) else {
            return Err(status::unknown_namespace(name.as_str()));
        };
        match found.slot(group) {
            Some(backend) => Ok((namespace, backend)),
            None => Err(status::not_offered(method.method().service, &found.name, &found.backend)),
        }
    }

    /// Executes the deferred calls of a connection for whose replies there is room now.
    #[cold]
    pub(crate) fn resume(&mut self, lane: &mut Lane<'_>, peer: PeerId, client: &mut Client) {
        while let Some(call) = client.next_deferred() {
            let stream = call.stream;
            if let Err(status) = self.resume_one(lane, peer, client, call) {
                client.connection.finish(stream, &status, &[]);
            }
        }
    }

    fn resume_one(
        &mut self,
        lane: &mut Lane<'_>,
        peer: PeerId,
        client: &mut Client,
        call: Deferred,
    ) -> Result<(), Status> {
        let Deferred { stream, method, deadline_ns, namespace, hash, command, reply_bytes } = call;
        let origin = Origin { peer, stream, method, deadline_ns, whose: Whose::Call };
        if deadline_ns != 0 && deadline_ns <= lane.now_ns {
            return Err(status::expired());
        }
        let owner = route::owner(hash, lane.shards);
        if owner != lane.shard {
            return self.send(lane, client, origin, owner, origin.errand(namespace, hash, command, reply_bytes));
        }
        let backend = self.backend(namespace, method).map_err(status::from_failure)?;
        let context = Context { now_ns: lane.now_ns, namespace, hash, call: 0 };
        let bounded = list::bounded(command.view(), reply_bytes);
        match execute(&mut self.backends, backend, &context, &bounded).map_err(status::from_failure)? {
            // It has grown meanwhile.
            Reply::Get(value @ Some(_)) if !client.connection.has_room_for_reply(view::get_response_bytes(value)) => {
                let reply_bytes = view::get_response_bytes(value);
                client.defer(origin.deferred(namespace, hash, command, reply_bytes), true);
            }
            Reply::PopTooLong(value_bytes) => {
                let reply_bytes = list::pop_reply_bytes(value_bytes);
                client.defer(origin.deferred(namespace, hash, command, reply_bytes), true);
            }
            reply => services::answer(&mut client.connection, stream, method, reply),
        }
        Ok(())
    }

    pub(crate) fn backend(&self, namespace: u16, method: MethodId) -> Result<usize, Failure> {
        let backend = self.registry.namespace(namespace).and_then(|namespace| namespace.slot(group(method)));
        backend.ok_or_else(|| self.taken_away(namespace))
    }

    /// Other shards may not have heard of it yet, so a caller who tries again learns what has become of it.
    #[cold]
    fn taken_away(&self, namespace: u16) -> Failure {
        let name = self.registry.name(namespace);
        Failure::new(FailureKind::Unavailable, format!("namespace {name:?} was taken away or changed by a reload"))
    }

    /// Parks the call and sends its command to the key's owner.
    pub(crate) fn send(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        owner: u32,
        mut errand: Errand,
    ) -> Result<(), Status> {
        let call = self.park(lane, client, origin, errand.command.bytes() + errand.reply_bytes_max)?;
        errand.call = call.to_bits();
        if lane.mesh.send(owner, Parcel::Command(errand)).is_err() {
            self.unpark(client, call);
            return Err(status::mesh_full(owner));
        }
        Ok(())
    }

    /// Finds a place for a call that waits for another shard, and charges what it brings and may get.
    pub(crate) fn park(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        charged_bytes: usize,
    ) -> Result<SlabKey, Status> {
        let Origin { peer, stream, method, whose, .. } = origin;
        // Calls that were reset still wait there: no connection fills the queues of all with those.
        let waiting_max = self.registry.limits.streams_per_connection_max;
        if client.parked >= waiting_max {
            lane.counters.add_own(statistics::CALLS_OVER_SHARE_AT, 1);
            return Err(status::too_many_waiting(waiting_max));
        }
        let calls_max = self.registry.limits.calls_per_shard_max;
        let call = self
            .calls
            .insert(Parked { peer, stream, method, whose, charged_bytes })
            .map_err(|_| status::too_many_calls(calls_max))?;
        client.parked += 1;
        client.connection.charge(charged_bytes);
        Ok(call)
    }

    /// A parked call could not be sent, or is back.
    pub(crate) fn unpark(&mut self, client: &mut Client, call: SlabKey) {
        if let Some(parked) = self.calls.remove(call) {
            client.parked = client.parked.saturating_sub(1);
            client.connection.discharge(parked.charged_bytes);
        }
    }

    /// What came of an errand on another shard: to the connection, if both it and the call are still there.
    pub(crate) fn answered(&mut self, turn: &mut Turn<'_, Self>, call: u64, outcome: Outcome) {
        let Some(parked) = self.calls.remove(SlabKey::from_bits(call)) else { return };
        let Some(client) = turn.peers.get_mut(parked.peer).map(Wire::client) else {
            if let Whose::Part(batch, _) = parked.whose {
                self.forget_batch(batch);
            }
            return;
        };
        let mut lane = lane!(turn);
        client.connection.discharge(parked.charged_bytes);
        client.parked = client.parked.saturating_sub(1);
        match outcome {
            outcome if parked.whose != Whose::Call => self.part_came(&mut lane, client, parked.whose, outcome),
            Outcome::Part(_) => debug_assert!(false, "a part is of a batch"),
            Outcome::Done(reply) => {
                if let OwnedReply::Get(value) | OwnedReply::Pop(value) = &reply {
                    client.learn_reply_bytes(view::get_response_bytes(value.as_deref()));
                }
                services::answer(&mut client.connection, parked.stream, parked.method, reply.view());
            }
            Outcome::Failed(failure) => client.connection.finish(parked.stream, &status::from_failure(failure), &[]),
            Outcome::Unsubscribed => {
                services::reply_message(&mut client.connection, parked.stream, &services::follow::unsubscribed());
            }
            Outcome::TooLong(errand, reply_bytes) => {
                client.learn_reply_bytes(reply_bytes);
                let Parked { peer, stream, method, whose, .. } = parked;
                let origin = Origin { peer, stream, method, deadline_ns: errand.deadline_ns, whose };
                if client.connection.is_open(parked.stream) {
                    let Errand { namespace, hash, command, .. } = errand;
                    client.defer(origin.deferred(namespace, hash, command, reply_bytes), true);
                }
            }
        }
        self.settle(&mut lane, parked.peer, client);
    }

    /// What came of an errand that is not all of its call.
    #[cold]
    fn part_came(&mut self, lane: &mut Lane<'_>, client: &mut Client, whose: Whose, outcome: Outcome) {
        match whose {
            Whose::Call => {}
            Whose::Pull(key) => self.page_came(client, key, outcome),
            Whose::Part(key, owner) => self.batch_part_came(lane, client, (key, owner), outcome),
        }
    }

    /// Executes a command that another shard sent, and sends what came of it back; pages wait for their turn.
    pub(crate) fn errand(&mut self, turn: &mut Turn<'_, Self>, from: u32, errand: Errand) {
        if errand.command.is_page() {
            return self.desk.ask_page(from, errand);
        }
        let call = errand.call;
        let outcome = self.execute_errand(turn.now_ns, errand);
        self.send_back(turn, from, call, outcome);
    }

    /// Sends what came of an errand back.
    pub(crate) fn send_back(&mut self, turn: &mut Turn<'_, Self>, from: u32, call: u64, outcome: Outcome) {
        let parcel = Parcel::Reply { call, outcome };
        if !self.replies_held.is_empty() {
            self.replies_held.push_back((from, parcel));
        } else if let Err(parcel) = turn.mesh.send(from, parcel) {
            self.replies_held.push_back((from, parcel));
        }
    }

    pub(crate) fn execute_errand(&mut self, now_ns: u64, errand: Errand) -> Outcome {
        if errand.deadline_ns != 0 && errand.deadline_ns <= now_ns {
            return Outcome::Failed(Failure::new(FailureKind::Expired, status::expired().message));
        }
        let Errand { method, namespace, hash, call, reply_bytes_max, .. } = errand;
        let backend = match self.backend(namespace, method) {
            Ok(backend) => backend,
            Err(failure) => return Outcome::Failed(failure),
        };
        let context = Context { now_ns, namespace, hash, call };
        let command = list::bounded(errand.command.view(), reply_bytes_max);
        match execute(&mut self.backends, backend, &context, &command) {
            Ok(Reply::Get(value @ Some(_))) if view::get_response_bytes(value) > reply_bytes_max => {
                Outcome::TooLong(errand, view::get_response_bytes(value))
            }
            Ok(Reply::PopTooLong(value_bytes)) => Outcome::TooLong(errand, list::pop_reply_bytes(value_bytes)),
            Ok(reply) => {
                if let (Reply::Log(LogReply::Appended(_)), Command::Log { topic, .. }) = (&reply, errand.command.view())
                {
                    self.followed.appended(backend, namespace, hash, topic);
                }
                Outcome::Done(reply.into())
            }
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

/// Decodes a call of one reply on a log; `None` when it is another.
fn decode_log<'a>(call: &'a Call<'_>) -> Option<Result<log::Request<'a>, Status>> {
    pubsub::decode(call.method, &call.message).or_else(|| stream::decode(call.method, &call.message))
}

#[inline]
pub(crate) fn execute<'s>(
    backends: &'s mut Instances,
    slot: usize,
    context: &Context,
    command: &Command<'_>,
) -> Result<Reply<'s>, Failure> {
    let Some(instance) = backends.get_mut(slot) else {
        return Err(Failure::new(FailureKind::Unavailable, "the backend was taken away by a reload"));
    };
    match instance.execute(context, command) {
        Execution::Done(reply) => Ok(reply),
        Execution::Failed(failure) => Err(failure),
        // Backends that answer later run on the connection's own shard; none is configured by this version.
        Execution::Parked => Err(Failure::new(FailureKind::Internal, "the backend parked a call of another shard")),
    }
}

#[cfg(test)]
mod tests;
