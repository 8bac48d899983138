//! Log lines on standard error, as text or JSON, with a level that can be changed while the process runs.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::{Log, LogFormat, LogLevel};

/// Changes how much is logged.
#[derive(Debug, Clone)]
pub struct LevelHandle {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LevelHandle {
    /// Puts a level in force at once, on every thread.
    pub fn set(&self, level: &LogLevel) {
        // Fails only after the subscriber is gone, and then nothing is logged any more.
        let _ = self.filter.reload(filter(level));
    }
}

/// Starts logging to standard error for the whole process.
///
/// # Errors
/// When the process logs already.
pub fn start(log: &Log) -> Result<LevelHandle, TryInitError> {
    let (subscriber, handle) = subscriber(log, io::stderr, io::stderr().is_terminal());
    subscriber.try_init()?;
    Ok(handle)
}

fn filter(level: &LogLevel) -> EnvFilter {
    EnvFilter::new(level.filter())
}

/// The subscriber that writes to `writer`; `colours` are for text on a terminal.
fn subscriber<W>(log: &Log, writer: W, colours: bool) -> (impl Into<tracing::Dispatch>, LevelHandle)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(&log.level));
    let lines = match log.format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).with_target(false).boxed(),
        LogFormat::Json => fmt::layer().with_writer(writer).json().flatten_event(true).boxed(),
    };
    (tracing_subscriber::registry().with(filter).with(lines), LevelHandle { filter: handle })
}

#[cfg(test)]
mod tests;
