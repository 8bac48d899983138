//! The `log` section: in what form and how much is logged.

use std::fmt;
use std::str::FromStr;

use super::nearest::suggestion;
use super::section::Section;
use super::value::Value;

/// In what form log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object in a line.
    Json,
}

const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

/// How much is logged: a level, or a list of them for parts of the program, as in `info,prism_shard=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The longest filter; it is parsed again at each reload.
const FILTER_BYTES_MAX: usize = 4_096;

impl LogLevel {
    /// The filter in the syntax of `tracing_subscriber::EnvFilter`, of which it is known to be one.
    pub fn filter(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogLevel {
    type Err = String;

    /// Stricter than the filter's own parser, which takes a mistyped level for the name of a target.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(format!("a filter may have at most {FILTER_BYTES_MAX} bytes"));
        }
        for part in text.split(',') {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
            if !LEVELS.contains(&level.to_lowercase().as_str()) {
                let form = "a level (off, error, warn, info, debug, trace) or a filter such as info,prism_shard=debug";
                let near = match super::nearest::nearest(level, LEVELS) {
                    Some(_) => suggestion(level, &LEVELS),
                    None => String::new(),
                };
                return Err(format!("`{}` is not {form}{near}", text.escape_debug()));
            }
        }
        // The filter's own parser does not take the spaces that people write after commas.
        let filter = text.split(',').map(str::trim).collect::<Vec<_>>().join(",");
        match tracing_subscriber::EnvFilter::try_new(&filter) {
            Ok(_) => Ok(Self(filter)),
            Err(error) => Err(format!("`{}` is not a filter: {error}", text.escape_debug())),
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// In what form; fixed when the process starts.
    pub format: LogFormat,
    /// How much.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel("info".to_owned()) }
    }
}

/// Reads the section over the defaults.
pub(crate) fn read(mut section: Section<'_>) -> Log {
    let default = Log::default();
    let log = Log {
        format: section.choice("format", &FORMATS).unwrap_or(default.format),
        level: section.parsed("level").unwrap_or(default.level),
    };
    section.finish();
    log
}

/// The section as the file has it.
pub(crate) fn written(log: &Log) -> Value {
    let format = FORMATS.iter().find(|(_, format)| *format == log.format).map_or("text", |(name, _)| name);
    Value::map([("format", Value::text(format)), ("level", Value::text(log.level.filter()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read() {
        for text in ["info", "OFF", "warn,prism_shard=debug", "prism_proxy[call]=trace"] {
            assert_eq!(text.parse::<LogLevel>().as_ref().map(LogLevel::filter), Ok(text));
        }
        assert_eq!(" info, a=warn ".parse::<LogLevel>().as_ref().map(LogLevel::filter), Ok("info,a=warn"));
    }

    #[test]
    fn a_mistyped_level_is_no_target() {
        let form = "is not a level (off, error, warn, info, debug, trace) or a filter such as info,prism_shard=debug";
        for (text, message) in [
            ("inof", format!("`inof` {form}; did you mean `info`?")),
            ("prism_shard=debig", format!("`prism_shard=debig` {form}; did you mean `debug`?")),
            ("", format!("`` {form}")),
            ("info,", format!("`info,` {form}")),
            ("prism_shard", format!("`prism_shard` {form}")),
        ] {
            assert_eq!(text.parse::<LogLevel>(), Err(message), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            let _ = text.parse::<LogLevel>();
            let _ = format!("{text}=info").parse::<LogLevel>();
        }
    }
}
