//! Large Sets whose message a backend takes as it is, so that the value is not copied again.
//!
//! Only what is sure to be stored goes this way. Everything else, errors included, is left to `dispatch.rs`.

use std::borrow::Cow;
use std::ops::Range;

use prism_backends::{Backend as _, Command, Context, Failure, PlacedSet, Reply};
use prism_proto::h2::Call;
use prism_proto::limits::LARGE_MESSAGE_BYTES;
use prism_proto::method::id;
use prism_shard::route;

use crate::app::{Lane, Proxy};
use crate::client::Client;
use crate::config::Group;
use crate::services::keyvalue;
use crate::status;

impl Proxy {
    /// Stores the value of a Set in the memory of its message, and answers; false when it is not one for that: nothing
    /// has happened.
    #[inline]
    pub(crate) fn adopt(&mut self, lane: &Lane<'_>, client: &mut Client, call: &mut Call<'_>) -> bool {
        match &mut call.message {
            Cow::Owned(message) if message.len() >= LARGE_MESSAGE_BYTES && call.method == id::KEYVALUE_BASIC_SET => {
                let is_late = call.deadline_ns.is_some_and(|deadline_ns| deadline_ns <= lane.now_ns);
                if is_late {
                    return false;
                }
                let Some(outcome) = self.adopt_message(lane, message) else { return false };
                match outcome {
                    Ok(()) => keyvalue::answer(&mut client.connection, call.stream, Reply::Set),
                    Err(failure) => client.connection.finish(call.stream, &status::from_failure(failure), &[]),
                }
                true
            }
            _ => false,
        }
    }

    fn adopt_message(&mut self, lane: &Lane<'_>, message: &mut Vec<u8>) -> Option<Result<(), Failure>> {
        let request = keyvalue::decode(id::KEYVALUE_BASIC_SET, message)?.ok()?;
        let Command::Set { key, value, ttl_seconds: 0 } = request.command else { return None };
        keyvalue::check_namespace(request.namespace).ok()?;
        let (namespace, found) = self.registry.find(request.namespace.as_bytes())?;
        let backend = found.slot(Group::KeyValue)?;
        keyvalue::check(&request.command, &self.registry.limits).ok()?;
        let hash = self.hasher.hash(namespace, key);
        if route::owner(hash, lane.shards) != lane.shard {
            return None;
        }
        let set = PlacedSet { key: place_in(message, key), value: place_in(message, value) };
        let context = Context { now_ns: lane.now_ns, namespace, hash, call: 0 };
        self.backends.get_mut(backend)?.adopt(&context, &set, message)
    }
}

/// Where in `whole` one of its parts lies.
fn place_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    start..start.wrapping_add(part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_where_it_lies() {
        let whole = [1, 2, 3, 4, 5];
        assert_eq!(place_in(&whole, &whole[1..4]), 1..4);
        assert_eq!(place_in(&whole, &whole[5..]), 5..5);
    }
}
