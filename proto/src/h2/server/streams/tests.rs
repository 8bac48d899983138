//! The table of streams: identifiers, slots and their reuse.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::stream::State;
use super::*;
use crate::h2::flow::{SendWindow, StreamReceiveWindow};
use crate::method::MethodId;

pub(crate) fn stream(id: u32) -> Stream {
    Stream {
        id,
        state: State::Open,
        method: MethodId(0),
        is_client_streaming: false,
        is_announced: false,
        is_parked: false,
        is_answered: false,
        encoding: Default::default(),
        deadline_ns: None,
        content_bytes_left: None,
        receive_window: StreamReceiveWindow::new(0),
        send_window: SendWindow::new(0),
        inbound: crate::h2::inbound::Inbound::default(),
        outbound: crate::h2::outbound::Outbound::default(),
    }
}

#[test]
fn a_stale_name_finds_nothing() {
    let mut streams = Streams::default();
    assert_eq!(streams.find(1), None);
    let slot = streams.insert(stream(1));
    let name = streams.reference(slot);
    assert_eq!(streams.resolve(name), Some(slot));
    streams.remove(slot);
    assert_eq!(streams.resolve(name), None);
    let again = streams.insert(stream(3));
    assert_eq!(again, slot, "slots are used again");
    assert_eq!(streams.resolve(name), None);
    assert_eq!(streams.resolve(StreamRef { id: 0, slot: 0 }), None);
    assert_eq!(streams.resolve(StreamRef { id: 3, slot: 9 }), None);
}

/// Identifiers that fall on one place each: without a secret, every look would walk over all of them.
#[test]
fn identifiers_chosen_to_collide_are_scattered() {
    let mut streams = Streams::default();
    streams.set_secret(0x1234_5678_9abc_def1);
    let ids = (0..1_024).map(|number| number * 4_096 * 2 + 1);
    for id in ids.clone() {
        streams.insert(stream(id));
    }
    assert!(streams.is_scattered);
    let mask = streams.index.len() - 1;
    let walk = |id| {
        let at = streams.index.iter().position(|slot| *slot > 0 && streams.slots[*slot as usize - 1].id == id);
        at.expect("it is there").wrapping_sub(streams.home(id, mask)) & mask
    };
    let steps: usize = ids.clone().map(walk).sum();
    assert!(steps < 4 * 1_024, "{steps} steps for 1,024 looks");
    for id in ids {
        let slot = streams.find(id).expect("it is there");
        streams.remove(slot);
    }
    assert_eq!(streams.open(), 0);

    // Those of any client count up, and stay where they are found at once.
    let mut streams = Streams::default();
    for number in 0..100_000 {
        let slot = streams.insert(stream(2 * number + 1));
        if number >= 1_000 {
            let oldest = streams.find(2 * (number - 1_000) + 1).expect("it is there");
            streams.remove(oldest);
        }
        assert!(streams.slots[slot].id > 0);
    }
    assert!(!streams.is_scattered);
}

/// Entries that are not at the first place of their walk, counted.
fn displaced(streams: &Streams) -> usize {
    let mask = streams.index.len().wrapping_sub(1);
    let is_displaced =
        |(at, slot): (usize, &u32)| *slot > 0 && streams.home(streams.slots[*slot as usize - 1].id, mask) != at;
    streams.index.iter().enumerate().filter(|entry| is_displaced(*entry)).count()
}

proptest! {
    /// Against a map, with identifiers that collide in the index as those of a hostile client would.
    #[test]
    fn finds_what_is_there(steps in prop::collection::vec((1u32..64, any::<bool>(), any::<bool>()), 0..300)) {
        let mut streams = Streams::default();
        let mut model: HashMap<u32, usize> = HashMap::new();
        for (number, far, insert) in steps {
            let id = if far { number * 1024 + 1 } else { 2 * number + 1 };
            match (insert, model.contains_key(&id)) {
                (true, false) => {
                    model.insert(id, streams.insert(stream(id)));
                }
                (false, true) => streams.remove(model.remove(&id).expect("it is there")),
                _ => {}
            }
            prop_assert_eq!(streams.open(), model.len());
            prop_assert_eq!(streams.displaced, displaced(&streams));
            for number in 1..64 {
                for id in [2 * number + 1, number * 1024 + 1] {
                    prop_assert_eq!(streams.find(id), model.get(&id).copied());
                }
            }
        }
        prop_assert_eq!(streams.iter_mut().count(), model.len());
        prop_assert_eq!(streams.slots().len(), model.len());
    }
}
