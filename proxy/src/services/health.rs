//! grpc.health.v1: Check, Watch and List.
//!
//! Names are the empty one (the process), the full name of every served service, and `namespace:NAME`.

use std::collections::{BTreeMap, HashMap};

use prism_proto::h2::StreamRef;
use prism_proto::messages::grpc::health::v1::health_check_response::ServingStatus;
use prism_proto::messages::grpc::health::v1::{HealthCheckRequest, HealthCheckResponse, HealthListResponse};
use prism_proto::method::MethodId;
use prism_proto::status::{Code, Status};
use prism_shard::PeerId;
use prost::Message as _;

use super::{Connection, send_message};
use crate::registry::Registry;
use crate::status;

/// Who watches what, on one shard, and what it was told last.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) peer: PeerId,
    pub(crate) stream: StreamRef,
    service: String,
    told: ServingStatus,
}

/// The health of what one shard serves.
#[derive(Debug, Default)]
pub(crate) struct Health {
    statuses: HashMap<String, ServingStatus>,
    /// By connection and stream, so that neither's end searches among the watchers of others.
    watchers: BTreeMap<(u64, u32), Watcher>,
}

impl Health {
    /// Everything that `registry` serves is SERVING, or NOT_SERVING while the proxy drains.
    pub(crate) fn refresh(&mut self, registry: &Registry, services: &[&'static str], draining: bool) {
        let status = if draining { ServingStatus::NotServing } else { ServingStatus::Serving };
        let names = services.iter().map(|name| (*name).to_owned());
        let namespaces = registry.namespaces().map(|namespace| format!("namespace:{}", namespace.name));
        self.statuses =
            std::iter::once(String::new()).chain(names).chain(namespaces).map(|name| (name, status)).collect();
    }

    fn status(&self, service: &str) -> ServingStatus {
        self.statuses.get(service).copied().unwrap_or(ServingStatus::ServiceUnknown)
    }

    pub(crate) fn check(&self, method: MethodId, connection: &mut Connection, stream: StreamRef, message: &[u8]) {
        match HealthCheckRequest::decode(message) {
            Err(error) => connection.finish(stream, &status::malformed(method, &error), &[]),
            Ok(request) => match self.status(&request.service) {
                ServingStatus::ServiceUnknown => {
                    let message = format!("health: no service or namespace is called {:?}", request.service);
                    connection.finish(stream, &Status::new(Code::NotFound, message), &[]);
                }
                status => super::reply_message(connection, stream, &response(status)),
            },
        }
    }

    pub(crate) fn list(&self, connection: &mut Connection, stream: StreamRef) {
        let statuses = self.statuses.iter().map(|(name, status)| (name.clone(), response(*status))).collect();
        super::reply_message(connection, stream, &HealthListResponse { statuses });
    }

    /// Answers with the current status and keeps the stream open for changes; an unknown name is SERVICE_UNKNOWN.
    pub(crate) fn watch(
        &mut self,
        method: MethodId,
        connection: &mut Connection,
        (peer, stream): (PeerId, StreamRef),
        message: &[u8],
    ) {
        match HealthCheckRequest::decode(message) {
            Err(error) => connection.finish(stream, &status::malformed(method, &error), &[]),
            Ok(request) => {
                let told = self.status(&request.service);
                connection.open(stream, &[]);
                send_message(connection, stream, &response(told));
                let watcher = Watcher { peer, stream, service: request.service, told };
                self.watchers.insert((peer.to_bits(), stream.id), watcher);
            }
        }
    }

    /// The stream was reset.
    pub(crate) fn forget(&mut self, peer: PeerId, stream: StreamRef) {
        self.watchers.remove(&(peer.to_bits(), stream.id));
    }

    /// The connection is gone.
    pub(crate) fn forget_all(&mut self, peer: PeerId) {
        let of_peer = (peer.to_bits(), 0)..=(peer.to_bits(), u32::MAX);
        while let Some(key) = self.watchers.range(of_peer.clone()).next().map(|(key, _)| *key) {
            self.watchers.remove(&key);
        }
    }

    /// Watchers whose status has changed since they were told, with the new one; they count as told.
    pub(crate) fn changes(&mut self) -> Vec<(PeerId, StreamRef, HealthCheckResponse)> {
        let statuses = &self.statuses;
        let news = self.watchers.values_mut().filter_map(|watcher| {
            let now = statuses.get(&watcher.service).copied().unwrap_or(ServingStatus::ServiceUnknown);
            (now != watcher.told).then(|| {
                watcher.told = now;
                (watcher.peer, watcher.stream, response(now))
            })
        });
        news.collect()
    }

    /// All watchers, who are to be ended.
    pub(crate) fn take_watchers(&mut self) -> Vec<Watcher> {
        std::mem::take(&mut self.watchers).into_values().collect()
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
