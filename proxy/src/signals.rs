//! The signals that steer the process, delivered one by one to the thread that asks.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals as Delivered};

/// What the operator asks of the running process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: drain and stop.
    Stop,
    /// SIGHUP: read the configuration file again.
    Reload,
    /// SIGUSR1: log the statistics of every shard.
    Report,
}

/// The exit code of a process that is told to stop a second time: it did not finish its work.
const IMPATIENT_EXIT_CODE: i32 = 1;

/// The signals of this process, taken over from their default actions.
#[derive(Debug)]
pub struct Signals {
    delivered: Delivered,
}

impl Signals {
    /// Takes the signals over. From now on the first SIGTERM or SIGINT is delivered, and the second, of either kind,
    /// ends the process at once with code 1, whatever the threads are doing.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn install() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // Handlers run in the order of registration: the first signal finds the flag still unset, and sets it.
            flag::register_conditional_shutdown(signal, IMPATIENT_EXIT_CODE, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self { delivered: Delivered::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])? })
    }

    /// Waits for the next signal; `None` once the handle was closed.
    ///
    /// Signals of one kind that come faster than they are taken count once.
    pub fn wait(&mut self) -> Option<Signal> {
        self.delivered.forever().next().map(|signal| match signal {
            SIGHUP => Signal::Reload,
            SIGUSR1 => Signal::Report,
            _ => Signal::Stop,
        })
    }

    /// Lets another thread end the waiting, by [`Handle::close`], when there is nothing left to wait for.
    pub fn handle(&self) -> Handle {
        self.delivered.handle()
    }
}

#[cfg(test)]
mod tests;
