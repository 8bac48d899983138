//! The command line of `prismctl`; every flag has an environment variable.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use prism_proto::limits::{SECOND_NS, TTL_SECONDS_MAX};

use super::address::Address;
use crate::config::{VERSION, duration};

const EXAMPLES: &str = "\
Examples:
  prismctl set greeting hello --ttl 10m
  prismctl get greeting
  prismctl set picture - < picture.png        # the value from standard input
  prismctl get picture -o raw > picture.png   # exactly the bytes, no newline
  prismctl get greeting -o json               # {\"found\":true,\"key\":\"greeting\",\"value\":\"hello\"}
  prismctl --proxy unix:/run/prism.sock --namespace sessions exists user:7
  prismctl health                             # the process; or a service, or namespace:NAME
  prismctl completions bash > /usr/share/bash-completion/completions/prismctl

With -o json a value that is UTF-8 is in the field `value`, any other in base64 in `value_base64`.
A flag goes before its environment variable, that before the default.
Exit codes: 0 done, 1 the call failed, the key of a `get` is missing or the service is not SERVING, 2 wrong usage.";

/// Calls a Prism proxy from the command line.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "prismctl", version = VERSION, after_help = EXAMPLES, max_term_width = 110)]
#[command(args_override_self = true)]
pub struct Args {
    /// Where the proxy is: HOST:PORT or unix:/path
    #[arg(long, global = true, value_name = "ADDR", env = "PRISM_PROXY", hide_env_values = true)]
    #[arg(default_value = "127.0.0.1:8980")]
    pub proxy: Address,

    /// The namespace of the keys
    #[arg(long, global = true, value_name = "NAME", env = "PRISM_NAMESPACE", hide_env_values = true)]
    #[arg(default_value = "default")]
    pub namespace: String,

    /// How long all of it may take, such as 500ms or 1m
    #[arg(long, global = true, value_name = "DURATION", env = "PRISM_TIMEOUT", hide_env_values = true)]
    #[arg(default_value = "5s", value_parser = timeout_ns)]
    pub timeout: u64,

    /// How the answer is written: for people, as JSON, or as nothing but the value's bytes
    #[arg(short, long, global = true, value_name = "FORM", env = "PRISM_OUTPUT", hide_env_values = true)]
    #[arg(default_value = "human")]
    pub output: Form,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people; where no terminal is, a value that is no text is written as it is.
    Human,
    /// One JSON object on one line.
    Json,
    /// The value and nothing else.
    Raw,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Print the value of a key; exit 1 when it is missing
    Get {
        /// The key
        key: String,
    },
    /// Store a value under a key
    Set {
        /// The key
        key: String,
        /// The value; `-` reads it from standard input
        #[arg(allow_hyphen_values = true)]
        value: OsString,
        /// How long the key lives, such as 90s, 10m or 7d; without it, for ever
        #[arg(long, value_name = "DURATION", value_parser = ttl_seconds)]
        ttl: Option<i64>,
    },
    /// Remove a key; exit 0 whether it was there or not
    Delete {
        /// The key
        key: String,
    },
    /// Print true or false; exit 0 in both cases
    Exists {
        /// The key
        key: String,
    },
    /// Print the health of the process, a service or namespace:NAME; exit 1 unless it is SERVING
    Health {
        /// A service's full name, or namespace:NAME; without it, the process
        #[arg(default_value = "")]
        service: String,
    },
    /// Print a script that makes a shell complete prismctl's arguments
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Args {
    /// The arguments of this process. Wrong usage ends it with exit code 2, and the nearest known command or flag.
    pub fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| with_nearest(error).exit())
    }
}

/// Adds the nearest command where the parser, which does not see swapped letters as near, has found none.
fn with_nearest(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand || error.get(ContextKind::SuggestedSubcommand).is_some() {
        return error;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let word = word.clone();
    let command = Args::command();
    let distance = |name: &&str| strsim::damerau_levenshtein(name, &word);
    let nearest = command.get_subcommands().map(clap::Command::get_name).min_by_key(distance);
    if let Some(nearest) = nearest.filter(|name| distance(name) <= 2) {
        let suggestion = ContextValue::Strings(vec![nearest.to_owned()]);
        let _none_before = error.insert(ContextKind::SuggestedSubcommand, suggestion);
    }
    error
}

fn timeout_ns(text: &str) -> Result<u64, String> {
    match duration::parse(text) {
        Some(0) => Err("no call can be made in no time".to_owned()),
        Some(nanoseconds) => Ok(nanoseconds),
        None => Err(format!("`{text}` is not {}", duration::FORM)),
    }
}

fn ttl_seconds(text: &str) -> Result<i64, String> {
    let nanoseconds = duration::parse(text).ok_or_else(|| format!("`{text}` is not {}", duration::FORM))?;
    if nanoseconds == 0 || !nanoseconds.is_multiple_of(SECOND_NS) {
        return Err("a key lives for one second or more whole ones".to_owned());
    }
    i64::try_from(nanoseconds / SECOND_NS)
        .ok()
        .filter(|&seconds| seconds <= TTL_SECONDS_MAX)
        .ok_or_else(|| format!("a key lives for at most {TTL_SECONDS_MAX} seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from([&["prismctl"], words].concat())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_and_after_the_command() {
        for words in [["--timeout", "2s", "get", "k"], ["get", "--timeout", "2s", "k"], ["get", "k", "--timeout", "2s"]]
        {
            assert_eq!(parse(&words).map(|args| args.timeout).ok(), Some(2 * SECOND_NS));
        }
    }

    #[test]
    fn values_may_look_like_flags() {
        for words in [&["-"][..], &["-5"], &["--x"], &[""], &["--", "--ttl"]] {
            let Ok(args) = parse(&[&["set", "k"], words].concat()) else { panic!("{words:?} is refused") };
            let value = words[words.len() - 1].into();
            assert_eq!(args.command, Command::Set { key: "k".into(), value, ttl: None });
        }
    }

    #[test]
    fn a_time_to_live_is_whole_seconds() {
        assert_eq!(ttl_seconds("90s"), Ok(90));
        assert_eq!(ttl_seconds("7d"), Ok(604_800));
        for text in ["0s", "10", "1500ms", "-1s", "999999d"] {
            assert!(ttl_seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mistyped_command_or_flag_is_told_the_nearest() {
        let slips = [
            (&["gett", "k"][..], "get"),
            (&["gte", "k"], "get"),
            (&["hlaeth"], "health"),
            (&["get", "k", "--nmaespace", "x"], "--namespace"),
        ];
        for (words, near) in slips {
            let error = with_nearest(parse(words).expect_err("it is mistyped"));
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(&format!("'{near}'")), "{error}");
        }
        let error = with_nearest(parse(&["zzzzz"]).expect_err("it is no command"));
        assert!(!error.to_string().contains("similar"), "{error}");
    }

    #[test]
    fn the_last_of_a_flag_counts() {
        let args = parse(&["--timeout", "1s", "get", "k", "--timeout", "3s"]);
        assert_eq!(args.map(|args| args.timeout).ok(), Some(3 * SECOND_NS));
    }
}
