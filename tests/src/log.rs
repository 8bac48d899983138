//! What a process writes to standard error, as it comes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::wait::PATIENCE;

/// The lines so far, shared with the thread that reads them.
#[derive(Debug)]
pub(crate) struct Log {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Reads `source` to its end on a thread of its own, so that the process never blocks on a full pipe.
    pub(crate) fn follow(source: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { break };
                theirs.change(|state| state.lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
            theirs.change(|state| state.ended = true);
        });
        Self { shared, reader: Some(reader) }
    }

    /// Waits for a line of which `pick` makes something; none when the process ended or a minute passed without one.
    pub(crate) fn wait<T>(&self, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let start = Instant::now();
        let mut seen = 0;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = state.lines[seen..].iter().find_map(|line| pick(line)) {
                return Some(found);
            }
            seen = state.lines.len();
            let left = PATIENCE.checked_sub(start.elapsed())?;
            if state.ended {
                return None;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything up to now.
    pub(crate) fn text(&self) -> String {
        self.shared.lock().lines.join("\n")
    }

    /// Everything; waits for the end, which comes with that of the process.
    pub(crate) fn text_to_end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        self.text()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}
