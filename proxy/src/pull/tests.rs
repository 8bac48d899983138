//! Pulls of simulated shards: whose turn it is, how much is done in one, and what is left behind.

mod reader;

use std::sync::Arc;

use prism_backends::limits::{PROBE_BUCKETS_MAX, SCAN_WORK_PER_PAGE};
use prism_backends::{Backend as _, Command, Context, KeyHasher};
use prism_shard::route;
use prism_shard::simulation::Simulation;

use self::reader::Reader;
use crate::app::Proxy;
use crate::budget::Sums;
use crate::config::Effective;
use crate::limits::{PAGE_BYTES_MAX, PULL_BYTES_PER_WORK, PULL_WORK_PER_TURN_MAX};
use crate::registry::Registry;

const SECOND_NS: u64 = 1_000_000_000;
/// More than any test has to wait for.
const WIDE: u32 = 1 << 30;

/// So many shards with so many keys.
fn shards(count: u32, keys: usize) -> Simulation<Proxy> {
    let registry = Arc::new(Registry::new(&Effective::default_on((0..count as usize).collect()), None));
    let (hasher, sums) = (KeyHasher::fixed(7), Sums::new(count));
    let proxies = (0..count).map(|shard| Proxy::new(Arc::clone(&registry), hasher, shard, sums.clone()));
    let mut simulation = Simulation::new(proxies.collect(), 4_096, SECOND_NS);
    for index in 0..keys {
        let key = format!("key-{index:06}");
        let hash = hasher.hash(0, key.as_bytes());
        let context = Context { now_ns: SECOND_NS, namespace: 0, hash, call: 0 };
        let set = Command::Set { key: key.as_bytes(), value: &[7; 20], ttl_seconds: 0 };
        let owner = simulation.application(route::owner(hash, count));
        owner.backends.get_mut(0).unwrap().execute(&context, &set);
    }
    simulation
}

fn counted(simulation: &Simulation<Proxy>, shard: u32, name: &str) -> u64 {
    simulation.counted(shard).iter().find(|((other, _), _)| *other == name).map_or(0, |(_, value)| value)
}

/// One turn of each shard after another, and what they sent to these.
fn turn(simulation: &mut Simulation<Proxy>, shards: u32, readers: &mut [&mut Reader]) {
    simulation.advance(1_000);
    for shard in 0..shards {
        simulation.turn(shard);
    }
    for reader in readers {
        reader.take(simulation);
    }
}

/// Turns until all calls of the readers are over.
fn turns_to_end(simulation: &mut Simulation<Proxy>, shards: u32, readers: &mut [&mut Reader]) -> usize {
    for turns in 0..100_000 {
        if readers.iter().all(|reader| reader.open() == 0) {
            return turns;
        }
        turn(simulation, shards, readers);
    }
    panic!("some calls do not end");
}

#[test]
fn pulls_of_one_connection_share_fairly() {
    let mut simulation = shards(1, 5_000);
    let mut reader = Reader::connect(&mut simulation, 0, WIDE);
    (0..20).for_each(|_| reader.scan(&mut simulation, &[]));
    while reader.open() > 0 {
        turn(&mut simulation, 1, &mut [&mut reader]);
        let counts = reader.messages();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= SCAN_WORK_PER_PAGE, "{counts:?}");
    }
    assert_eq!(reader.messages(), [5_000; 20]);
}

/// Whatever many scans a connection has, another one gets every other page.
#[test]
fn connections_share_fairly() {
    let mut simulation = shards(1, 5_000);
    let mut alone = Reader::connect(&mut simulation, 0, WIDE);
    alone.scan(&mut simulation, &[]);
    let turns_alone = turns_to_end(&mut simulation, 1, &mut [&mut alone]);
    let mut greedy = Reader::connect(&mut simulation, 0, WIDE);
    (0..50).for_each(|_| greedy.scan(&mut simulation, &[]));
    for _ in 0..10 {
        turn(&mut simulation, 1, &mut [&mut greedy]);
    }
    alone.scan(&mut simulation, &[]);
    let mut turns = 0;
    while alone.open() > 0 {
        turn(&mut simulation, 1, &mut [&mut alone, &mut greedy]);
        turns += 1;
    }
    assert!(turns <= 2 * turns_alone + 2, "{turns} turns, {turns_alone} alone");
    assert!(greedy.open() > 40, "the other one had not finished meanwhile");
}

