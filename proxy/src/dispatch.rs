//! From a decoded call to its execution, here or at the key's owner.

use prism_backends::{
    Backend as _, Command, Context, Execution, Failure, FailureKind, OwnedCommand, OwnedReply, Reply,
};
use prism_proto::h2::{Call, StreamRef};
use prism_proto::method::{Group, SERVICES, id};
use prism_proto::status::Status;
use prism_shard::{PeerId, Turn, route};

use crate::app::{Lane, Proxy};
use crate::backends::Instances;
use crate::call::{Errand, Parcel, Parked};
use crate::services::{Connection, keyvalue};
use crate::{statistics, status};

/// The full names of the services that are served: those whose calls can succeed.
pub(crate) fn served() -> Vec<&'static str> {
    SERVICES.iter().filter(|service| is_served(service.group)).map(|service| service.name).collect()
}

fn is_served(group: Group) -> bool {
    matches!(group, Group::KeyvalueBasic | Group::Health | Group::Reflection)
}

/// Where a call came from: what its answer needs.
#[derive(Clone, Copy)]
struct Origin {
    peer: PeerId,
    stream: StreamRef,
    deadline_ns: u64,
}

impl Proxy {
    /// A call whose request is complete. Checks come in the order of the interface definition: deadline, method,
    /// decoding, namespace, interface, arguments.
    #[inline]
    pub(crate) fn call(&mut self, lane: &mut Lane<'_>, peer: PeerId, connection: &mut Connection, call: &Call<'_>) {
        let stream = call.stream;
        if call.deadline_ns.is_some_and(|deadline_ns| deadline_ns <= lane.now_ns) {
            return connection.finish(stream, &status::expired(), &[]);
        }
        let Some(decoded) = keyvalue::decode(call.method, &call.message) else {
            return self.other_call(peer, connection, call);
        };
        let origin = Origin { peer, stream, deadline_ns: call.deadline_ns.unwrap_or(0) };
        let outcome = decoded.and_then(|request| self.keyvalue(lane, connection, origin, &request));
        if let Err(status) = outcome {
            connection.finish(stream, &status, &[]);
        }
    }

    fn other_call(&mut self, peer: PeerId, connection: &mut Connection, call: &Call<'_>) {
        let Call { stream, method, .. } = *call;
        match method {
            id::HEALTH_CHECK => self.health.check(method, connection, stream, &call.message),
            id::HEALTH_WATCH => self.health.watch(method, connection, (peer, stream), &call.message),
            id::HEALTH_LIST => self.health.list(connection, stream),
            _ => {
                let status = self.not_offered(call);
                connection.finish(stream, &status, &[]);
            }
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

    #[inline]
    fn keyvalue(
        &mut self,
        lane: &mut Lane<'_>,
        connection: &mut Connection,
        origin: Origin,
        request: &keyvalue::Request<'_>,
    ) -> Result<(), Status> {
        keyvalue::check_namespace(request.namespace)?;
        let Some((namespace, found)) = self.registry.find(request.namespace.as_bytes()) else {
            return Err(status::unknown_namespace(request.namespace.as_str()));
        };
        let Some(backend) = found.keyvalue else {
            let interface = id::KEYVALUE_BASIC_GET.method().service;
            return Err(status::not_offered(interface, &found.name, &found.backend));
        };
        let command = &request.command;
        keyvalue::check(command, &self.registry.limits)?;
        let hash = self.hasher.hash(namespace, command.key());
        let owner = route::owner(hash, lane.shards);
        if owner != lane.shard {
            return self.send(lane, origin, owner, (namespace, hash, command));
        }
        let context = Context { now_ns: lane.now_ns, namespace, hash, call: 0 };
        match execute(&mut self.backends, backend, &context, command) {
            Ok(reply) => keyvalue::answer(connection, origin.stream, reply),
            Err(failure) => return Err(status::from_failure(failure)),
        }
        Ok(())
    }

    /// Parks the call and sends its command to the key's owner.
    fn send(
        &mut self,
        lane: &mut Lane<'_>,
        origin: Origin,
        owner: u32,
        (namespace, hash, command): (u16, u64, &Command<'_>),
    ) -> Result<(), Status> {
        let Origin { peer, stream, deadline_ns } = origin;
        // Calls that were reset still wait there: no connection fills the queues of all with those.
        let waiting_max = self.registry.limits.streams_per_connection_max;
        if *lane.parked >= waiting_max {
            lane.counters.add_own(statistics::CALLS_OVER_SHARE_AT, 1);
            return Err(status::too_many_waiting(waiting_max));
        }
        let calls_max = self.registry.limits.calls_per_shard_max;
        let call =
            self.calls.insert(Parked { peer, stream, deadline_ns }).map_err(|_| status::too_many_calls(calls_max))?;
        let errand =
            Errand { call: call.to_bits(), namespace, hash, deadline_ns, command: OwnedCommand::from(*command) };
        if lane.mesh.send(owner, Parcel::Command(errand)).is_err() {
            self.calls.remove(call);
            return Err(status::mesh_full(owner));
        }
        *lane.parked += 1;
        if deadline_ns != 0 && !self.is_sweep_set {
            self.set_sweep(lane.timers, lane.now_ns);
        }
        Ok(())
    }

    /// Executes a command that another shard sent, and sends what came of it back.
    pub(crate) fn errand(&mut self, turn: &mut Turn<'_, Self>, from: u32, errand: Errand) {
        let outcome = self.execute_errand(turn.now_ns, &errand);
        let parcel = Parcel::Reply { call: errand.call, outcome };
        if !self.replies_held.is_empty() {
            self.replies_held.push_back((from, parcel));
        } else if let Err(parcel) = turn.mesh.send(from, parcel) {
            self.replies_held.push_back((from, parcel));
        }
    }

    fn execute_errand(&mut self, now_ns: u64, errand: &Errand) -> Result<OwnedReply, Failure> {
        if errand.deadline_ns != 0 && errand.deadline_ns <= now_ns {
            return Err(Failure::new(FailureKind::Expired, status::expired().message));
        }
        let Errand { namespace, hash, call, .. } = *errand;
        let backend = self.registry.namespace(namespace).and_then(|namespace| namespace.keyvalue);
        let Some(backend) = backend else {
            return Err(Failure::new(FailureKind::Unavailable, "the namespace was taken away by a reload"));
        };
        let context = Context { now_ns, namespace, hash, call };
        execute(&mut self.backends, backend, &context, &errand.command.view()).map(OwnedReply::from)
    }
}

#[inline]
fn execute<'s>(
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
