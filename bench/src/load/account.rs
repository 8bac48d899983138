//! What became of every call: each is counted once, as ok, an error, a time-out or dropped.

use prism_proto::status::Code;

use super::clocks::Clocks;

/// Counts of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that the schedule had; in a closed loop, that were begun.
    pub intended: u64,
    /// Of these, the ones that were given to a socket.
    pub sent: u64,
    /// Of these, the ones that ended with status 0 and, if that is looked at, with the right value.
    pub ok: u64,
    /// Calls that ended otherwise, by the number of their status; under 0 those with a wrong value.
    pub errors: [u64; 17],
    /// Calls that had not ended in their time, whether they were sent or not.
    pub timeouts: u64,
    /// Calls that were not made at their intended time because as many as may be were in flight.
    pub dropped: u64,
    /// Of those that are ok, reads that found no value.
    pub missing: u64,
}

/// How errors with a wrong value are called.
const WRONG_VALUE: &str = "WRONG_VALUE";

impl Tally {
    /// Calls that failed, with a status or with a wrong value.
    pub fn errors_total(&self) -> u64 {
        self.errors.iter().sum()
    }

    /// Whether every intended call is accounted for once.
    pub fn is_balanced(&self) -> bool {
        self.intended == self.ok + self.errors_total() + self.timeouts + self.dropped
    }

    /// The errors that there were, by name.
    pub fn errors_by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.errors.iter().enumerate().filter(|(_, count)| **count > 0).map(|(number, count)| (name(number), *count))
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.intended += other.intended;
        self.sent += other.sent;
        self.ok += other.ok;
        self.errors.iter_mut().zip(&other.errors).for_each(|(into, from)| *into += from);
        self.timeouts += other.timeouts;
        self.dropped += other.dropped;
        self.missing += other.missing;
    }
}

fn name(number: usize) -> &'static str {
    let code = u8::try_from(number).ok().and_then(Code::from_number).filter(|code| *code != Code::Ok);
    code.map_or(WRONG_VALUE, Code::name)
}

/// Counts and times together.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The counts.
    pub tally: Tally,
    /// The times.
    pub clocks: Clocks,
}

impl Account {
    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.clocks.merge(&other.clocks);
    }

    /// Empties it and keeps the memory.
    pub fn reset(&mut self) {
        self.tally = Tally::default();
        self.clocks.reset();
    }
}

/// What one core has counted in one second: an account for each operation of the mix.
#[derive(Debug, Clone, Default)]
pub struct Interval {
    /// The second, from 0 on; calls count where they end, and where they were intended.
    pub second: u64,
    /// In the order of the mix.
    pub operations: Vec<Account>,
}

impl Interval {
    /// Nothing yet, of so many operations.
    pub fn new(operations: usize) -> Self {
        Self { second: 0, operations: vec![Account::default(); operations] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_name() {
        assert_eq!(name(0), "WRONG_VALUE");
        assert_eq!(name(Code::Cancelled as usize), "CANCELLED");
        assert_eq!(name(Code::Unavailable as usize), "UNAVAILABLE");
        assert_eq!(name(Code::Unauthenticated as usize), "UNAUTHENTICATED");
    }
}
