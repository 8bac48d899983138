//! Where the proxy is: `HOST:PORT` or `unix:/path`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::config::Endpoint;

/// Where the proxy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A name or an address, with its port.
    Tcp(Endpoint),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("`unix:` needs a path, as in unix:/run/prism.sock".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!("`{text}` is not an address such as 127.0.0.1:8980, [::1]:8980, prism:8980 or unix:/path")
            }),
        }
    }
}

impl Address {
    /// `:authority` of the calls.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Tcp(endpoint) => endpoint.to_string(),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => endpoint.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_back() {
        for text in ["127.0.0.1:8980", "[::1]:8980", "prism.example.com:1", "unix:/run/prism.sock", "unix:relative"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "unix:", "127.0.0.1", "::1", "::1:8980", "host:", "host:0", "http://host:80", "host:99999"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
