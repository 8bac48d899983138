//! The driver: N connections with M calls in flight on each, on one thread, as fast as the answers come.
//!
//! It is a closed loop, so its times say nothing about latency under a given load; it exists to keep a server busy at
//! the least cost to the core beside it, and to count.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::exchange::{Exchange, Fault, Tally};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// How long a wait for events may take before the clock is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Waits in a row that may end without an event while calls are open. Waits are counted and not time, because a host
/// that stops for a while (a virtual machine) would look like a server that does.
const QUIET_TICKS_MAX: u32 = 100;

/// When the next calls of a connection go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// All at once, when every call of the batch before is answered.
    Batch,
    /// One for each answer, as soon as what was read has been looked at (as h2load does).
    Sliding,
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// After this many calls over all connections.
    Requests(u64),
    /// When this time has passed; calls in flight are waited for.
    Duration(Duration),
}

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// Connections, at least 1.
    pub connections: usize,
    /// Calls in flight on each, at least 1.
    pub streams: u32,
    /// When calls go out.
    pub pacing: Pacing,
    /// When to stop.
    pub bound: Bound,
    /// Whether to look for answers all the time rather than sleep until there are some, so that the client's own
    /// wake-up, which takes longer than a short call, is in no figure.
    pub spins: bool,
}

/// What came of it, from the first call's send to the last answer; setting the connections up is not counted.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Calls that ended.
    pub requests: u64,
    /// Of these, the ones that did not end with `grpc-status: 0`.
    pub errors: u64,
    /// The first error, for a person.
    pub first_error: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Of these, bytes of DATA payload.
    pub message_bytes: u64,
    /// Writes to sockets: calls per write is the batch that the server may see at once.
    pub writes: u64,
    /// Reads from sockets that brought something: calls per read is the batch in which the answers came.
    pub reads: u64,
}

/// One connection: its socket, its protocol, and how much of its output has gone.
struct Lane<E> {
    socket: TcpStream,
    exchange: E,
    sent: usize,
}

/// Connects, runs the plan and reports; `make` gives each connection its exchange.
pub fn run<E: Exchange>(plan: &Plan, make: impl Fn() -> E) -> io::Result<Report> {
    let mut driver = Driver::connect(plan, make)?;
    driver.set_up()?;
    let before = driver.report();
    let start = Instant::now();
    driver.drive(start)?;
    let after = driver.report();
    Ok(Report {
        elapsed: start.elapsed(),
        sent_bytes: after.sent_bytes - before.sent_bytes,
        received_bytes: after.received_bytes - before.received_bytes,
        message_bytes: after.message_bytes - before.message_bytes,
        writes: after.writes - before.writes,
        reads: after.reads - before.reads,
        ..after
    })
}

struct Driver<'p, E> {
    plan: &'p Plan,
    poll: Poll,
    events: Events,
    buffer: Box<[u8]>,
    lanes: Vec<Lane<E>>,
    /// Calls that may still be sent.
    budget: u64,
    /// Waits in a row that ended without an event.
    quiet_ticks: u32,
    sent_bytes: u64,
    writes: u64,
    reads: u64,
}

