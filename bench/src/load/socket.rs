//! The sockets, and how to wait for them to the microsecond. It knows nothing of what goes over them, so that another
//! way of doing IO can take its place.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::address::Resolved;

/// A stream socket that never blocks.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
}

/// What a read or a write has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many bytes.
    Bytes(usize),
    /// None for now: an event follows.
    Blocked,
    /// The connection is over, for this reason.
    Lost(String),
}

impl Socket {
    /// Begins to connect; the first event of the poller says that it is over.
    pub(super) fn connect(address: &Resolved) -> io::Result<Self> {
        match address {
            Resolved::Tcp(address) => mio::net::TcpStream::connect(*address).map(Self::Tcp),
            Resolved::Unix(path) => mio::net::UnixStream::connect(path).map(Self::Unix),
        }
    }

    /// Whether it is connected now; an error when it failed.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        let (error, peer) = match self {
            Self::Tcp(socket) => (socket.take_error()?, socket.peer_addr().map(drop)),
            Self::Unix(socket) => (socket.take_error()?, socket.peer_addr().map(drop)),
        };
        match (error, peer) {
            (Some(error), _) => Err(error),
            (None, Err(error)) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => {
                if let Self::Tcp(socket) = self {
                    socket.set_nodelay(true)?;
                }
                Ok(true)
            }
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Moved {
        loop {
            let read = match self {
                Self::Tcp(socket) => socket.read(buffer),
                Self::Unix(socket) => socket.read(buffer),
            };
            match read {
                Ok(0) => return Moved::Lost("the server closed it".to_owned()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return Moved::from(other),
            }
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Moved {
        loop {
            let written = match self {
                Self::Tcp(socket) => socket.write(bytes),
                Self::Unix(socket) => socket.write(bytes),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return Moved::from(other),
            }
        }
    }
}

impl From<io::Result<usize>> for Moved {
    fn from(result: io::Result<usize>) -> Self {
        match result {
            Ok(bytes) => Self::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Self::Blocked,
            Err(error) => Self::Lost(error.to_string()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

/// Waits for sockets; edges, so that whoever is told reads or writes until nothing more moves.
pub(super) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// Events that one wait takes.
const EVENTS_MAX: usize = 256;

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS_MAX) })
    }

    /// Watches a socket until it is closed; events carry the number.
    pub(super) fn watch(&self, socket: &Socket, number: usize) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(number as u64), flags)?)
    }

    /// Waits for at most so long, to the nanosecond; the numbers of the sockets that something happened to are then in
    /// [`Self::ready`].
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many sockets the last wait has found.
    pub(super) fn ready(&self) -> usize {
        self.events.len()
    }

    /// The number of one of them.
    pub(super) fn number(&self, index: usize) -> usize {
        let data = self.events[index].data;
        data.u64() as usize
    }

    /// Whether there is something to read; otherwise there is room to write.
    pub(super) fn is_readable(&self, index: usize) -> bool {
        let flags = self.events[index].flags;
        flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
    }

    /// Whether the other side has closed it, or it has failed.
    pub(super) fn is_closing(&self, index: usize) -> bool {
        let flags = self.events[index].flags;
        flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
    }
}
