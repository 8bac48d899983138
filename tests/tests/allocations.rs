//! The steady data plane allocates nothing: counted by an allocator, so that one allocation in a million calls shows.
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use prism_tests::steady::{CALLS_PER_BATCH, Habit, Steady};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends may allocate after its variables have gone; nobody asks for that count.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as above; the pointer came from the system's allocator.
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while `run` runs.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

const BATCHES: usize = 500;

#[test]
fn a_steady_get_allocates_nothing() {
    let mut steady = Steady::new();
    let requests = steady.prepare_gets(BATCHES);
    let mut found = 0;
    let count = allocations(|| found = requests.iter().map(|batch| steady.serve(batch)).sum());
    assert_eq!(found, BATCHES * CALLS_PER_BATCH, "every key is there");
    assert_eq!(count, 0, "allocations in {found} calls");
}

#[test]
fn a_steady_get_of_a_client_with_other_habits_allocates_nothing() {
    for habit in [Habit::Timeouts, Habit::HeadersFirst] {
        let mut steady = Steady::new();
        steady.set_habit(habit);
        let requests = steady.prepare_gets(BATCHES);
        let mut found = 0;
        let count = allocations(|| found = requests.iter().map(|batch| steady.serve(batch)).sum());
        assert_eq!(found, BATCHES * CALLS_PER_BATCH, "every key is there");
        assert_eq!(count, 0, "allocations in {found} calls: {habit:?}");
    }
}

#[test]
fn a_steady_set_allocates_nothing() {
    let mut steady = Steady::new();
    steady.sets(200);
    let requests = steady.prepare_sets(BATCHES);
    let mut done = 0;
    let count = allocations(|| done = requests.iter().map(|batch| steady.serve(batch)).sum());
    assert_eq!(done, BATCHES * CALLS_PER_BATCH, "every write succeeds");
    assert_eq!(count, 0, "allocations in {done} calls");
}

#[test]
fn requests_cut_anywhere_allocate_nothing() {
    let mut steady = Steady::new();
    // Once, for the buffer that keeps what was cut.
    for batch in steady.prepare_gets(2) {
        for read in batch.chunks(97) {
            steady.serve(read);
        }
    }
    let requests = steady.prepare_gets(50);
    let mut found = 0;
    let count = allocations(|| {
        for read in requests.iter().flat_map(|batch| batch.chunks(97)) {
            found += steady.serve(read);
        }
    });
    assert_eq!(found, 50 * CALLS_PER_BATCH, "every key is there");
    assert_eq!(count, 0, "allocations in {found} calls");
}

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0_u8; 100]))), 1);
}