impl<'p, E: Exchange> Driver<'p, E> {
    fn connect(plan: &'p Plan, make: impl Fn() -> E) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut lanes = Vec::with_capacity(plan.connections);
        for index in 0..plan.connections {
            let socket = std::net::TcpStream::connect(plan.address)?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let mut socket = TcpStream::from_std(socket);
            poll.registry().register(&mut socket, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            lanes.push(Lane { socket, exchange: make(), sent: 0 });
        }
        let budget = match plan.bound {
            Bound::Requests(requests) => requests,
            Bound::Duration(_) => u64::MAX,
        };
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        let events = Events::with_capacity(1024);
        Ok(Self { plan, poll, events, buffer, lanes, budget, quiet_ticks: 0, sent_bytes: 0, writes: 0, reads: 0 })
    }

    /// Exchanges what comes before the first call.
    fn set_up(&mut self) -> io::Result<()> {
        (0..self.lanes.len()).try_for_each(|index| self.flush(index))?;
        while !self.lanes.iter().all(|lane| lane.exchange.is_ready()) {
            for index in self.wait()? {
                self.read(index)?;
                self.flush(index)?;
            }
        }
        Ok(())
    }

    /// Sends calls and takes answers until the bound is reached and everything is answered.
    fn drive(&mut self, start: Instant) -> io::Result<()> {
        for index in 0..self.lanes.len() {
            self.fill(index);
            self.flush(index)?;
        }
        while self.budget > 0 || self.lanes.iter().any(|lane| lane.exchange.open() > 0) {
            for index in self.wait()? {
                self.read(index)?;
                self.fill(index);
                self.flush(index)?;
            }
            if matches!(self.plan.bound, Bound::Duration(duration) if start.elapsed() >= duration) {
                self.budget = 0;
            }
        }
        Ok(())
    }

    /// Waits for events and returns the lanes that have some; an error when none has had any for too long.
    fn wait(&mut self) -> io::Result<Vec<usize>> {
        let start = Instant::now();
        loop {
            let patience = if self.plan.spins { Duration::ZERO } else { TICK };
            match self.poll.poll(&mut self.events, Some(patience)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Vec::new()),
                polled => polled?,
            }
            if !self.plan.spins || !self.events.is_empty() || start.elapsed() >= TICK {
                break;
            }
        }
        self.quiet_ticks = if self.events.is_empty() { self.quiet_ticks + 1 } else { 0 };
        if self.quiet_ticks > QUIET_TICKS_MAX {
            let open: u64 = self.lanes.iter().map(|lane| u64::from(lane.exchange.open())).sum();
            let context = format!("nothing came for {:?}, {open} calls are open", TICK * QUIET_TICKS_MAX);
            return Err(io::Error::new(io::ErrorKind::TimedOut, context));
        }
        Ok(self.events.iter().map(|event| event.token().0).collect())
    }

    /// Sends as many new calls as the pacing, the bound and the peer allow.
    fn fill(&mut self, index: usize) {
        let exchange = &mut self.lanes[index].exchange;
        if self.plan.pacing == Pacing::Batch && exchange.open() > 0 {
            return;
        }
        while exchange.open() < self.plan.streams && self.budget > 0 && exchange.request() {
            self.budget -= 1;
        }
    }

    /// Reads what has come. A short read means that no more is there: the next byte raises a new event.
    fn read(&mut self, index: usize) -> io::Result<()> {
        let lane = &mut self.lanes[index];
        loop {
            let bytes = match lane.socket.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if bytes == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection"));
            }
            self.reads += 1;
            lane.exchange.receive(&self.buffer[..bytes]).map_err(|Fault(context)| io::Error::other(context))?;
            if bytes < self.buffer.len() {
                return Ok(());
            }
        }
    }

    /// Writes the output until it is gone or the socket is full; the latter raises an event when there is room.
    fn flush(&mut self, index: usize) -> io::Result<()> {
        let lane = &mut self.lanes[index];
        let output = lane.exchange.output();
        while lane.sent < output.len() {
            match lane.socket.write(&output[lane.sent..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => {
                    let bytes = written?;
                    lane.sent += bytes;
                    self.sent_bytes += bytes as u64;
                    self.writes += 1;
                }
            }
        }
        output.clear();
        lane.sent = 0;
        Ok(())
    }

    fn report(&self) -> Report {
        let mut report =
            Report { sent_bytes: self.sent_bytes, writes: self.writes, reads: self.reads, ..Report::default() };
        for lane in &self.lanes {
            let tally: &Tally = lane.exchange.tally();
            report.requests += tally.answered;
            report.errors += tally.failed;
            report.received_bytes += tally.received_bytes;
            report.message_bytes += tally.message_bytes;
            if report.first_error.is_none() {
                report.first_error.clone_from(&tally.first_failure);
            }
        }
        report
    }
}

#[cfg(test)]
mod tests;
