//! What the owner of a key does with an errand of another shard, on a clock that the test turns.

use std::sync::Arc;

use prism_backends::KeyHasher;

use super::*;
use crate::budget::Sums;
use crate::config::Effective;
use crate::registry::Registry;

fn owner() -> Proxy {
    let registry = Registry::new(&Effective::default_on(vec![0, 1]), None);
    Proxy::new(Arc::new(registry), KeyHasher::fixed(1), 1, Sums::new(2))
}

fn errand(owner: &Proxy, command: Command<'_>, deadline_ns: u64, reply_bytes_max: usize) -> Errand {
    let hash = owner.hasher.hash(0, command.key());
    Errand {
        call: 7,
        method: id::KEYVALUE_BASIC_GET,
        namespace: 0,
        hash,
        deadline_ns,
        reply_bytes_max,
        command: command.into(),
    }
}

fn done(outcome: Outcome) -> OwnedReply {
    let Outcome::Done(reply) = outcome else { panic!("{outcome:?}") };
    reply
}

const VALUE: [u8; 1_000] = [7; 1_000];

#[test]
fn what_has_waited_past_its_deadline_is_not_executed() {
    let mut owner = owner();
    let set = Command::Set { key: b"k", value: &VALUE, ttl_seconds: 0 };
    let late = errand(&owner, set, 100, 0);
    let Outcome::Failed(failure) = owner.execute_errand(100, late) else { panic!("it is late") };
    assert_eq!(failure.kind, FailureKind::Expired);
    let exists = errand(&owner, Command::Exists { key: b"k" }, 0, 0);
    assert_eq!(done(owner.execute_errand(100, exists)), OwnedReply::Exists(false));
    let in_time = errand(&owner, set, 100, 0);
    assert_eq!(done(owner.execute_errand(99, in_time)), OwnedReply::Set);
}

#[test]
fn a_value_that_the_sender_has_no_room_for_is_not_taken() {
    let mut owner = owner();
    let side = prism_backends::Side::Left;
    let push = errand(&owner, Command::Push { key: b"k", value: &VALUE, side }, 0, 0);
    assert_eq!(done(owner.execute_errand(1, push)), OwnedReply::Length(1));
    let pop = errand(&owner, Command::Pop { key: b"k", side, value_bytes_max: 0 }, 0, VALUE.len());
    let Outcome::TooLong(again, bytes) = owner.execute_errand(1, pop) else { panic!("it is too long") };
    assert!(bytes >= view::pop_response_bytes(Some(&VALUE)));
    let length = errand(&owner, Command::Length { key: b"k" }, 0, 0);
    assert_eq!(done(owner.execute_errand(2, length)), OwnedReply::Length(1));
    let again = Errand { reply_bytes_max: bytes, ..again };
    assert_eq!(done(owner.execute_errand(3, again)), OwnedReply::Pop(Some(Box::from(VALUE))));
}

#[test]
fn a_reply_that_the_sender_has_no_room_for_is_not_built() {
    let mut owner = owner();
    let set = errand(&owner, Command::Set { key: b"k", value: &VALUE, ttl_seconds: 0 }, 0, 0);
    owner.execute_errand(1, set);
    let needed = view::get_response_bytes(Some(&VALUE));
    let get = errand(&owner, Command::Get { key: b"k" }, 50, needed - 1);
    let Outcome::TooLong(again, bytes) = owner.execute_errand(1, get) else { panic!("it is too long") };
    assert_eq!((bytes, again.call, again.deadline_ns), (needed, 7, 50), "the errand comes back as it was");
    // Sent again with that much room, it is answered.
    let again = Errand { reply_bytes_max: bytes, ..again };
    assert_eq!(done(owner.execute_errand(2, again)), OwnedReply::Get(Some(Box::from(VALUE))));
    let missing = errand(&owner, Command::Get { key: b"none" }, 0, 0);
    assert_eq!(done(owner.execute_errand(3, missing)), OwnedReply::Get(None));
}
