//! Starts the program with the flags, environment and file that a test wants.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use crate::binary;
use crate::log::Log;
use crate::proxy::Proxy;
use crate::scratch::Scratch;
use crate::wait::within_patience;

/// How the program is to be started.
#[derive(Debug, Default)]
pub struct Launch {
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    scratch: Option<Scratch>,
    /// The program that starts this one, and its arguments.
    tracer: Vec<String>,
}

/// A run that ended by itself.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
}

impl Launch {
    /// The program with nothing but its defaults.
    pub fn bare() -> Self {
        Self::default()
    }

    /// On so many cores, listening on a free port of the loopback address.
    pub fn shards(count: usize) -> Self {
        Self::bare().argument("--listen").argument("127.0.0.1:0").argument("--cores").argument(&cores(count))
    }

    /// One more argument.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A variable of the environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A configuration file with this text; `--config` names it.
    pub fn file(mut self, yaml: &str) -> Self {
        let scratch = Scratch::new();
        let path = scratch.write("prism.yaml", yaml);
        self.scratch = Some(scratch);
        self.argument("--config").argument(path.to_str().expect("the path is UTF-8"))
    }

    /// Has `words` start it, a program that leaves the process its own and watches it, as `strace -D` does.
    pub fn under(mut self, words: &[&str]) -> Self {
        self.tracer = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts it and waits until it serves.
    ///
    /// # Panics
    /// With the program's words when it does not.
    #[track_caller]
    pub fn start(mut self) -> Proxy {
        let mut child = self.command().spawn().expect("the program can be started");
        let log = Log::follow(child.stderr.take().expect("standard error is piped"));
        Proxy::ready(child, log, self.scratch.take())
    }

    /// Runs it to its end, which is expected to come by itself.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn finish(self) -> Finished {
        let mut child = self.command().stdout(Stdio::piped()).spawn().expect("the program can be started");
        let mut output = Log::follow(child.stdout.take().expect("standard output is piped"));
        let mut error = Log::follow(child.stderr.take().expect("standard error is piped"));
        let status = within_patience(|| child.try_wait().expect("it is our child"));
        let Some(status) = status else {
            let _ = child.kill();
            panic!("the program did not end by itself: {}", error.text());
        };
        Finished { code: status.code(), output: output.text_to_end(), error: error.text_to_end() }
    }

    fn command(&self) -> Command {
        let mut command = match self.tracer.split_first() {
            Some((tracer, words)) => {
                let mut command = Command::new(tracer);
                command.args(words).arg(binary::proxy());
                command
            }
            None => Command::new(binary::proxy()),
        };
        command.args(&self.arguments).envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// The first `count` cores that this process may run on, as `--cores` takes them.
///
/// # Panics
/// When there are fewer.
#[track_caller]
pub fn cores(count: usize) -> String {
    let status = fs::read_to_string("/proc/self/status").expect("proc is mounted");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("the kernel tells");
    let bounds = |range: &str| -> Option<(usize, usize)> {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        Some((low.parse().ok()?, high.parse().ok()?))
    };
    let ranges = list.trim().split(',').filter_map(bounds);
    let allowed: Vec<_> = ranges.flat_map(|(low, high)| low..=high).map(|core| core.to_string()).collect();
    assert!(allowed.len() >= count, "{count} cores are needed, there are {}", allowed.len());
    allowed[..count].join(",")
}
