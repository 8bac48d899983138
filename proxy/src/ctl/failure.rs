//! What goes wrong, in one line for people.

use std::{fmt, io};

use prism_proto::status::{Code, Status};

use super::address::Address;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection.
    Unreachable {
        /// Where it was tried.
        address: Address,
        /// Why not.
        error: io::Error,
    },
    /// The call failed, for what the proxy said or for what the connection did.
    Call {
        /// Whom it was made to.
        address: Address,
        /// How it ended.
        status: Status,
    },
    /// The answer is not what its method promises.
    Answer(String),
    /// Standard input cannot be read.
    Input(io::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Whoever reads standard output has gone.
    ReaderGone,
    /// The key that was asked for is missing.
    Missing {
        /// The key.
        key: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// The list that was to be popped is empty.
    Empty {
        /// The list.
        list: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// A service does not serve.
    NotServing {
        /// Its name; empty: the process.
        service: String,
        /// What it says of itself.
        status: &'static str,
    },
}

impl Failure {
    /// An error of writing to standard output.
    pub(super) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Output(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, error } => {
                write!(formatter, "no connection to {address}: {error}")?;
                match error.kind() {
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                        write!(formatter, "; is prism-proxy running at {address}? --proxy names another address")
                    }
                    _ => Ok(()),
                }
            }
            Self::Call { address, status } => {
                write!(formatter, "{}: {}", status.code.name(), OneLine(&status.message))?;
                match status.code {
                    Code::DeadlineExceeded => {
                        write!(formatter, "; {address} was given --timeout to answer, which may be longer")
                    }
                    _ => Ok(()),
                }
            }
            Self::Answer(what) => write!(formatter, "the answer cannot be understood: {what}"),
            Self::Input(error) => write!(formatter, "standard input cannot be read: {error}"),
            Self::Output(error) => write!(formatter, "standard output cannot be written: {error}"),
            Self::ReaderGone => formatter.write_str("whoever reads standard output has gone"),
            Self::Missing { key, namespace } => {
                write!(formatter, "the key `{}` is not there (namespace {})", OneLine(key), OneLine(namespace))
            }
            Self::Empty { list, namespace } => {
                write!(formatter, "the list `{}` is empty (namespace {})", OneLine(list), OneLine(namespace))
            }
            Self::NotServing { service, status } if service.is_empty() => write!(formatter, "the proxy is {status}"),
            Self::NotServing { service, status } => write!(formatter, "{} is {status}", OneLine(service)),
        }
    }
}

/// Text from elsewhere that must neither break the line nor steer a terminal.
pub(super) struct OneLine<'t>(pub(super) &'t str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_control() {
                write!(formatter, "{}", character.escape_default())?;
            } else {
                write!(formatter, "{character}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(OneLine("a\nb\u{1b}[31m é").to_string(), "a\\nb\\u{1b}[31m é");
    }

    #[test]
    fn a_refused_connection_comes_with_a_hint() {
        let address: Address = "127.0.0.1:1".parse().expect("it is one");
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        let text = Failure::Unreachable { address, error }.to_string();
        assert!(text.contains("is prism-proxy running at 127.0.0.1:1?"), "{text}");
    }
}
