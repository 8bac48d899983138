//! Batches between two simulated shards: what is refused on the way, given up under way, or longer than there is room.

use std::sync::Arc;

use prism_backends::KeyHasher;
use prism_proto::messages::prism::interfaces::keyvalue::{
    BatchGetRequest, BatchGetResponse, BatchSetRequest, BatchSetResponse, SetRequest,
};
use prism_proto::method::id;
use prism_proto::status::Code;
use prism_shard::simulation::Simulation;
use prost::Message as _;

use crate::app::Proxy;
use crate::budget::Sums;
use crate::config::Effective;
use crate::pair::caller::Caller;
use crate::registry::Registry;

const SHARDS: u32 = 2;

fn pair(mesh_capacity: usize) -> (Simulation<Proxy>, Caller) {
    let registry = Arc::new(Registry::new(&Effective::default_on(vec![0, 1]), None));
    let (hasher, sums) = (KeyHasher::fixed(7), Sums::new(SHARDS));
    let proxies = (0..SHARDS).map(|shard| Proxy::new(Arc::clone(&registry), hasher, shard, sums.clone()));
    let mut simulation = Simulation::new(proxies.collect(), mesh_capacity, 1_000_000_000);
    let mut caller = Caller::connect(&mut simulation, 0);
    (0..3).for_each(|_| turn(&mut simulation, &mut caller, &[0]));
    (simulation, caller)
}

/// A turn of each of these shards.
fn turn(simulation: &mut Simulation<Proxy>, caller: &mut Caller, shards: &[u32]) {
    simulation.advance(1_000);
    caller.put(simulation, usize::MAX);
    shards.iter().for_each(|shard| simulation.turn(*shard));
    caller.take(simulation);
}

fn settle(simulation: &mut Simulation<Proxy>, caller: &mut Caller) {
    for _ in 0..1_000 {
        if caller.open() == 0 {
            return;
        }
        turn(simulation, caller, &[0, 1]);
    }
    panic!("some batches are not answered");
}

fn keys(batch: usize) -> Vec<String> {
    (0..10).map(|index| format!("key-{batch}-{index}")).collect()
}

fn write(batch: usize, bytes: usize) -> BatchSetRequest {
    let value = vec![7; bytes];
    let requests = keys(batch).into_iter().map(|key| SetRequest { key, value: value.clone(), ..Default::default() });
    BatchSetRequest { requests: requests.collect(), namespace: String::new() }
}

fn read(batch: usize) -> BatchGetRequest {
    BatchGetRequest { keys: keys(batch), namespace: String::new() }
}

/// The way to the other shard is full: entries of a write say so one by one, a read fails, and what was said is true.
#[test]
fn a_full_queue_fails_entries_of_writes_and_whole_reads() {
    let (mut simulation, mut caller) = pair(4);
    let now_ns = simulation.now_ns();
    let writes: Vec<_> = (0..20).map(|at| caller.call(id::KEYVALUE_BATCH_BATCH_SET, &write(at, 10), now_ns)).collect();
    // The other shard does not take anything out before all have been sent.
    turn(&mut simulation, &mut caller, &[0]);
    settle(&mut simulation, &mut caller);
    let (mut stored, mut refused) = (Vec::new(), 0);
    for call in writes {
        let (status, message) = caller.answer(call);
        assert_eq!(status.code, Code::Ok, "{status:?}");
        let response = BatchSetResponse::decode(&message[..]).unwrap();
        assert_eq!(response.all_success, response.results.iter().all(|result| result.success));
        for result in &response.results {
            let is_refused = result.error.starts_with("RESOURCE_EXHAUSTED: the queue to shard 1 is full");
            assert!(result.success != is_refused, "{result:?}");
            refused += usize::from(is_refused);
        }
        stored.push(response.results.into_iter().map(|result| result.success).collect::<Vec<_>>());
    }
    assert!(refused > 0 && stored.iter().filter(|stored| stored.iter().all(|stored| *stored)).count() > 2);

    let now_ns = simulation.now_ns();
    let reads: Vec<_> = (0..20).map(|at| caller.call(id::KEYVALUE_BATCH_BATCH_GET, &read(at), now_ns)).collect();
    turn(&mut simulation, &mut caller, &[0]);
    settle(&mut simulation, &mut caller);
    let mut answered = 0;
    for (at, call) in reads.into_iter().enumerate() {
        let (status, message) = caller.answer(call);
        if status.code == Code::Ok {
            answered += 1;
            let response = BatchGetResponse::decode(&message[..]).unwrap();
            let found: Vec<_> = response.results.iter().map(|result| result.found).collect();
            assert_eq!(found, stored[at], "what was said to be stored is, and nothing else");
        } else {
            assert_eq!(status.code, Code::ResourceExhausted, "{status:?}");
        }
    }
    assert!((1..20).contains(&answered), "{answered} were answered");
}

#[test]
fn a_batch_that_is_given_up_leaves_nothing_behind() {
    for goes_away in [false, true] {
        let (mut simulation, mut caller) = pair(64);
        let now_ns = simulation.now_ns();
        let calls: Vec<_> =
            (0..5).map(|at| caller.call(id::KEYVALUE_BATCH_BATCH_SET, &write(at, 10), now_ns)).collect();
        turn(&mut simulation, &mut caller, &[0]);
        assert!(!simulation.application(0).batches.is_empty(), "their parts are on their way");
        if goes_away {
            caller.disconnect(&mut simulation);
        } else {
            calls.into_iter().for_each(|call| caller.cancel(call));
        }
        for _ in 0..20 {
            turn(&mut simulation, &mut caller, &[0, 1]);
        }
        let proxy = simulation.application(0);
        assert!(proxy.batches.is_empty() && proxy.calls.is_empty(), "{:?}", proxy.batches);
    }
}

/// Values that are far longer than the last ones were: they are counted first, and fetched when there is room.
#[test]
fn results_that_are_longer_than_thought_come_all_the_same() {
    let (mut simulation, mut caller) = pair(64);
    for (batch, bytes) in [(0, 10), (1, 100_000), (2, 0), (3, 300_000)] {
        let now_ns = simulation.now_ns();
        let written = caller.call(id::KEYVALUE_BATCH_BATCH_SET, &write(batch, bytes), now_ns);
        settle(&mut simulation, &mut caller);
        assert_eq!(caller.answer(written).0.code, Code::Ok);
        let calls: Vec<_> = (0..3).map(|_| caller.call(id::KEYVALUE_BATCH_BATCH_GET, &read(batch), now_ns)).collect();
        settle(&mut simulation, &mut caller);
        for call in calls {
            let (status, message) = caller.answer(call);
            assert_eq!(status.code, Code::Ok, "{status:?}");
            let response = BatchGetResponse::decode(&message[..]).unwrap();
            assert_eq!((response.found_count, response.results.len()), (10, 10));
            assert!(response.results.iter().all(|result| result.value == vec![7; bytes]));
        }
        let proxy = simulation.application(0);
        assert!(proxy.batches.is_empty() && proxy.calls.is_empty());
    }
}
