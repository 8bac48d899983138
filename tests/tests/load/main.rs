//! `prism-load` against the real proxy: its figures are what happened, also when the proxy stops or dies.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod program;
mod stopped;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Runs share cores, so that they come one after the other.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "how long a load goes on is what these tests are about")]
fn pass(time: Duration) {
    std::thread::sleep(time);
}
