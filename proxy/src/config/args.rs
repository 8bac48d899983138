//! The command line of `prism-proxy`; every flag has an environment variable.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::BoolishValueParser;

use super::listen::ListenAddress;
use super::log::{LogFormat, LogLevel};

/// The version and the commit that the program was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("PRISM_COMMIT"), ")");

const EXAMPLES: &str = "\
Examples:
  prism-proxy
      Serve an in-memory store on 127.0.0.1:8980, with a shard on every core.
  prism-proxy --config prism.yaml --cores 2-5
      Serve what the file says, on four cores.
  prism-proxy --listen 127.0.0.1:0 --listen unix:/run/prism.sock
      Serve on a port that the kernel chooses (it is printed) and on a unix socket.
  prism-proxy --config prism.yaml --check-config
      Say what is wrong with the file, with line and column; exit with 0 or 2.
  PRISM_LISTEN=0.0.0.0:8980,unix:/run/prism.sock prism-proxy
      The same flags, from the environment.

A flag goes before its environment variable, that before the file, and that before the default.
Signals: TERM and INT drain and stop, HUP reads the file again, USR1 logs what each shard has counted.
Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration.";

/// A gRPC data-access proxy that runs one shard on each core.
#[derive(Debug, Clone, Default, PartialEq, Eq, Parser)]
#[command(name = "prism-proxy", version = VERSION, after_help = EXAMPLES, max_term_width = 110)]
pub struct Args {
    /// The configuration file; without one, a single in-memory namespace is served
    #[arg(long, value_name = "FILE", env = "PRISM_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,

    /// The cores to run shards on, such as 0-7 or 0,2,4-6; by default all that the process may use
    #[arg(long, value_name = "LIST", env = "PRISM_CORES", hide_env_values = true)]
    pub cores: Option<CoreList>,

    /// An address to listen on, such as 127.0.0.1:8980 or unix:/path; may be repeated
    #[arg(long, value_name = "ADDR", env = "PRISM_LISTEN", hide_env_values = true, value_delimiter = ',')]
    pub listen: Vec<ListenAddress>,

    /// Microseconds that an idle shard spins before it sleeps; 0 on cores shared with other programs
    #[arg(long, value_name = "MICROSECONDS", env = "PRISM_SPIN", hide_env_values = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=super::SPIN_US_MAX))]
    pub spin: Option<u64>,

    /// The form of log lines: text or json
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, env = "PRISM_LOG_FORMAT", hide_env_values = true)]
    pub log_format: Option<LogFormat>,

    /// How much to log: a level, or a filter such as info,prism_shard=debug
    #[arg(long, value_name = "FILTER", env = "PRISM_LOG_LEVEL", hide_env_values = true)]
    pub log_level: Option<LogLevel>,

    /// Check the file and every reference in it, and exit
    #[arg(long, env = "PRISM_CHECK_CONFIG", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub check_config: bool,

    /// Print the effective configuration, secrets masked, and exit
    #[arg(long, env = "PRISM_PRINT_CONFIG", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub print_config: bool,
}

/// Cores as a flag names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreList(pub Vec<usize>);

impl std::str::FromStr for CoreList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::cores::parse(text).map(Self)
    }
}

#[cfg(test)]
mod tests;