#[test]
fn no_turn_is_longer_for_many_scans_of_a_large_table() {
    for count in [1, 2] {
        let mut simulation = shards(count, 30_000);
        // Of two, the other shard has what is scanned first.
        let mut greedy = Reader::connect(&mut simulation, count - 1, WIDE);
        (0..100).for_each(|_| greedy.scan(&mut simulation, &[]));
        let mut other = Reader::connect(&mut simulation, 0, WIDE);
        for _ in 0..200 {
            turn(&mut simulation, count, &mut [&mut greedy]);
            if count == 1 {
                other.exists(&mut simulation);
                turn(&mut simulation, count, &mut [&mut other, &mut greedy]);
                assert_eq!(other.open(), 0, "a call is answered in the turn in which it comes");
            }
        }
        let page = 1 + SCAN_WORK_PER_PAGE + PROBE_BUCKETS_MAX + PAGE_BYTES_MAX / PULL_BYTES_PER_WORK;
        let most: Vec<_> = (0..count).map(|shard| counted(&simulation, shard, "pull_work_most") as usize).collect();
        assert!(
            most[0] >= PULL_WORK_PER_TURN_MAX && most.iter().all(|most| *most < PULL_WORK_PER_TURN_MAX + page),
            "{most:?}"
        );
    }
}

#[test]
fn without_a_window_no_page_is_made_and_with_a_small_one_few_are() {
    let mut simulation = shards(2, 2_000);
    let mut reader = Reader::connect(&mut simulation, 1, 0);
    (0..100).for_each(|_| reader.scan(&mut simulation, &[]));
    let pages = |simulation: &Simulation<Proxy>| counted(simulation, 0, "pages") + counted(simulation, 1, "pages");
    for _ in 0..100 {
        turn(&mut simulation, 2, &mut [&mut reader]);
    }
    assert_eq!(pages(&simulation), 0);
    assert_eq!(reader.headers(), 100, "the headers go out as soon as the stream is in place");
    for bytes in [1, 4] {
        reader.open_windows(&mut simulation, bytes);
        for _ in 0..100 {
            turn(&mut simulation, 2, &mut [&mut reader]);
        }
        // What was made for a window of a byte is at most a short entry, or a page of those.
        assert!(pages(&simulation) <= 100, "{} pages for 5 bytes", pages(&simulation));
        assert!(simulation.application(1).calls.is_empty(), "nothing is on its way");
    }
    reader.open_windows(&mut simulation, 1 << 20);
    turns_to_end(&mut simulation, 2, &mut [&mut reader]);
    assert_eq!(reader.messages(), [2_000; 100]);
}

#[test]
fn what_is_given_up_leaves_nothing_behind() {
    for goes_away in [false, true] {
        let mut simulation = shards(2, 5_000);
        let mut reader = Reader::connect(&mut simulation, 1, WIDE);
        (0..50).for_each(|_| reader.scan(&mut simulation, &[]));
        for _ in 0..20 {
            turn(&mut simulation, 2, &mut [&mut reader]);
        }
        let proxy = simulation.application(1);
        assert!(proxy.pulls.len() == 50 && !proxy.calls.is_empty(), "pages are on their way");
        if goes_away {
            reader.disconnect(&mut simulation);
        } else {
            reader.reset_all(&mut simulation);
            simulation.turn(1);
        }
        assert!(simulation.application(1).pulls.is_empty());
        for _ in 0..200 {
            turn(&mut simulation, 2, &mut []);
        }
        assert!(simulation.application(1).calls.is_empty(), "late pages find nobody");
    }
}

#[test]
fn a_pull_ends_at_its_deadline() {
    let mut simulation = shards(2, 2_000);
    let mut reader = Reader::connect(&mut simulation, 0, 100);
    (0..3).for_each(|_| reader.scan(&mut simulation, &[("grpc-timeout", "50m")]));
    for _ in 0..100 {
        turn(&mut simulation, 2, &mut [&mut reader]);
    }
    assert_eq!(reader.open(), 3, "it waits for its windows");
    simulation.advance(SECOND_NS);
    for _ in 0..10 {
        turn(&mut simulation, 2, &mut [&mut reader]);
    }
    assert_eq!(reader.open(), 0);
    assert!(simulation.application(0).pulls.is_empty());
}
