//! The command line of `prismctl`; every flag has an environment variable.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use prism_proto::limits::{SECOND_NS, TTL_SECONDS_MAX};

use super::address::Address;
use crate::config::{VERSION, duration};
use crate::limits::WAIT_MS_MAX;

const MILLISECOND_NS: u64 = 1_000_000;

const EXAMPLES: &str = "\
Examples:
  prismctl set greeting hello --ttl 10m
  prismctl get greeting
  prismctl set picture - < picture.png        # the value from standard input
  prismctl get picture -o raw > picture.png   # exactly the bytes, no newline
  prismctl get greeting -o json               # {\"found\":true,\"key\":\"greeting\",\"value\":\"hello\"}
  prismctl --proxy unix:/run/prism.sock --namespace sessions exists user:7
  prismctl expire greeting 90s; prismctl ttl greeting; prismctl persist greeting
  prismctl scan user: --keys --limit 100      # or with the values; prismctl count user:
  prismctl push jobs 'first job'; prismctl pop jobs; prismctl len jobs
  prismctl subscribe news --from earliest     # until it is interrupted; --count 10 ends it
  prismctl publish news 'it works'
  prismctl append orders -o json - < order; prismctl read orders --wait 1m; prismctl trim orders 100
  prismctl health                             # the process; or a service, or namespace:NAME
  prismctl completions bash > /usr/share/bash-completion/completions/prismctl

With -o json a value that is UTF-8 is in the field `value`, any other in base64 in `value_base64`; a payload likewise.
What streams is one line for each: an object with -o json, the value with -o raw, else name and value with a tab
between.
A flag goes before its environment variable, that before the default.
Exit codes: 0 done, 1 the call failed, the key of a `get`, `ttl` or `expire` is missing, the list of a `pop` is empty or
the service is not SERVING, 2 wrong usage.";

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

    /// How long all of it may take, such as 500ms or 1m; without, 5s, and for ever what streams
    #[arg(long, global = true, value_name = "DURATION", env = "PRISM_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = timeout_ns)]
    pub timeout: Option<u64>,

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
    /// Have a key expire; exit 1 when it is missing
    Expire {
        /// The key
        key: String,
        /// After how long, such as 90s, 10m or 7d; 0s is now
        #[arg(value_name = "DURATION", value_parser = expiry_seconds)]
        after: i64,
    },
    /// Print how many seconds a key still lives, or that it lives for ever; exit 1 when it is missing
    Ttl {
        /// The key
        key: String,
    },
    /// Have a key live for ever
    Persist {
        /// The key
        key: String,
    },
    /// Print the keys that begin with a prefix, and their values, in no order
    Scan {
        /// The prefix; without it, all keys
        #[arg(default_value = "")]
        prefix: String,
        /// The keys alone
        #[arg(long)]
        keys: bool,
        /// The most keys; without it, all
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..))]
        limit: i32,
    },
    /// Print how many keys begin with a prefix
    Count {
        /// The prefix; without it, all keys
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Add a value to the right end of a list; print its length
    Push {
        /// The list
        list: String,
        /// The value; `-` reads it from standard input
        #[arg(allow_hyphen_values = true)]
        value: OsString,
        /// To the left end
        #[arg(long)]
        left: bool,
    },
    /// Take the value at the left end of a list and print it; exit 1 when there is none
    Pop {
        /// The list
        list: String,
        /// At the right end
        #[arg(long)]
        right: bool,
    },
    /// Print the length of a list
    Len {
        /// The list
        list: String,
    },
    /// Publish a message; print its id
    Publish {
        /// The topic
        topic: String,
        /// The payload; `-` reads it from standard input
        #[arg(allow_hyphen_values = true)]
        payload: OsString,
        /// Messages of one key stay in order
        #[arg(long, value_name = "KEY", default_value = "")]
        key: String,
    },
    /// Print messages as they are published, with their ids
    Subscribe {
        /// The topic
        topic: String,
        /// Where to begin: latest, earliest, or after the message with this id
        #[arg(long, value_name = "POSITION", default_value = "latest", allow_hyphen_values = true)]
        from: String,
        /// The name of the subscription, which ends another of the same name
        #[arg(long, value_name = "NAME", default_value = "")]
        subscriber: String,
        /// End after so many messages
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
    /// Append a record to a stream; print its offset
    Append {
        /// The stream
        stream: String,
        /// The payload; `-` reads it from standard input
        #[arg(allow_hyphen_values = true)]
        payload: OsString,
        /// Records of one key stay in order
        #[arg(long, value_name = "KEY", default_value = "")]
        key: String,
    },
    /// Print the records of a stream, with their offsets
    Read {
        /// The stream
        stream: String,
        /// The first offset; -2 is the earliest, -1 what is appended from now on
        #[arg(long, default_value_t = -2, allow_negative_numbers = true)]
        offset: i64,
        /// The most records; without it, all
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..))]
        limit: i32,
        /// How long to wait at the end for each record, up to 1m
        #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = wait_ms)]
        wait: i32,
    },
    /// Remove the records before an offset; print where the stream begins
    Trim {
        /// The stream
        stream: String,
        /// The offset; -1 removes all
        #[arg(allow_negative_numbers = true)]
        before: i64,
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

fn wait_ms(text: &str) -> Result<i32, String> {
    let nanoseconds = duration::parse(text).ok_or_else(|| format!("`{text}` is not {}", duration::FORM))?;
    let milliseconds = i32::try_from(nanoseconds / MILLISECOND_NS).ok().filter(|wait_ms| *wait_ms <= WAIT_MS_MAX);
    milliseconds.ok_or_else(|| format!("a read waits for at most {WAIT_MS_MAX} ms"))
}

fn ttl_seconds(text: &str) -> Result<i64, String> {
    match expiry_seconds(text) {
        Ok(0) => Err("a key lives for one second or more whole ones".to_owned()),
        seconds => seconds,
    }
}

fn expiry_seconds(text: &str) -> Result<i64, String> {
    let nanoseconds = duration::parse(text).ok_or_else(|| format!("`{text}` is not {}", duration::FORM))?;
    if !nanoseconds.is_multiple_of(SECOND_NS) {
        return Err("a key lives for whole seconds".to_owned());
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
            assert_eq!(parse(&words).ok().and_then(|args| args.timeout), Some(2 * SECOND_NS));
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
        assert_eq!(args.ok().and_then(|args| args.timeout), Some(3 * SECOND_NS));
    }
}
