//! The memstore against hashbrown with boxed keys and values, on one large table.
//!
//! The baseline is the standard library's map, which is hashbrown, with the same hasher. Both are filled with the same
//! keys and are then asked in turn, in one random order, in this process, so that a ratio of two rounds that ran one
//! after the other says something on a busy machine too. Times are the thread's CPU time.
//!
//! With `--count` it runs one kind of operation on one of the two and prints nothing, for an instrument that counts:
//! the difference of two runs with different `--rounds` is the cost of the operations alone.

mod measure;
mod report;
mod subject;
mod warm;

use std::io::{self, Write};

use clap::{Parser, ValueEnum};

use measure::{Keys, Operation, perform};
use subject::{Boxed, Store, Subject};

/// Compares the memstore with hashbrown on one large table; prints JSON.
#[derive(Debug, Parser)]
struct Options {
    /// Keys in the table.
    #[arg(long, default_value_t = 10_000_000)]
    keys: usize,
    /// Operations of one round.
    #[arg(long, default_value_t = 500_000)]
    operations: usize,
    /// Rounds of each operation.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Fills for the worst wall time of an operation while the table grows: the least of each operation counts. All but
    /// the first are given memory that was just in use.
    #[arg(long, default_value_t = 3)]
    fills: usize,
    /// Shuffles the keys.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only run this, on the subject that is named.
    #[arg(long, requires = "subject")]
    count: Option<Operation>,
    /// What `--count` runs on.
    #[arg(long)]
    subject: Option<Kind>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Memstore,
    Hashbrown,
}

fn count(options: &Options, operation: Operation, mut subject: impl Subject) {
    let keys = Keys::new(options.keys, options.seed);
    (0..keys.count()).for_each(|index| subject.set(&Keys::key(index), 0));
    for number in 0..options.rounds {
        perform(operation, &mut subject, keys.slice(number, options.operations));
    }
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    match (options.count, options.subject) {
        (Some(operation), Some(Kind::Memstore)) => count(&options, operation, Store::new()),
        (Some(operation), Some(Kind::Hashbrown)) => count(&options, operation, Boxed::new()),
        _ => writeln!(io::stdout(), "{:#}", report::compare(&options))?,
    }
    Ok(())
}

#[cfg(test)]
#[test]
fn a_small_table_is_compared() {
    let options = Options::parse_from(["table", "--keys=20000", "--operations=5000", "--rounds=2", "--fills=2"]);
    let report = report::compare(&options);
    for operation in ["get", "dependent_get", "turn_of_64", "set", "first_ttl_set", "ttl_set"] {
        assert!(report["ratios"][operation]["median"].as_f64().is_some_and(|ratio| ratio > 0.0), "{report:#}");
    }
    assert!(report["growth"]["entries_moved_max"].as_u64().is_some_and(|moved| moved > 0), "{report:#}");
}
