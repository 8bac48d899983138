//! The command line of `prism-load`; every flag has an environment variable, `PRISM_LOAD_RPS` for `--rps`.
//!
//! Those of the proxy and of `prismctl` (`PRISM_CORES`, `PRISM_OUTPUT`) thus mean nothing here; where the server is and
//! the namespace are the same for all.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use super::address::Address;
use super::arrivals::Arrivals;
use super::host;
use super::keys::KeyDistribution;
use super::mix::{Mix, Operation};
use super::objective::Objective;
use super::plan::Plan;
use super::units;
use super::values::ValueBytes;

/// The version and the commit that the program was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("PRISM_COMMIT"), ")");

const EXAMPLES: &str = "\
Examples:
  prism-load --rps 10000 --duration 30s --prefill
      10,000 gets a second, due at random (Poisson) times, whether or not answers come.
  prism-load --rps 50000 --operation mixed --mix get:90,set:10 --key-distribution zipf:1.0 --cores 2,3
      Nine reads to each write, the popular keys most, from two cores.
  prism-load --rps 10000 --slo 'p99<1ms' --slo 'errors<0.1%' --output run.json
      Exit 99 when an objective is missed; everything measured in a file.
  prism-load --concurrency 800 --operation set
      As fast as 800 calls in flight allow: a closed loop, for throughput and not for latency.

Times are from when a call was due (response), from when it was sent (service), and between the two (lag): what the
generator itself was late. A run whose lag is large, or that dropped calls, is not valid and says why.
A flag goes before its environment variable, that before the default.
Exit codes: 0 done, 1 failed or not valid, 2 wrong usage, 99 an objective was missed.";

/// A gRPC load generator that is honest about latency.
#[derive(Debug, Clone, Parser)]
#[command(name = "prism-load", version = VERSION, after_help = EXAMPLES, max_term_width = 110)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without it, `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `run`.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Load a server and report; the default
    Run(Box<RunArgs>),
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Read a key
    Get,
    /// Write a key
    Set,
    /// Remove a key
    Delete,
    /// Ask whether a key is there
    Exists,
    /// Read the first keys, a stream of --scan-limit messages
    Scan,
    /// Push to the right end of a list or pop from its left end, half and half
    List,
    /// Publish to a topic
    Publish,
    /// Append to a stream
    Append,
    /// What --mix says
    Mixed,
}

