//! What a run has come to, as it is written to files: everything in JSON, and percentiles for HdrHistogram's plotter.

use std::collections::BTreeMap;
use std::io::{self, Write};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::clocks::Clocks;
use super::host::{self, Host, host};
use super::objective::Objective;
use super::plan::Plan;
use super::run::Outcome;
use super::units::show_cores;
use super::validity;

/// The version of the JSON's schema; it grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Everything about a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The program and its version.
    pub program: String,
    /// As it was called.
    pub command: Vec<String>,
    /// When measuring began, in seconds since 1970.
    pub began_at: u64,
    /// What it ran on.
    pub host: Host,
    /// The cores of the load.
    pub cores: Vec<usize>,
    /// What was asked for.
    pub settings: Settings,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// Whether the figures can be trusted.
    pub valid: bool,
    /// If not, why.
    pub reasons: Vec<String>,
    /// What a reader should know, beside that.
    pub notes: Vec<String>,
    /// Connections that were made again after they were lost.
    pub reconnects: u64,
    /// Tries to connect that failed.
    pub connects_failed: u64,
    /// What the first call that failed said.
    pub first_failure: Option<String>,
    /// Each objective, and whether it was met.
    pub objectives: BTreeMap<String, bool>,
    /// All calls.
    pub total: Figures,
    /// By operation.
    pub operations: BTreeMap<String, Figures>,
    /// All calls by second, without histograms; a call counts where it was intended, and where it ended.
    pub series: Vec<Second>,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The server.
    pub proxy: String,
    /// `open` or `closed`.
    pub r#loop: String,
    /// Calls a second; 0 in a closed loop.
    pub rps: f64,
    /// `poisson` or `constant`.
    pub arrivals: String,
    /// The most calls in flight.
    pub concurrency: usize,
    /// Connections.
    pub connections: usize,
    /// Seconds that are not counted.
    pub warmup: f64,
    /// Seconds that are.
    pub duration: f64,
    /// Seconds that a call may take.
    pub timeout: f64,
    /// What everything random follows from.
    pub seed: u64,
    /// What was called.
    pub operation: String,
    /// How many keys.
    pub keys: u64,
    /// How they were drawn.
    pub key_distribution: String,
    /// How long values were.
    pub value_bytes: String,
    /// The namespace.
    pub namespace: String,
    /// Whether values were checked.
    pub verify: bool,
}

/// Counts and times of calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Calls on the schedule: each is ok, an error, a time-out or dropped.
    pub intended: u64,
    /// Calls given to a connection.
    pub sent: u64,
    /// Calls that ended well.
    pub ok: u64,
    /// Those that did not, by status.
    pub errors: BTreeMap<String, u64>,
    /// Calls that took longer than they may.
    pub timeouts: u64,
    /// Calls that were not made since too many were in flight.
    pub dropped: u64,
    /// Reads that found no value.
    pub missing: u64,
    /// Calls a second that were ok.
    pub rps: f64,
    /// From the intended time.
    pub response: Times,
    /// From the sending.
    pub service: Times,
    /// Between the two.
    pub lag: Times,
}

/// One clock, in microseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Times {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub p9999: f64,
    pub max: f64,
    pub mean: f64,
    /// Pairs of nanoseconds (three digits of them) and samples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<(u64, u64)>,
}

/// One second.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Second {
    /// Its number, from 0 on.
    pub second: u64,
    /// What was counted in it.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Second {
    pub(super) fn new(second: u64, account: &Account) -> Self {
        Self { second, figures: Figures::new(account, account.tally.ok as f64, false) }
    }
}

impl Times {
    fn new(histogram: &Histogram<u64>, is_whole: bool) -> Self {
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
        let pairs = || histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: histogram.max() as f64 / 1e3,
            mean: histogram.mean() / 1e3,
            histogram: if is_whole { pairs().collect() } else { Vec::new() },
        }
    }

    /// The time of this name.
    pub(super) fn time(&self, name: &str) -> f64 {
        match name {
            "p50" => self.p50,
            "p90" => self.p90,
            "p99" => self.p99,
            "p999" => self.p999,
            "p9999" => self.p9999,
            "mean" => self.mean,
            _ => self.max,
        }
    }
}

impl Figures {
    fn new(account: &Account, rps: f64, is_whole: bool) -> Self {
        let Account { tally, clocks } = account;
        let Clocks { response, service, lag } = clocks;
        Self {
            intended: tally.intended,
            sent: tally.sent,
            ok: tally.ok,
            errors: tally.errors_by_name().map(|(name, count)| (name.to_owned(), count)).collect(),
            timeouts: tally.timeouts,
            dropped: tally.dropped,
            missing: tally.missing,
            rps,
            response: Times::new(response, is_whole),
            service: Times::new(service, is_whole),
            lag: Times::new(lag, is_whole),
        }
    }
}

