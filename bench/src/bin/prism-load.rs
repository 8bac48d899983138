//! An open-loop load generator that is honest about latency.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    prism_bench::load::program::main()
}