/// The flags of a run.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Where the server is: HOST:PORT or unix:/path
    #[arg(long, value_name = "ADDR", env = "PRISM_PROXY", hide_env_values = true, default_value = "127.0.0.1:8980")]
    pub proxy: Address,
    /// What is called
    #[arg(long, value_enum, env = "PRISM_LOAD_OPERATION", hide_env_values = true, default_value = "get")]
    pub operation: Work,
    /// Calls a second in all, whether or not answers come; 0: as fast as --concurrency allows, a closed loop
    #[arg(long, value_name = "N", env = "PRISM_LOAD_RPS", hide_env_values = true, default_value = "0")]
    #[arg(value_parser = rps)]
    #[arg(allow_negative_numbers = true)]
    pub rps: f64,
    /// The most calls in flight [default: 100 in a closed loop, else the larger of 1,000 and rps x timeout]
    #[arg(long, value_name = "N", env = "PRISM_LOAD_CONCURRENCY", hide_env_values = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub concurrency: Option<u32>,
    /// How long is measured
    #[arg(long, value_name = "TIME", env = "PRISM_LOAD_DURATION", hide_env_values = true, default_value = "30s")]
    #[arg(value_parser = some_time)]
    pub duration: u64,
    /// How long the load runs before that, uncounted
    #[arg(long, value_name = "TIME", env = "PRISM_LOAD_WARMUP", hide_env_values = true, default_value = "2s")]
    #[arg(value_parser = units::duration_ns)]
    pub warmup: u64,
    /// How long a call may take; beyond it, it counts with that time
    #[arg(long, value_name = "TIME", env = "PRISM_LOAD_TIMEOUT", hide_env_values = true, default_value = "1s")]
    #[arg(value_parser = timeout)]
    pub timeout: u64,
    /// Connections
    #[arg(long, value_name = "N", env = "PRISM_LOAD_CONNECTIONS", hide_env_values = true, default_value = "8")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,
    /// The load's own cores, a thread pinned to each, such as 1,3 [default: the last that it may use]
    #[arg(long, value_name = "LIST", env = "PRISM_LOAD_CORES", hide_env_values = true)]
    pub cores: Option<String>,
    /// How calls are spread over time
    #[arg(long, value_enum, env = "PRISM_LOAD_ARRIVALS", hide_env_values = true, default_value = "poisson")]
    pub arrivals: Arrivals,
    /// What times, keys and lengths follow from: the same seed gives the same load
    #[arg(long, value_name = "N", env = "PRISM_LOAD_SEED", hide_env_values = true, default_value = "1")]
    pub seed: u64,
    /// The operations of `--operation mixed`, in proportion
    #[arg(long, value_name = "LIST", env = "PRISM_LOAD_MIX", hide_env_values = true, default_value = "get:90,set:10")]
    #[arg(value_parser = Mix::parse)]
    pub mix: Mix,
    /// The namespace of the keys
    #[arg(long, value_name = "NAME", env = "PRISM_NAMESPACE", hide_env_values = true, default_value = "default")]
    pub namespace: String,
    /// How many keys, lists, topics or streams there are
    #[arg(long, value_name = "N", env = "PRISM_LOAD_KEYS", hide_env_values = true, default_value = "100000")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=999_999_999_999))]
    pub keys: u64,
    /// uniform, zipf:EXPONENT, hotspot:KEYS,CALLS (shares such as 0.2,0.8), latest or sequential
    #[arg(
        long,
        value_name = "HOW",
        env = "PRISM_LOAD_KEY_DISTRIBUTION",
        hide_env_values = true,
        default_value = "uniform"
    )]
    pub key_distribution: KeyDistribution,
    /// The most keys that a scan returns
    #[arg(long, value_name = "N", env = "PRISM_LOAD_SCAN_LIMIT", hide_env_values = true, default_value = "100")]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pub scan_limit: i32,
    /// How long values are: 64, 16..1024 or zipf (1 byte to 64 KiB)
    #[arg(long, value_name = "BYTES", env = "PRISM_LOAD_VALUE_BYTES", hide_env_values = true, default_value = "64")]
    pub value_bytes: ValueBytes,
    /// Write every key before the run
    #[arg(long, env = "PRISM_LOAD_PREFILL", hide_env_values = true)]
    pub prefill: bool,
    /// Check that each value read is the one that this program writes under the key (with the same seed and lengths)
    #[arg(long, env = "PRISM_LOAD_VERIFY", hide_env_values = true)]
    pub verify: bool,
    /// Metadata of every call
    #[arg(long, value_name = "NAME:VALUE", env = "PRISM_LOAD_HEADER", hide_env_values = true, value_parser = header)]
    pub header: Vec<(String, Vec<u8>)>,
    /// An objective, such as p99<1ms (response time), errors<0.1% or rps>=10000
    #[arg(long, value_name = "OBJECTIVE", env = "PRISM_LOAD_SLO", hide_env_values = true, value_delimiter = ',')]
    pub slo: Vec<Objective>,
    /// Write everything, histograms included, as JSON
    #[arg(long, value_name = "FILE", env = "PRISM_LOAD_OUTPUT", hide_env_values = true)]
    pub output: Option<PathBuf>,
    /// Write the response clock for HdrHistogram's plotter
    #[arg(long, value_name = "FILE", env = "PRISM_LOAD_HGRM", hide_env_values = true)]
    pub hgrm: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long, env = "PRISM_LOAD_QUIET", hide_env_values = true)]
    pub quiet: bool,
}

fn rps(text: &str) -> Result<f64, String> {
    const RPS_MAX: f64 = 1e8;
    match text.parse::<f64>() {
        Ok(rps) if rps == 0.0 || (0.01..=RPS_MAX).contains(&rps) => Ok(rps),
        _ => Err("0, or a rate from 0.01 to 100000000 calls a second".to_owned()),
    }
}

fn some_time(text: &str) -> Result<u64, String> {
    match units::duration_ns(text)? {
        0 => Err("nothing can be measured in no time".to_owned()),
        ns => Ok(ns),
    }
}

fn timeout(text: &str) -> Result<u64, String> {
    match units::duration_ns(text)? {
        0 => Err("no call can be made in no time".to_owned()),
        ns if ns > super::clocks::TIME_MAX_NS => Err("times are told apart up to 1m".to_owned()),
        ns => Ok(ns),
    }
}

fn header(text: &str) -> Result<(String, Vec<u8>), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("`{text}` is not like name:value"))?;
    Ok((name.trim().to_lowercase(), value.trim().as_bytes().to_vec()))
}

impl Cli {
    /// The arguments of this process. Wrong usage ends it with exit code 2, and the nearest known flag.
    pub fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| with_nearest(error).exit())
    }
}

