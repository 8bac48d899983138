//! Binds the sockets that clients connect to, and says where they really are.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::ListenAddress;

/// Connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    /// The socket itself.
    pub socket: ListenerSocket,
    /// Where it really is: with the port that the kernel chose if 0 was asked for.
    pub address: ListenAddress,
    /// Of a unix socket, the file; it is removed when this is dropped.
    pub file: Option<SocketFile>,
}

/// A socket of either kind, in blocking mode.
#[derive(Debug)]
pub enum ListenerSocket {
    /// TCP over IPv4 or IPv6.
    Tcp(TcpListener),
    /// A unix stream socket.
    Unix(UnixListener),
}

impl From<ListenerSocket> for OwnedFd {
    fn from(socket: ListenerSocket) -> Self {
        match socket {
            ListenerSocket::Tcp(socket) => socket.into(),
            ListenerSocket::Unix(socket) => socket.into(),
        }
    }
}

/// The file of a unix socket, removed on drop unless another socket has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // A file that cannot be removed is stale, and the next start replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address that was asked for.
    pub address: ListenAddress,
    /// Why, for a person.
    pub reason: String,
}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot listen on {}: {}", self.address, self.reason)
    }
}

impl std::error::Error for BindError {}

/// Binds every address, in order.
///
/// # Errors
/// The first address that cannot be listened on; what was bound before it is closed and its files are removed.
pub fn bind(addresses: &[ListenAddress]) -> Result<Vec<Listener>, BindError> {
    let bind_one = |address: &ListenAddress| {
        let bound = match address {
            ListenAddress::Tcp(tcp) => bind_tcp(*tcp, addresses).map_err(|error| tcp_reason(*tcp, &error)),
            ListenAddress::Unix(path) => bind_unix(path),
        };
        bound.map_err(|reason| BindError { address: address.clone(), reason })
    };
    addresses.iter().map(bind_one).collect()
}

fn bind_tcp(address: SocketAddr, all: &[ListenAddress]) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart need not wait for the last connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(is_ipv4_covered(address, all))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from(socket);
    let address = ListenAddress::Tcp(socket.local_addr()?);
    Ok(Listener { socket: ListenerSocket::Tcp(socket), address, file: None })
}

/// Whether `[::]` must leave IPv4 alone because `0.0.0.0`, or an IPv4 address, is listed with the same port.
fn is_ipv4_covered(address: SocketAddr, all: &[ListenAddress]) -> bool {
    let takes_port = |other: &ListenAddress| match other {
        ListenAddress::Tcp(other) => other.is_ipv4() && other.port() == address.port() && address.port() != 0,
        ListenAddress::Unix(_) => false,
    };
    address.ip().is_unspecified() && all.iter().any(takes_port)
}

fn tcp_reason(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another socket listens there already".to_owned(),
        io::ErrorKind::AddrNotAvailable => format!("no interface of this host has the address {}", address.ip()),
        io::ErrorKind::PermissionDenied => {
            format!("not permitted; port {} may need the capability CAP_NET_BIND_SERVICE", address.port())
        }
        _ if error.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED) => "this host has no IPv6".to_owned(),
        _ => error.to_string(),
    }
}

/// EAFNOSUPPORT, for which the standard library has no kind.
const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();

fn bind_unix(path: &Path) -> Result<Listener, String> {
    remove_stale(path)?;
    let bound = || -> io::Result<Listener> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
        socket.listen(BACKLOG)?;
        let address = ListenAddress::Unix(path.to_owned());
        Ok(Listener { socket: ListenerSocket::Unix(socket.into()), address, file: Some(file) })
    };
    bound().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("its directory does not exist ({error})"),
        _ => error.to_string(),
    })
}

/// Makes way for a new socket: removes one that nobody listens on, and refuses to touch anything else.
fn remove_stale(path: &Path) -> Result<(), String> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if !metadata.file_type().is_socket() {
        return Err("a file that is not a socket is there; it is left alone".to_owned());
    }
    match connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("a stale socket is there and cannot be removed: {error}"))
        }
        // A full queue (WouldBlock) is a sign of life too.
        Ok(()) => Err("another process listens there already".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err("another process listens there already".to_owned())
        }
        Err(error) => Err(format!("a socket is there and cannot be tried: {error}")),
    }
}

fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A queue that is full must not make the start hang.
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

/// Device and inode of what is at `path` itself.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;
