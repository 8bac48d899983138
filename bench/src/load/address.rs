//! Where the server is: `HOST:PORT` or `unix:/path`, as typed and as resolved.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;

/// Where the server is, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    path: Option<PathBuf>,
}

/// The same, ready to be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// An address with its port.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address such as 127.0.0.1:8980, prism:8980 or unix:/path");
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
            return path.map(|path| Self { text: text.to_owned(), path: Some(path) }).ok_or_else(wrong);
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_host = !host.is_empty() && (is_bracketed || !host.contains([':', '/', ' ', '@']));
        match port.parse::<u16>() {
            Ok(1..) if is_host => Ok(Self { text: text.to_owned(), path: None }),
            _ => Err(wrong()),
        }
    }
}

impl Address {
    /// `:authority` of the calls.
    pub(super) fn authority(&self) -> String {
        if self.path.is_some() { "localhost".to_owned() } else { self.text.clone() }
    }

    /// Looks the name up.
    ///
    /// # Errors
    /// When it has no address.
    pub fn resolve(&self) -> io::Result<Resolved> {
        if let Some(path) = &self.path {
            return Ok(Resolved::Unix(path.clone()));
        }
        let first = self.text.to_socket_addrs()?.next();
        first.map(Resolved::Tcp).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "unix:", "127.0.0.1", "::1", "::1:8980", "host:", "host:0", "http://host:80", "host:99999"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        for text in ["127.0.0.1:8980", "[::1]:8980", "prism.example.com:1", "unix:/run/prism.sock"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }
}
