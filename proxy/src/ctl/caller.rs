//! One unary call over a blocking socket. The machine does the protocol; here are only reads and writes with an end.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use prism_proto::h2::client::{Config, Connection, Event, Request};
use prism_proto::limits::Limits;
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

/// Calls a method with one message and waits for its one answer, for `timeout_ns` in all.
pub(super) fn call(address: &Address, method: MethodId, message: &[u8], timeout_ns: u64) -> Result<Vec<u8>, Failure> {
    let clock = Clock { start: Instant::now(), timeout: Duration::from_nanos(timeout_ns) };
    let socket = connect(address, &clock);
    let socket = socket.map_err(|error| Failure::Unreachable { address: address.clone(), error })?;
    let outcome = Call { socket, clock, answer: None }.run(address, method, message);
    outcome.map_err(|status| Failure::Call { address: address.clone(), status })
}

/// The time that has gone, and what is left.
struct Clock {
    start: Instant,
    timeout: Duration,
}

impl Clock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What is left, and never 0, which sockets take for "for ever".
    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed()).max(Duration::from_micros(1))
    }

    fn is_over(&self) -> bool {
        self.start.elapsed() >= self.timeout
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
        match TcpStream::connect_timeout(&address, clock.left()) {
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
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => {
                socket.set_read_timeout(Some(timeout))?;
                socket.set_write_timeout(Some(timeout))
            }
            Self::Unix(socket) => {
                socket.set_read_timeout(Some(timeout))?;
                socket.set_write_timeout(Some(timeout))
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
struct Call {
    socket: Socket,
    clock: Clock,
    answer: Option<Vec<u8>>,
}

impl Call {
    fn run(mut self, address: &Address, method: MethodId, message: &[u8]) -> Result<Vec<u8>, Status> {
        let config = Config {
            limits: LIMITS,
            authority: address.authority(),
            user_agent: concat!("prismctl/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Config::default()
        };
        let now_ns = self.clock.now_ns();
        let mut connection = Connection::new(&config, now_ns).map_err(|reason| Status::new(Code::Internal, reason))?;
        let left_ns = u64::try_from(self.clock.left().as_nanos()).unwrap_or(u64::MAX);
        connection
            .call(&Request::from(method).within(left_ns), message.len(), |out| out.extend_from_slice(message), now_ns)
            .map_err(|refused| Status::new(refused.code(), refused.to_string()))?;
        let mut buffer = vec![0; READ_BYTES];
        let mut bytes = 0;
        loop {
            if let Some(status) = self.hear(&mut connection, &buffer[..bytes]) {
                return match (status.code, self.answer) {
                    (Code::Ok, Some(answer)) => Ok(answer),
                    _ => Err(status),
                };
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

    /// What the bytes say; the status when the call is over.
    fn hear(&mut self, connection: &mut Connection, bytes: &[u8]) -> Option<Status> {
        let now_ns = self.clock.now_ns();
        let mut status = None;
        let input = connection.begin(bytes);
        while let Some(event) = connection.poll(&input, now_ns) {
            match event {
                Event::Message { message, .. } => self.answer = Some(message.into_owned()),
                Event::Finished(finished) => status = Some(finished.status),
                Event::Headers { .. } | Event::Writable { .. } | Event::Ready | Event::GoAway { .. } => {}
            }
        }
        connection.end(input);
        status
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
