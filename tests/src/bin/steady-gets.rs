//! Serves so many Gets in memory, for an instrument to watch: `steady-gets CALLS [timeouts]`.
//!
//! What leads up to them is the same for any number, so the difference of two runs is the cost of the calls alone. With
//! `timeouts`, each call has another one.

use prism_tests::steady::{CALLS_PER_BATCH, Steady};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let calls = arguments.next().and_then(|calls| calls.parse::<usize>().ok());
    let batches = calls.expect("the first argument is a number of calls") / CALLS_PER_BATCH;
    let mut steady = Steady::new();
    if arguments.next().is_some_and(|word| word == "timeouts") {
        steady.set_timeouts();
    }
    let requests = steady.prepare_gets(batches);
    let found: usize = requests.iter().map(|batch| steady.serve(batch)).sum();
    assert_eq!(found, batches * CALLS_PER_BATCH, "every key is there");
}
