//! How shards end: by a drain, at its time-out, by being dropped, by a failure.
#![allow(clippy::unwrap_used)]

mod stage;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use prism_shard::{Config, launch};
use stage::{Event, Order, PATIENCE, Running, Stage};

#[test]
fn a_drain_closes_the_listeners_and_ends() {
    let running = Running::start(2);
    let mut stream = running.connect();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    running.order(0, Order::Hold);
    running.shards().drain(PATIENCE);
    running.await_events(2, |event| matches!(event, Event::Draining(_)));
    // What is there is still served, and what comes is refused once the listener is gone.
    stream.write_all(b"y").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    while TcpStream::connect(running.address).is_ok() {
        std::thread::yield_now();
    }
    running.order(0, Order::Release);
    let mut running = running;
    running.shards.take().unwrap().join().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_drain_that_does_not_end_is_ended() {
    let mut running = Running::start(2);
    let mut stream = running.connect();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    running.order(1, Order::Hold);
    running.shards().drain(Duration::from_millis(20));
    running.shards.take().unwrap().join().unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    running.await_events(1, |event| matches!(event, Event::Closed(_)));
}

#[test]
fn dropped_shards_stop() {
    let mut running = Running::start(2);
    running.order(0, Order::Hold);
    let handle = running.shards().handle();
    drop(running.shards.take());
    assert!(handle.control(0, Order::Release).is_err(), "a stopped shard takes nothing");
    handle.drain(PATIENCE);
}

#[test]
fn a_panic_names_its_shard_and_stops_the_others() {
    let mut running = Running::start(2);
    let mut stream = running.connect();
    running.order(0, Order::Hold);
    running.order(1, Order::Panic);
    let failed = running.shards.take().unwrap().join().unwrap_err();
    assert_eq!(failed.to_string(), "shard 1 failed: panicked: ordered to");
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_core_that_does_not_exist_is_an_error() {
    let config = Config::new(vec![0, 100_000], Vec::new());
    let error = launch::<Stage>(config, |_| unreachable!("shard 0 may come up, but here it must not matter"));
    assert!(error.is_err());
    assert!(launch::<Stage>(Config::new(Vec::new(), Vec::new()), |_| unreachable!()).is_err());
}

/// MEMBARRIER_CMD_PRIVATE_EXPEDITED of membarrier(2), which only a registered process may use.
fn membarrier_is_registered() -> bool {
    // SAFETY: the call takes no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, 1 << 3, 0, 0) == 0 }
}

#[test]
fn the_slow_registration_is_made_before_there_are_threads() {
    let program = std::env::current_exe().unwrap();
    let status = std::process::Command::new(program).args(["--exact", "own_process_prepare", "--ignored"]).status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "needs a fresh process: run by the_slow_registration_is_made_before_there_are_threads"]
fn own_process_prepare() {
    assert!(!membarrier_is_registered());
    prism_shard::prepare();
    assert!(membarrier_is_registered());
}
