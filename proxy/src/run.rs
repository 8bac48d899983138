//! The program: configuration, a look at the host, the shards, and the wait for signals.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use prism_backends::KeyHasher;
use prism_shard::{Handle, Shards, probe};

use crate::app::{Control, Proxy};
use crate::config::{self, Args, Effective, ListenAddress, LogFormat, Outcome, Problem};
use crate::host;
use crate::listeners::{self, Listener};
use crate::logging::{self, LevelHandle};
use crate::registry::Registry;
use crate::signals::{Signal, Signals};
use crate::statistics;

/// Exit code of a failure while running.
const EXIT_FAILED: u8 = 1;

/// Runs the proxy until it is told to stop; `started` is when the process began.
pub fn run(args: &Args, started: Instant) -> ExitCode {
    let loaded = match config::decide(args) {
        Outcome::Serve(loaded) => *loaded,
        Outcome::Exit { output, errors, code } => {
            // Whoever has closed the stream does not want to read it.
            let _ = std::io::stderr().lock().write_all(errors.as_bytes());
            let _ = std::io::stdout().lock().write_all(output.as_bytes());
            return ExitCode::from(code);
        }
    };
    let level = match logging::start(&loaded.effective.log) {
        Ok(level) => level,
        Err(error) => {
            complain(&format!("logging cannot start: {error}"));
            return ExitCode::from(EXIT_FAILED);
        }
    };
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    match serve(args, loaded.effective, &level, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(&format!("prism-proxy: {message}"));
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// Serves until a signal has drained the shards, or one of them failed.
fn serve(args: &Args, config: Effective, level: &LevelHandle, started: Instant) -> Result<(), String> {
    probe().map_err(|missing| missing.to_string())?;
    host::prepare(&config).iter().for_each(|warning| tracing::warn!("{warning}"));
    let mut signals = Signals::install().map_err(|error| format!("signal handlers cannot be installed: {error}"))?;
    let listeners = listeners::bind(&config.listen).map_err(|error| error.to_string())?;
    let (addresses, sockets, files) = taken_apart(listeners);
    let registry = Arc::new(Registry::new(&config, None));
    let shards = launch(&config, &registry, sockets).map_err(|error| format!("the shards cannot start: {error}"))?;
    say_ready(&config, &addresses, started);

    let handle = shards.handle();
    let statistics = shards.statistics();
    let waiting = signals.handle();
    let joined = thread::spawn(move || {
        let outcome = shards.join();
        waiting.close();
        outcome
    });
    let mut running = Running { args, config, registry, handle, level };
    while let Some(signal) = signals.wait() {
        match signal {
            Signal::Stop => running.drain(),
            Signal::Reload => running.reload(),
            Signal::Report => statistics::log(&statistics),
        }
    }
    let outcome = joined.join().map_err(|_| "the thread that waits for the shards failed".to_owned())?;
    drop(files);
    statistics::log(&statistics);
    outcome.map_err(|failed| failed.to_string())?;
    tracing::info!("stopped");
    Ok(())
}

/// The addresses that are really listened on, the sockets, and what removes a unix socket's file at the end.
fn taken_apart(
    listeners: Vec<Listener>,
) -> (Vec<ListenAddress>, Vec<std::os::fd::OwnedFd>, Vec<listeners::SocketFile>) {
    let mut parts = (Vec::new(), Vec::new(), Vec::new());
    for listener in listeners {
        parts.0.push(listener.address);
        parts.1.push(listener.socket.into());
        parts.2.extend(listener.file);
    }
    parts
}

fn launch(
    config: &Effective,
    registry: &Arc<Registry>,
    sockets: Vec<std::os::fd::OwnedFd>,
) -> std::io::Result<Shards<Proxy>> {
    let mut shape = prism_shard::Config::new(config.cores.clone(), sockets);
    shape.spin_us = config.spin_us;
    shape.connections_max = config.limits.connections_max;
    let shards = u32::try_from(config.cores.len()).expect("cores are listed by numbers of 32 bits");
    let registry = Arc::clone(registry);
    let hasher = KeyHasher::random();
    prism_shard::launch(shape, move |_shard| Proxy::new(Arc::clone(&registry), hasher, shards))
}

/// What the waiting thread needs to carry out a signal.
struct Running<'a> {
    args: &'a Args,
    config: Effective,
    registry: Arc<Registry>,
    handle: Handle<Control>,
    level: &'a LevelHandle,
}

impl Running<'_> {
    fn drain(&self) {
        let timeout = Duration::from_nanos(self.config.limits.drain_timeout_ns);
        tracing::info!(timeout_ms = timeout.as_millis(), "draining");
        self.handle.drain(timeout);
    }

    /// Puts the file in force again; a file with an error changes nothing.
    fn reload(&mut self) {
        let loaded = match config::load(self.args) {
            Ok(loaded) => loaded,
            Err(problems) => return not_reloaded(&problems),
        };
        for key in config::changes_needing_restart(&self.config, &loaded.effective) {
            tracing::warn!("{key} has changed: it takes effect after a restart");
        }
        loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        self.level.set(&loaded.effective.log.level);
        self.config = config::reloaded(&self.config, loaded.effective);
        self.handle.set_connections_max(self.config.limits.connections_max);
        self.registry = Arc::new(Registry::new(&self.config, Some(&self.registry)));
        for shard in 0..self.handle.count() {
            if self.handle.control(shard, Control::Reload(Arc::clone(&self.registry))).is_err() {
                tracing::error!(shard, "the shard did not take the new configuration: it is stopping or overrun");
            }
        }
        tracing::info!("configuration reloaded");
    }
}

fn not_reloaded(problems: &[Problem]) {
    for problem in problems {
        tracing::error!("{problem}");
    }
    tracing::error!("the configuration was not reloaded: the earlier one stays in force");
}

/// The line that says that clients may come.
fn say_ready(config: &Effective, addresses: &[ListenAddress], started: Instant) {
    let listen = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let cores = config::cores::format(&config.cores);
    let shards = config.cores.len();
    let ready_ms = started.elapsed().as_millis();
    let version = env!("CARGO_PKG_VERSION");
    if config.log.format == LogFormat::Json {
        let ready_ms = u64::try_from(ready_ms).unwrap_or(u64::MAX);
        tracing::info!(version, listen, cores, shards, ready_ms, "serving");
    } else {
        let plural = if shards == 1 { "" } else { "s" };
        complain(&format!(
            "prism-proxy {version} serving on {listen} (cores {cores}, {shards} shard{plural}, ready in {ready_ms} ms)"
        ));
    }
}

/// A line on standard error; a closed one is no reason to fail.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
