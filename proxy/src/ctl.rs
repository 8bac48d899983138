//! The operator's command line, `prismctl`: one call to a proxy over a blocking socket, its answers, and an exit code.
//!
//! It uses the same HTTP/2 machine as everything else; there is no second implementation of the protocol.

mod address;
mod args;
mod caller;
mod command;
mod failure;
mod output;

use std::io::Write as _;
use std::process::ExitCode;

pub use address::Address;
pub use args::{Args, Command, Form};

use failure::Failure;

/// Does what the arguments say. Exit codes: 0 done, 1 failed, with one line on standard error. (2, for wrong usage, is
/// given where the arguments are parsed.)
pub fn run(args: &Args) -> ExitCode {
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has had enough of it.
        Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing can be done about a standard error that is closed.
            let _ = writeln!(std::io::stderr(), "prismctl: {failure}");
            ExitCode::FAILURE
        }
    }
}
