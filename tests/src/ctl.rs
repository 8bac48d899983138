//! Runs `prismctl` as an operator does.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::binary;
use crate::wait::within_patience;

/// How `prismctl` is to be run.
#[derive(Debug, Default)]
pub struct Ctl {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    input: Vec<u8>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Done {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, byte for byte.
    pub output: Vec<u8>,
    /// Standard error.
    pub error: String,
}

impl Ctl {
    /// Without a flag.
    pub fn bare() -> Self {
        Self::default()
    }

    /// Calling a proxy at this address.
    pub fn at(address: &str) -> Self {
        Self::bare().arguments(&["--proxy", address])
    }

    /// More arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// A variable of the environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What it reads on standard input.
    #[must_use]
    pub fn input(mut self, bytes: &[u8]) -> Self {
        self.input = bytes.to_vec();
        self
    }

    /// Runs it with these further arguments, to its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn run(self, arguments: &[&str]) -> Done {
        let this = self.arguments(arguments);
        let mut child = this.start();
        let mut standard_input = child.stdin.take().expect("standard input is piped");
        let input = this.input;
        // A program that fails before it has read everything is no error of the test.
        let writer = thread::spawn(move || drop(standard_input.write_all(&input)));
        let mut output = child.stdout.take().expect("standard output is piped");
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).expect("a pipe can be read");
            bytes
        });
        let mut error = child.stderr.take().expect("standard error is piped");
        let errors = thread::spawn(move || {
            let mut text = String::new();
            error.read_to_string(&mut text).expect("it writes text");
            text
        });
        let Some(status) = within_patience(|| child.try_wait().expect("it is our child")) else {
            let _ = child.kill();
            panic!("prismctl {:?} does not end", this.arguments);
        };
        writer.join().expect("the writer does not panic");
        let output = reader.join().expect("the reader does not panic");
        Done { code: status.code(), output, error: errors.join().expect("the reader does not panic") }
    }

    /// Starts it with the arguments that it has; standard streams are pipes.
    pub fn start(&self) -> Child {
        let mut command = Command::new(binary::ctl());
        for name in ["PRISM_PROXY", "PRISM_NAMESPACE", "PRISM_TIMEOUT", "PRISM_OUTPUT"] {
            command.env_remove(name);
        }
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("prismctl can be started")
    }
}

impl Done {
    /// Standard output as text.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.output).expect("the output is text")
    }

    /// That it has done what it should: exit code 0, no word on standard error.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!((self.code, self.error.as_str()), (Some(0), ""), "{self:?}");
        self
    }

    /// That it has failed with this exit code, one line on standard error, and these words in it.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(code != 1 || self.error.lines().count() == 1, "one line: {self:?}");
        for word in words {
            assert!(self.error.contains(word), "{word:?} is not in {self:?}");
        }
        assert!(!self.error.contains("panicked"), "{self:?}");
        self
    }
}