impl Report {
    /// The report of a run that was called with these words.
    pub fn new(plan: &Plan, outcome: &Outcome, objectives: &[Objective], command: Vec<String>) -> Self {
        let reasons = validity::reasons(plan, outcome);
        let total = Figures::new(&outcome.total, outcome.rps(&outcome.total), true);
        let valid = reasons.is_empty();
        let by_operation = plan.mix.operations().zip(&outcome.operations).map(|(operation, account)| {
            (operation.name().to_owned(), Figures::new(account, outcome.rps(account), true))
        });
        Self {
            schema: SCHEMA,
            program: format!("prism-load {}", super::cli::VERSION),
            command,
            began_at: outcome.began_at,
            host: host(),
            cores: plan.cores.clone(),
            settings: Settings::new(plan),
            seconds: outcome.measured_seconds(),
            interrupted: outcome.is_interrupted,
            notes: notes(plan, outcome, valid),
            valid,
            reasons,
            reconnects: outcome.tolls.iter().map(|toll| toll.reconnects).sum(),
            connects_failed: outcome.tolls.iter().map(|toll| toll.connects_failed).sum(),
            first_failure: outcome.tolls.iter().find_map(|toll| toll.first_failure.clone()),
            // A run that is not valid meets none.
            objectives: objectives.iter().map(|one| (one.to_string(), valid && one.is_met(&total))).collect(),
            operations: by_operation.collect(),
            series: outcome.seconds.clone(),
            total,
        }
    }

    /// The program's exit code for it.
    pub fn exit_code(&self) -> u8 {
        match () {
            () if !self.valid || self.total.ok == 0 => 1,
            () if self.objectives.values().any(|is_met| !is_met) => 99,
            () => 0,
        }
    }
}

impl Settings {
    fn new(plan: &Plan) -> Self {
        let seconds = |ns: u64| ns as f64 / 1e9;
        Self {
            proxy: plan.proxy.to_string(),
            r#loop: if plan.is_closed() { "closed" } else { "open" }.to_owned(),
            rps: plan.rps,
            arrivals: plan.arrivals.name().to_owned(),
            concurrency: plan.concurrency,
            connections: plan.connections,
            warmup: seconds(plan.warmup_ns),
            duration: seconds(plan.duration_ns),
            timeout: seconds(plan.timeout_ns),
            seed: plan.seed,
            operation: plan.mix.to_string(),
            keys: plan.keys,
            key_distribution: plan.key_distribution.to_string(),
            value_bytes: plan.value_bytes.to_string(),
            namespace: plan.namespace.clone(),
            verify: plan.verify,
        }
    }
}

fn notes(plan: &Plan, outcome: &Outcome, valid: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.is_closed() {
        notes.push(
            "a closed loop: each call waits for an answer to one before, so that a server that stalls is asked less. \
             Its latency is not comparable with that of an open loop (--rps above 0)"
                .to_owned(),
        );
    }
    if outcome.is_interrupted {
        notes.push(format!("interrupted after {:.1} s of measuring", outcome.measured_seconds()));
    }
    let tally = &outcome.total.tally;
    if tally.missing > 0 {
        let advice = if plan.prefill { "" } else { "; --prefill writes every key first" };
        notes.push(format!("{} reads found no value{advice}", tally.missing));
    }
    let shared: Vec<usize> = host::shard_cores().into_iter().filter(|core| plan.cores.contains(core)).collect();
    if !shared.is_empty() {
        let cores = show_cores(&shared);
        notes
            .push(format!("a proxy on this machine has a shard on core {cores}, and the load ran there too (--cores)"));
    } else if !valid {
        notes.push(format!("the load ran on core {}", show_cores(&plan.cores)));
    }
    notes
}

/// Writes a clock as HdrHistogram's plotter reads it: milliseconds by percentile.
///
/// # Errors
/// Those of the writer.
pub fn write_hgrm(histogram: &Histogram<u64>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut count = 0;
    for step in histogram.iter_quantiles(5) {
        count += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to() as f64 / 1e6, step.quantile_iterated_to());
        if quantile < 1.0 {
            writeln!(out, "{value:12.6} {quantile:2.12} {count:10} {:14.2}", 1.0 / (1.0 - quantile))?;
        } else {
            writeln!(out, "{value:12.6} {quantile:2.12} {count:10}")?;
        }
    }
    let (mean, deviation) = (histogram.mean() / 1e6, histogram.stdev() / 1e6);
    writeln!(out, "#[Mean    = {mean:12.6}, StdDeviation   = {deviation:12.6}]")?;
    writeln!(out, "#[Max     = {:12.6}, Total count    = {:12}]", histogram.max() as f64 / 1e6, histogram.len())
}
