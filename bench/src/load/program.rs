//! The program: flags in, a run, reports and an exit code out.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::account::Account;
use super::cli::{Cli, Command, RunArgs};
use super::plan::Plan;
use super::probe;
use super::report::{self, Report};
use super::run::{self, Clock, Outcome, Progress};
use super::summary::summary;
use super::units::show_ns;

/// What an ended-at-once process says that did not finish.
const IMPATIENT_EXIT_CODE: i32 = 1;

/// Does what the command line says.
pub fn main() -> ExitCode {
    let cli = Cli::of_process();
    let args = match cli.command {
        Some(Command::Run(args)) => *args,
        None => cli.run,
    };
    let plan = match args.plan() {
        Ok(plan) => plan,
        Err(reason) => return fail(2, &reason),
    };
    match load(&args, &plan) {
        Ok(code) => ExitCode::from(code),
        Err(reason) => fail(1, &reason),
    }
}

fn fail(code: u8, reason: &str) -> ExitCode {
    // Where nobody reads standard error, the code must do.
    let _closed = writeln!(io::stderr(), "prism-load: {reason}");
    ExitCode::from(code)
}

fn load(args: &RunArgs, plan: &Plan) -> Result<u8, String> {
    let stop = interrupt().map_err(|error| format!("signals cannot be had: {error}"))?;
    check_writable(args)?;
    probe::probe(plan, Clock::new(Instant::now()))?;
    let is_shown = !args.quiet && io::stderr().is_terminal();
    let outcome = run::run(plan, &stop, &mut |progress| {
        if is_shown {
            show(&progress);
        }
    })?;
    let report = Report::new(plan, &outcome, &args.slo, std::env::args().collect());
    if !args.quiet {
        io::stdout().write_all(summary(&report).as_bytes()).map_err(|error| format!("standard output: {error}"))?;
    } else if !report.valid {
        let _closed = writeln!(io::stderr(), "prism-load: the run is not valid: {}", report.reasons.join("; "));
    }
    write(args, &report, &outcome)?;
    Ok(report.exit_code())
}

/// SIGINT and SIGTERM end the run with its report; a second one ends the process.
fn interrupt() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in their order: the first signal finds the flag unset, and sets it.
        flag::register_conditional_shutdown(signal, IMPATIENT_EXIT_CODE, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn show(progress: &Progress<'_>) {
    let line = match progress {
        Progress::Filled(filled, keys) => {
            let tenths = (filled * 20 / keys) as usize;
            format!("prefill [{:<20}] {filled} of {keys} keys", "#".repeat(tenths))
        }
        Progress::Second(second, Account { tally, clocks }) => format!(
            "{:>4} s {:>9} ok {:>6} failed   response p50 {:>8} p99 {:>8}   lag p99 {:>8}",
            second + 1,
            tally.ok,
            tally.intended.saturating_sub(tally.ok).min(tally.errors_total() + tally.timeouts + tally.dropped),
            show_ns(clocks.response.value_at_quantile(0.5) as f64),
            show_ns(clocks.response.value_at_quantile(0.99) as f64),
            show_ns(clocks.lag.value_at_quantile(0.99) as f64),
        ),
    };
    let _closed = writeln!(io::stderr(), "{line}");
}

/// A report that cannot be written is no reason to have measured in vain: that is found out before.
fn check_writable(args: &RunArgs) -> Result<(), String> {
    for path in args.output.iter().chain(&args.hgrm) {
        File::options().append(true).create(true).open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn write(args: &RunArgs, report: &Report, outcome: &Outcome) -> Result<(), String> {
    if let Some(path) = &args.output {
        write_file(path, |out| {
            serde_json::to_writer(&mut *out, report)?;
            writeln!(out)
        })?;
    }
    if let Some(path) = &args.hgrm {
        write_file(path, |out| report::write_hgrm(&outcome.total.clocks.response, out))?;
    }
    Ok(())
}

fn write_file(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), String> {
    let written = File::create(path).map(BufWriter::new).and_then(|mut out| {
        content(&mut out)?;
        out.flush()
    });
    written.map_err(|error| format!("{}: {error}", path.display()))
}
