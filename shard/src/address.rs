//! Where a listener listens.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// The address of a listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP over IPv4 or IPv6.
    Tcp(SocketAddr),
    /// A unix socket with a path.
    Unix(PathBuf),
    /// A unix socket without a path.
    Unnamed,
}

impl Address {
    /// The address that a socket is bound to.
    pub(crate) fn of(socket: &impl AsFd) -> io::Result<Self> {
        let address = socket2::SockRef::from(socket).local_addr()?;
        if let Some(address) = address.as_socket() {
            return Ok(Self::Tcp(address));
        }
        Ok(address.as_pathname().map_or(Self::Unnamed, |path| Self::Unix(path.to_path_buf())))
    }

    /// The TCP address, if it is one.
    #[must_use]
    pub fn as_tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) | Self::Unnamed => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Unnamed => formatter.write_str("unix:"),
        }
    }
}
