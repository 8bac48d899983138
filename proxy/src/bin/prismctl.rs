//! The operator's command line.

use std::process::ExitCode;

use prism_proxy::ctl;

fn main() -> ExitCode {
    ctl::run(&ctl::Args::of_process())
}