/// Adds the nearest flag where the parser, which does not see swapped letters as near, has found none.
fn with_nearest(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument || error.get(ContextKind::SuggestedArg).is_some() {
        return error;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return error };
    let word = word.clone();
    let command = Cli::command();
    let flags = command.get_arguments().filter_map(clap::Arg::get_long).map(|flag| format!("--{flag}"));
    let distances = flags.map(|flag| (strsim::damerau_levenshtein(&flag, &word), flag));
    if let Some((_, nearest)) = distances.min().filter(|(distance, _)| *distance <= 2) {
        let _none_before = error.insert(ContextKind::SuggestedArg, ContextValue::String(nearest));
    }
    error
}

impl RunArgs {
    /// The plan that the flags make.
    ///
    /// # Errors
    /// What makes no sense, which is wrong usage; the server's name is looked up by then.
    pub fn plan(&self) -> Result<Plan, String> {
        let allowed = host::allowed_cores();
        let cores = match &self.cores {
            Some(text) => units::cores(text)?,
            None => allowed.last().copied().into_iter().collect(),
        };
        if let Some(core) = cores.iter().find(|core| !allowed.contains(core)) {
            let allowed = units::show_cores(&allowed);
            return Err(format!("core {core} does not exist or is not allowed; allowed: {allowed}"));
        }
        let connections = self.connections as usize;
        if connections < cores.len() {
            return Err(format!("{connections} connections are too few for {} cores: one each at least", cores.len()));
        }
        let in_time = (self.rps * self.timeout as f64 / 1e9).ceil().min(4e6) as usize;
        let by_default = if self.rps == 0.0 { 100 } else { in_time.max(1_000) };
        let concurrency = self.concurrency.map_or(by_default, |calls| calls as usize);
        if concurrency < cores.len() {
            return Err(format!("a concurrency of {concurrency} is too little for {} cores", cores.len()));
        }
        let mix = match self.operation {
            Work::Get => Mix::one(Operation::Get),
            Work::Set => Mix::one(Operation::Set),
            Work::Delete => Mix::one(Operation::Delete),
            Work::Exists => Mix::one(Operation::Exists),
            Work::Scan => Mix::one(Operation::Scan),
            Work::List => Mix::one(Operation::List),
            Work::Publish => Mix::one(Operation::Publish),
            Work::Append => Mix::one(Operation::Append),
            Work::Mixed => self.mix.clone(),
        };
        if self.verify && mix.operations().all(|operation| operation != Operation::Get) {
            return Err("--verify checks what is read, and nothing is: add get to the mix".to_owned());
        }
        Ok(Plan {
            address: self.proxy.resolve().map_err(|error| format!("{}: {error}", self.proxy))?,
            proxy: self.proxy.clone(),
            rps: self.rps,
            arrivals: self.arrivals,
            concurrency,
            connections,
            cores,
            warmup_ns: self.warmup,
            duration_ns: self.duration,
            timeout_ns: self.timeout,
            seed: self.seed,
            mix,
            keys: self.keys,
            key_distribution: self.key_distribution,
            value_bytes: self.value_bytes,
            scan_limit: self.scan_limit,
            namespace: self.namespace.clone(),
            headers: self.header.clone(),
            prefill: self.prefill,
            verify: self.verify,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &[&str]) -> Result<Plan, String> {
        let cli = Cli::try_parse_from([&["prism-load"], words].concat());
        let cli = cli.map_err(|error| with_nearest(error).to_string())?;
        let run = match cli.command {
            Some(Command::Run(run)) => *run,
            None => cli.run,
        };
        run.plan()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let closed = plan(&[]).expect("nothing is needed");
        assert_eq!((closed.connections, closed.concurrency, closed.keys), (8, 100, 100_000));
        assert_eq!(closed.mix, Mix::one(Operation::Get));
        assert!(closed.is_closed());
        assert_eq!(plan(&["--rps", "100"]).map(|plan| plan.concurrency), Ok(1_000));
        assert_eq!(plan(&["run", "--rps", "5000", "--timeout", "2s"]).map(|plan| plan.concurrency), Ok(10_000));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        for (words, reason) in [
            (&["--rps", "-1"][..], "a rate from 0.01"),
            (&["--duration", "0s"], "no time"),
            (&["--timeout", "2m"], "up to 1m"),
            (&["--cores", "9999"], "not a list of cores"),
            (&["--cores", "8000"], "not allowed"),
            (&["--connections", "0"], "1..=10000"),
            (&["--mix", "get:0"], "weight above 0"),
            (&["--slo", "p98<1ms"], "p9999"),
            (&["--operation", "set", "--verify"], "nothing is"),
            (&["--key-distribution", "zipf"], "exponent"),
            (&["--proxy", "nowhere"], "not an address"),
            (&["--keys", "0"], "1..="),
            (&["--rsp", "1"], "--rps"),
        ] {
            let error = plan(words).expect_err("it makes no sense");
            assert!(error.contains(reason), "{words:?}: {error}");
        }
    }
}
