//! What a reload of the configuration means for pulls: those end whose namespace is gone, or has another backend.
//!
//! Nobody would wake one that waits there, and a position in one backend means nothing in another.

use prism_proto::status::Status;
use prism_shard::Turn;

use super::Pull;
use crate::app::{Lane, Proxy, lane};
use crate::dispatch::group;
use crate::registry::Registry;
use crate::status;
use crate::wire::Wire;

impl Proxy {
    /// A new registry is in force: ends the pulls whose place in the one `before` it does not have.
    pub(crate) fn end_pulls_without_place(&mut self, turn: &mut Turn<'_, Self>, before: &Registry) {
        let ending = self.pulls.iter().filter_map(|(key, pull)| {
            let status = why_it_ends(pull, before, &self.registry)?;
            Some((key, pull.peer, pull.stream, status))
        });
        for (key, peer, stream, status) in ending.collect::<Vec<_>>() {
            let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { continue };
            if let Some(pull) = self.pulls.get(key) {
                pull.source.finish(&mut client.connection, stream, &status);
            }
            self.end_pull(client, key);
            let mut lane = lane!(turn);
            self.settle(&mut lane, peer, client);
        }
    }
}

/// The status of a pull that cannot go on; `None` when it has what it had.
fn why_it_ends(pull: &Pull, before: &Registry, registry: &Registry) -> Option<Status> {
    let group = group(pull.method);
    let Some(namespace) = registry.namespace(pull.namespace) else {
        return Some(status::namespace_taken_away(registry.name(pull.namespace)));
    };
    let interface = pull.method.method().service;
    let slot_before = before.namespace(pull.namespace).and_then(|namespace| namespace.slot(group));
    match namespace.slot(group) {
        None => Some(status::not_offered(interface, &namespace.name, &namespace.backend)),
        slot if slot != slot_before => Some(status::backend_changed(interface, &namespace.name)),
        Some(_) => None,
    }
}
