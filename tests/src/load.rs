//! Runs `prism-load` as a person does, and reads its JSON.

use std::env;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::binary;
use crate::scratch::Scratch;
use crate::wait::within_patience;

/// How `prism-load` is to be run.
#[derive(Debug, Default)]
pub struct Load {
    arguments: Vec<String>,
}

/// A run that goes on.
#[derive(Debug)]
pub struct Loading {
    child: Child,
    scratch: Scratch,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Loaded {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
    /// The JSON, when there is one.
    pub report: Value,
}

impl Load {
    /// With these words as arguments, parted by spaces.
    pub fn new(words: &str) -> Self {
        Self { arguments: words.split_whitespace().map(str::to_owned).collect() }
    }

    /// Loading a server at this address.
    pub fn at(address: &str, words: &str) -> Self {
        Self::new(&format!("--proxy {address} {words}"))
    }

    /// Starts it; it writes its JSON.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(self) -> Loading {
        let scratch = Scratch::new();
        let mut command = Command::new(binary::load());
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PRISM_")) {
            command.env_remove(name);
        }
        command.args(self.arguments).arg("--output").arg(scratch.path("run.json"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Loading { child: command.spawn().expect("prism-load can be started"), scratch }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn run(self) -> Loaded {
        self.start().wait()
    }
}

impl Loading {
    /// Sends a signal by its short name, as `INT`.
    ///
    /// # Panics
    /// When the process is gone.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be started").success(), "the process is there");
    }

    /// Waits for its end. What it writes fits a pipe.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait(mut self) -> Loaded {
        let Some(status) = within_patience(|| self.child.try_wait().expect("it is our child")) else {
            let _ = self.child.kill();
            panic!("prism-load does not end");
        };
        let (mut output, mut error) = (String::new(), String::new());
        self.child.stdout.take().expect("it is piped").read_to_string(&mut output).expect("it writes text");
        self.child.stderr.take().expect("it is piped").read_to_string(&mut error).expect("it writes text");
        let json = std::fs::read(self.scratch.path("run.json")).unwrap_or_default();
        let report = serde_json::from_slice(&json).unwrap_or(Value::Null);
        Loaded { code: status.code(), output, error, report }
    }
}

impl Loaded {
    /// A count of all calls, such as `ok`.
    ///
    /// # Panics
    /// When the report has none.
    #[track_caller]
    pub fn count(&self, name: &str) -> u64 {
        let count = self.report["total"][name].as_u64();
        count.unwrap_or_else(|| panic!("the report has no {name}: {self:?}"))
    }

    /// Calls that ended with an error.
    pub fn errors(&self) -> u64 {
        let errors = self.report["total"]["errors"].as_object();
        errors.map_or(0, |errors| errors.values().filter_map(Value::as_u64).sum())
    }

    /// The samples of one clock, in nanoseconds with how many, in order.
    ///
    /// # Panics
    /// When the report has none.
    #[track_caller]
    pub fn samples(&self, clock: &str) -> Vec<(u64, u64)> {
        let histogram = self.report["total"][clock]["histogram"].as_array().expect("the report has it");
        let pair = |pair: &Value| Some((pair[0].as_u64()?, pair[1].as_u64()?));
        histogram.iter().map(|step| pair(step).expect("pairs of numbers")).collect()
    }

    /// The value below which this part of a clock's samples lies, in nanoseconds.
    #[track_caller]
    pub fn quantile_ns(&self, clock: &str, quantile: f64) -> u64 {
        let samples = self.samples(clock);
        let total: u64 = samples.iter().map(|(_, count)| count).sum();
        let mut left = (quantile * total as f64).ceil() as u64;
        for (value, count) in samples {
            match left.checked_sub(count) {
                Some(rest) if rest > 0 => left = rest,
                _ => return value,
            }
        }
        0
    }

    /// That each intended call is accounted for once, and is one sample.
    ///
    /// # Panics
    /// When one is not.
    #[track_caller]
    pub fn balanced(&self) {
        let ends = self.count("ok") + self.errors() + self.count("timeouts") + self.count("dropped");
        assert_eq!(self.count("intended"), ends, "{}{}", self.output, self.error);
        let samples: u64 = self.samples("response").iter().map(|(_, count)| count).sum();
        assert_eq!(self.count("intended"), samples, "{}", self.output);
    }
}
