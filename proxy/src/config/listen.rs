//! Addresses to listen on: `127.0.0.1:8980`, `[::1]:8980` or `unix:/path`.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where clients reach the proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenAddress {
    /// A TCP address; port 0 lets the kernel choose one.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// What an address looks like, for error messages.
pub(crate) const FORM: &str = "an address such as 127.0.0.1:8980, [::1]:8980 or unix:/path";

/// The longest path that `sockaddr_un` holds beside its terminating zero (unix(7)).
const UNIX_PATH_BYTES_MAX: usize = 107;

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }
        let refused = format!("`{text}` is not {FORM}");
        if text.parse::<u16>().is_ok() {
            return Err(format!("{refused}; to listen on this host only write 127.0.0.1:{text}"));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => Err(hint(host, port, &refused)),
            _ => Err(refused),
        }
    }
}

fn unix(path: &str) -> Result<ListenAddress, String> {
    if path.is_empty() {
        return Err("`unix:` needs a path, as in unix:/run/prism.sock".to_owned());
    }
    if path.starts_with('@') || path.contains('\0') {
        return Err(format!("`unix:{}` is an abstract socket; only paths are supported", path.escape_debug()));
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        return Err(format!(
            "the path of a unix socket has at most {UNIX_PATH_BYTES_MAX} bytes; this one has {}",
            path.len()
        ));
    }
    Ok(ListenAddress::Unix(PathBuf::from(path)))
}

/// The port is right and the host is not: says what to write instead, where that is clear.
fn hint(host: &str, port: &str, refused: &str) -> String {
    match host {
        "" | "*" => format!("{refused}; for every interface write 0.0.0.0:{port} or [::]:{port}"),
        "localhost" => format!("{refused}; for localhost write 127.0.0.1:{port} or [::1]:{port}"),
        _ if host.parse::<std::net::Ipv6Addr>().is_ok() => {
            format!("{refused}; write an IPv6 address in brackets: [{host}]:{port}")
        }
        _ => refused.to_owned(),
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl ListenAddress {
    /// The socket's path, when it is a unix socket.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }

    /// Whether two sockets could not be bound to both at once.
    pub(crate) fn is_same_socket(&self, other: &Self) -> bool {
        match self {
            // With port 0 each gets a port of its own.
            Self::Tcp(address) if address.port() == 0 => false,
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_back() {
        for text in ["127.0.0.1:8980", "0.0.0.0:0", "[::1]:8980", "[::]:80", "unix:/run/prism.sock", "unix:a/b"] {
            assert_eq!(text.parse::<ListenAddress>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn wrong_addresses_say_what_to_write() {
        let form = "an address such as 127.0.0.1:8980, [::1]:8980 or unix:/path";
        for (text, message) in [
            ("", format!("`` is not {form}")),
            ("8980", format!("`8980` is not {form}; to listen on this host only write 127.0.0.1:8980")),
            (":8980", format!("`:8980` is not {form}; for every interface write 0.0.0.0:8980 or [::]:8980")),
            ("localhost:1", format!("`localhost:1` is not {form}; for localhost write 127.0.0.1:1 or [::1]:1")),
            ("::1:80", format!("`::1:80` is not {form}; write an IPv6 address in brackets: [::1]:80")),
            ("127.0.0.1", format!("`127.0.0.1` is not {form}")),
            ("127.0.0.1:65536", format!("`127.0.0.1:65536` is not {form}")),
            ("unix:", "`unix:` needs a path, as in unix:/run/prism.sock".to_owned()),
            ("unix:@name", "`unix:@name` is an abstract socket; only paths are supported".to_owned()),
        ] {
            assert_eq!(text.parse::<ListenAddress>(), Err(message), "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(107));
        let message = "the path of a unix socket has at most 107 bytes; this one has 108";
        assert_eq!(long.parse::<ListenAddress>(), Err(message.to_owned()));
    }

    #[test]
    fn only_fixed_ports_collide() {
        let address = |text: &str| text.parse::<ListenAddress>().expect("the test's addresses are valid");
        assert!(address("127.0.0.1:1").is_same_socket(&address("127.0.0.1:1")));
        assert!(!address("127.0.0.1:0").is_same_socket(&address("127.0.0.1:0")));
        assert!(address("unix:/a").is_same_socket(&address("unix:/a")));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            let _ = text.parse::<ListenAddress>();
            let _ = format!("unix:{text}").parse::<ListenAddress>();
        }
    }
}
