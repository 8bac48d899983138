//! Serves so many Gets in memory, for an instrument to watch: `steady-gets CALLS [timeouts | headers-first]`.
//!
//! What leads up to them is the same for any number, so the difference of two runs is the cost of the calls alone. The
//! word is the client's habit: see `Habit`.

use prism_tests::steady::{CALLS_PER_BATCH, Habit, Steady};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let calls = arguments.next().and_then(|calls| calls.parse::<usize>().ok());
    let batches = calls.expect("the first argument is a number of calls") / CALLS_PER_BATCH;
    let mut steady = Steady::new();
    match arguments.next().as_deref() {
        None => {}
        Some("timeouts") => steady.set_habit(Habit::Timeouts),
        Some("headers-first") => steady.set_habit(Habit::HeadersFirst),
        Some(word) => panic!("no habit is called {word}"),
    }
    let requests = steady.prepare_gets(batches);
    let found: usize = requests.iter().map(|batch| steady.serve(batch)).sum();
    assert_eq!(found, batches * CALLS_PER_BATCH, "every key is there");
}
