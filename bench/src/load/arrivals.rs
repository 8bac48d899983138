//! When calls are due: a schedule that is computed from the start and knows nothing of answers.

use super::random::Random;

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrivals {
    /// A Poisson process: independent callers, bursts included.
    Poisson,
    /// One call after each equal step.
    Constant,
}

impl Arrivals {
    /// The word on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Constant => "constant",
        }
    }
}

/// The due times of one core, in nanoseconds after the start, without end.
///
/// The schedules of all cores together are the process that was asked for: Poisson processes add up to one, and the
/// constant ones interleave.
#[derive(Debug, Clone)]
pub struct Schedule {
    arrivals: Arrivals,
    /// Nanoseconds from one call of this core to the next, on average.
    step_ns: f64,
    /// Where the next call of a Poisson process is due; where the first of a constant one is.
    at_ns: f64,
    index: u64,
    random: Random,
}

impl Schedule {
    /// The part of core `core` of `cores` in a process of `per_second` calls, which is more than 0.
    pub fn new(arrivals: Arrivals, per_second: f64, core: usize, cores: usize, seed: u64) -> Self {
        let step_ns = 1e9 * cores as f64 / per_second;
        let mut random = Random::fork(seed, 1, core as u64);
        let at_ns = match arrivals {
            Arrivals::Poisson => gap_ns(&mut random, step_ns),
            Arrivals::Constant => step_ns / cores as f64 * core as f64,
        };
        Self { arrivals, step_ns, at_ns, index: 0, random }
    }

    /// When the next call is due.
    #[inline]
    pub fn due_ns(&self) -> u64 {
        match self.arrivals {
            Arrivals::Poisson => self.at_ns as u64,
            // From the start and not from the last one, so that no rounding adds up.
            Arrivals::Constant => (self.at_ns + self.step_ns * self.index as f64) as u64,
        }
    }

    /// Goes on to the one after.
    #[inline]
    pub fn advance(&mut self) {
        self.index += 1;
        if self.arrivals == Arrivals::Poisson {
            self.at_ns += gap_ns(&mut self.random, self.step_ns);
        }
    }
}

#[inline]
fn gap_ns(random: &mut Random, mean_ns: f64) -> f64 {
    -random.unit().ln() * mean_ns
}

#[cfg(test)]
mod tests;
