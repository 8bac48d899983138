//! The report for people.

use std::fmt::Write as _;

use super::report::{Figures, Report, Times};
use super::units::{show_cores, show_ns};

/// The summary of a report, some lines.
pub(super) fn summary(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _infallible = write(report, &mut text);
    text
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let settings = &report.settings;
    let rate = match settings.rps {
        0.0 => format!("closed loop, {} calls in flight", settings.concurrency),
        rps => format!("open loop, {rps} calls/s ({})", settings.arrivals),
    };
    let connections = settings.connections;
    writeln!(out, "{} on {}: {rate}, {connections} connections", settings.operation, settings.proxy)?;
    writeln!(out, "measured {:.1} s on core {}, seed {}", report.seconds, show_cores(&report.cores), settings.seed)?;
    writeln!(out)?;
    counts("calls", &report.total, out)?;
    if report.operations.len() > 1 {
        report.operations.iter().try_for_each(|(name, figures)| counts(name, figures, out))?;
    }
    for (name, count) in &report.total.errors {
        writeln!(out, "  {count} x {name}")?;
    }
    if let Some(failure) = &report.first_failure {
        writeln!(out, "  the first failure: {failure}")?;
    }
    if report.reconnects + report.connects_failed > 0 {
        writeln!(out, "  {} reconnects, {} failed tries", report.reconnects, report.connects_failed)?;
    }
    writeln!(out)?;
    let columns = ["p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"];
    write!(out, "{:<18}", "")?;
    columns.iter().try_for_each(|column| write!(out, "{column:>10}"))?;
    writeln!(out)?;
    clocks("", &report.total, settings.rps == 0.0, out)?;
    if report.operations.len() > 1 {
        for (name, figures) in &report.operations {
            clocks(name, figures, settings.rps == 0.0, out)?;
        }
    }
    writeln!(out)?;
    for (objective, is_met) in &report.objectives {
        writeln!(out, "objective {objective}: {}", if *is_met { "met" } else { "MISSED" })?;
    }
    report.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))?;
    if report.valid {
        return Ok(());
    }
    writeln!(out, "NOT VALID: do not trust these figures")?;
    report.reasons.iter().try_for_each(|reason| writeln!(out, "  - {reason}"))
}

fn counts(name: &str, figures: &Figures, out: &mut String) -> std::fmt::Result {
    let errors: u64 = figures.errors.values().sum();
    writeln!(
        out,
        "{name:<8} {} intended, {} sent, {} ok ({:.0}/s), {errors} errors, {} timeouts, {} dropped",
        figures.intended, figures.sent, figures.ok, figures.rps, figures.timeouts, figures.dropped
    )
}

fn clocks(name: &str, figures: &Figures, is_closed: bool, out: &mut String) -> std::fmt::Result {
    row(name, "response", &figures.response, out)?;
    // In a closed loop both are the same, and nothing can be late.
    if is_closed {
        return Ok(());
    }
    row(name, "service", &figures.service, out)?;
    row(name, "lag", &figures.lag, out)
}

fn row(name: &str, clock: &str, times: &Times, out: &mut String) -> std::fmt::Result {
    write!(out, "{:<18}", format!("{name} {clock}").trim())?;
    for time in [times.p50, times.p90, times.p99, times.p999, times.p9999, times.max, times.mean] {
        write!(out, "{:>10}", show_ns(time * 1e3))?;
    }
    writeln!(out)
}
