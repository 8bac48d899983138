//! The load generator against servers that answer, say nothing, talk nonsense or hang up: every call is accounted for.

mod accounting;
mod drawn;
mod servers;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser as _;
use prism_bench::load::cli::Cli;
use prism_bench::load::plan::Plan;
use prism_bench::load::run::{self, Outcome};

/// Runs share cores, so that they come one after the other.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The plan of a command line, without a warm-up.
fn plan(address: SocketAddr, words: &str) -> Plan {
    let address = address.to_string();
    let fixed = ["prism-load", "--warmup", "0s", "--proxy", &address];
    let words: Vec<&str> = fixed.into_iter().chain(words.split_whitespace()).collect();
    Cli::try_parse_from(words).expect("the flags are known").run.plan().expect("the plan makes sense")
}

/// Runs it to its end, and holds it to what every run must meet.
fn load(plan: &Plan) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    let outcome = run::run(plan, &stop, &mut |_| {}).expect("the connections come about");
    for account in outcome.operations.iter().chain([&outcome.total]) {
        let tally = &account.tally;
        assert!(tally.is_balanced(), "each call is accounted for once: {tally:?}");
        assert!(tally.sent <= tally.intended, "{tally:?}");
        assert_eq!(account.clocks.response.len(), tally.intended, "each call is a sample: {tally:?}");
        assert_eq!(account.clocks.service.len(), tally.sent, "each call that was sent is a sample: {tally:?}");
    }
    outcome
}
