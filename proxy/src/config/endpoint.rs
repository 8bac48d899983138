//! Addresses of other servers: `HOST:PORT`, the host a name or an address.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::section::Section;
use super::value::Value;

/// Where a backend's server is; a name is resolved when connecting, and again at each reconnect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// A name or an address, an IPv6 address without its brackets.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

/// What an endpoint looks like, for error messages.
pub(crate) const FORM: &str = "an endpoint such as redis.example.com:6379, 127.0.0.1:6379 or [::1]:6379";

/// The longest host name (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is not {FORM}");
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(refused)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let valid = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_host(host),
        };
        let host = bracketed.unwrap_or(host).to_owned();
        valid.then_some(Self { host, port }).ok_or_else(refused)
    }
}

/// Whether this could be a host's name or IPv4 address; underscores are common in container networks.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.bytes().all(allowed)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

/// One endpoint, which must be there.
pub(crate) fn read_one(section: &mut Section<'_>, key: &'static str) -> Option<Endpoint> {
    if section.has(key) {
        return section.parsed(key);
    }
    missing(section, key);
    None
}

/// Endpoints, of which there must be one; empty when what is there is wrong.
pub(crate) fn read_list(section: &mut Section<'_>, key: &'static str) -> Vec<Endpoint> {
    let listed = section.list::<Endpoint>(key);
    if !section.has(key) {
        missing(section, key);
    }
    listed.unwrap_or_default().into_iter().map(|(endpoint, _)| endpoint).collect()
}

fn missing(section: &mut Section<'_>, key: &'static str) {
    // Asked for, so that it is known when keys are suggested.
    let _ = section.node(key);
    section.complain(key, format_args!("{} is needed: {FORM}", section.path(key)));
}

/// Endpoints as the file has them.
pub(crate) fn written(endpoints: &[Endpoint]) -> Value {
    Value::List(endpoints.iter().map(|endpoint| Value::text(endpoint.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written_back() {
        for text in ["127.0.0.1:6379", "[::1]:6379", "redis:6379", "a_b-c.example.com:1"] {
            assert_eq!(text.parse::<Endpoint>().map(|endpoint| endpoint.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        let hosts =
            ["", "redis", ":6379", "redis:", "redis:0", "redis:65536", "::1:6379", "[redis]:1", "a b:1", "u@h:1"];
        for text in hosts {
            assert_eq!(text.parse::<Endpoint>(), Err(format!("`{text}` is not {FORM}")));
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            let _ = text.parse::<Endpoint>();
        }
    }
}
