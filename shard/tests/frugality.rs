//! What a turn costs: system calls and allocations, counted, not timed.
#![allow(clippy::unwrap_used)]

mod stage;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prism_shard::Counter;
use stage::Running;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: it hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test, because what is counted is the whole process.
#[test]
fn a_round_trip_takes_two_enters_and_no_allocation() {
    const ROUNDS: u64 = 2_000;
    let running = Running::start(1);
    let mut stream = running.connect();
    let mut round = |count: u64| {
        for _ in 0..count {
            stream.write_all(&[9; 100]).unwrap();
            stream.read_exact(&mut [0; 100]).unwrap();
        }
    };
    round(200);
    let read = |counter| running.counted(counter);
    let (turns, enters, sends) = (read(Counter::Turns), read(Counter::Enters), read(Counter::Sends));
    let (allocations, start) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
    round(ROUNDS);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - allocations;
    // The executor's background tasks wake up every 10 ms, and a snapshot allocates too.
    let ticks = start.elapsed().as_millis() as u64 / 10 + 1;
    let (turns, enters, sends) =
        (read(Counter::Turns) - turns, read(Counter::Enters) - enters, read(Counter::Sends) - sends);
    assert!(enters <= turns + 1, "{enters} enters in {turns} turns");
    // One that ends with the message, one that submits its echo and finds it sent; and one at each tick.
    assert!(turns <= 2 * ROUNDS + 2 * ticks + 2, "{turns} turns for {ROUNDS} messages in {ticks} ticks");
    assert!(sends.abs_diff(ROUNDS) <= 1, "{sends} sends for {ROUNDS} messages");
    assert!(allocations <= 50 + 20 * ticks, "{allocations} allocations in {ROUNDS} round trips and {ticks} ticks");
    running.finish();
}
