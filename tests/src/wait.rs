//! Waiting for what another process does: a look every few milliseconds, and an end to patience.
//!
//! The bounds say when something is broken, not how fast it has to be: they are generous and never part of a result.

use std::time::{Duration, Instant};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// The longest that anything in the tests is waited for, unless it has a bound of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until `look` finds something.
///
/// # Panics
/// After a minute, saying that `what` did not come.
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    match within_patience(look) {
        Some(found) => found,
        None => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}

/// Looks until `look` finds something; none after a minute.
pub(crate) fn within_patience<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let found = look();
        if found.is_some() || start.elapsed() >= PATIENCE {
            return found;
        }
        #[expect(clippy::disallowed_methods, reason = "another process gives no event to wait for")]
        std::thread::sleep(INTERVAL);
    }
}

/// As [`until`], with a look that is itself awaited.
///
/// # Panics
/// After a minute, saying that `what` did not come.
pub async fn until_async<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}
