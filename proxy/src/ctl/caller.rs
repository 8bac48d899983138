//! One call over a blocking socket, with one answer or a stream of them. The machine does the protocol; here are only
//! reads and writes with an end.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use prism_proto::h2::client::{Config, Connection, Event, Request};
use prism_proto::limits::{Limits, SECOND_NS};
use prism_proto::method::MethodId;
use prism_proto::status::{Code, Status};

use super::address::Address;
use super::failure::Failure;

/// What is read at a time.
const READ_BYTES: usize = 64 << 10;

/// The proxy's limits count, so that ours are only there to have an end.
const LIMITS: Limits = Limits {
    message_bytes_max: 256 << 20,
    connection_buffer_bytes_max: 512 << 20,
    streams_per_connection_max: 1,
    ..Limits::DEFAULT
};

/// How long a call with one answer may take where nothing else is said.
const TIMEOUT_NS: u64 = 5 * SECOND_NS;

/// Calls a method with one message and waits for its one answer.
pub(super) fn call(
    address: &Address,
    method: MethodId,
    message: &[u8],
    timeout_ns: Option<u64>,
) -> Result<Vec<u8>, Failure> {
    let mut answer = None;
    stream(address, method, message, Some(timeout_ns.unwrap_or(TIMEOUT_NS)), &mut |message| {
        answer = Some(message);
        Ok(Go::On)
    })?;
    answer.ok_or_else(|| Failure::Answer("there is none".to_owned()))
}

/// Whether the messages of a stream are still wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// They are.
    On,
    /// This one was the last.
    Away,
}

/// Calls a method with one message and hands on each message of its answer, until the call is over, `timeout_ns` have
/// gone, or no more are wanted.
pub(super) fn stream(
    address: &Address,
    method: MethodId,
    message: &[u8],
    timeout_ns: Option<u64>,
    each: &mut dyn FnMut(Vec<u8>) -> Result<Go, Failure>,
) -> Result<(), Failure> {
    let clock = Clock { start: Instant::now(), timeout: timeout_ns.map(Duration::from_nanos) };
    let socket = connect(address, &clock);
    let socket = socket.map_err(|error| Failure::Unreachable { address: address.clone(), error })?;
    let status = Call { socket, clock, each }.run(address, method, message)?;
    match status.code {
        Code::Ok => Ok(()),
        _ => Err(Failure::Call { address: address.clone(), status }),
    }
}

/// The time that has gone, and what is left, if there is an end.
struct Clock {
    start: Instant,
    timeout: Option<Duration>,
}

impl Clock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What is left, and never 0, which sockets take for "for ever".
    fn left(&self) -> Option<Duration> {
        let left = |timeout: Duration| timeout.saturating_sub(self.start.elapsed()).max(Duration::from_micros(1));
        self.timeout.map(left)
    }

    fn is_over(&self) -> bool {
        self.timeout.is_some_and(|timeout| self.start.elapsed() >= timeout)
    }
}

/// A connected socket.
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

fn connect(address: &Address, clock: &Clock) -> io::Result<Socket> {
    let endpoint = match address {
        Address::Unix(path) => return UnixStream::connect(path).map(Socket::Unix),
        Address::Tcp(endpoint) => endpoint,
    };
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (endpoint.host.as_str(), endpoint.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, clock.left().unwrap_or(Duration::from_nanos(TIMEOUT_NS))) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                return Ok(Socket::Tcp(socket));
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl Socket {
    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => {
                socket.set_read_timeout(timeout)?;
                socket.set_write_timeout(timeout)
            }
            Self::Unix(socket) => {
                socket.set_read_timeout(timeout)?;
                socket.set_write_timeout(timeout)
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.write_all(bytes),
            Self::Unix(socket) => socket.write_all(bytes),
        }
    }
}

/// A call under way.
struct Call<'e> {
    socket: Socket,
    clock: Clock,
    each: &'e mut dyn FnMut(Vec<u8>) -> Result<Go, Failure>,
}

impl Call<'_> {
    /// How the call ends; with OK also when no more messages are wanted.
    fn run(mut self, address: &Address, method: MethodId, message: &[u8]) -> Result<Status, Failure> {
        let config = Config {
            limits: LIMITS,
            authority: address.authority(),
            user_agent: concat!("prismctl/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Config::default()
        };
        let now_ns = self.clock.now_ns();
        let mut connection = match Connection::new(&config, now_ns) {
            Ok(connection) => connection,
            Err(reason) => return Ok(Status::new(Code::Internal, reason)),
        };
        let left_ns = self.clock.left().map(|left| u64::try_from(left.as_nanos()).unwrap_or(u64::MAX));
        let request = Request::from(method);
        let request = left_ns.map_or(request, |left_ns| request.within(left_ns));
        if let Err(refused) = connection.call(&request, message.len(), |out| out.extend_from_slice(message), now_ns) {
            return Ok(Status::new(refused.code(), refused.to_string()));
        }
        let mut buffer = vec![0; READ_BYTES];
        let mut bytes = 0;
        loop {
            if let Some(status) = self.hear(&mut connection, &buffer[..bytes])? {
                return Ok(status);
            }
            bytes = match self.exchange(&mut connection, &mut buffer) {
                Ok(0) => {
                    connection.close("the proxy has closed it");
                    0
                }
                Ok(bytes) => bytes,
                Err(error) if is_timeout(&error) => {
                    connection.tick(self.clock.now_ns());
                    0
                }
                Err(error) => {
                    connection.close(&error.to_string());
                    0
                }
            };
        }
    }

    /// Sends what is to be sent, and waits for bytes.
    fn exchange(&mut self, connection: &mut Connection, buffer: &mut [u8]) -> io::Result<usize> {
        if self.clock.is_over() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_timeout(self.clock.left())?;
        let output = std::mem::take(connection.output());
        self.socket.write_all(&output)?;
        loop {
            match self.socket.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    /// What the bytes say; the status when the call is over, or nobody wants more of it.
    fn hear(&mut self, connection: &mut Connection, bytes: &[u8]) -> Result<Option<Status>, Failure> {
        let now_ns = self.clock.now_ns();
        let mut status = None;
        let input = connection.begin(bytes);
        while let Some(event) = connection.poll(&input, now_ns) {
            match event {
                Event::Message { message, .. } => {
                    if (self.each)(message.into_owned())? == Go::Away {
                        return Ok(Some(Status::OK));
                    }
                }
                Event::Finished(finished) => status = Some(finished.status),
                Event::Headers { .. } | Event::Writable { .. } | Event::Ready | Event::GoAway { .. } => {}
            }
        }
        connection.end(input);
        Ok(status)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
