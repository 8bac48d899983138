//! The proxy's program.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;
use prism_proxy::config::Args;

fn main() -> ExitCode {
    let started = Instant::now();
    // Before any thread exists, as it says.
    prism_shard::prepare();
    prism_proxy::run(&Args::parse(), started)
}
