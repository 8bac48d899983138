//! A client that sends what it is told, as fast as it is taken, and notes what it is told.

use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prism_tests::{Wire, flag, kind};

use crate::bench::Clock;

/// How long a write may find no room before the attacker looks at the clock.
const BLOCKED: Duration = Duration::from_millis(50);
/// Rounds of a flood on one connection: as many as leave identifiers for them.
const ROUNDS_MAX: usize = 800;
/// How long a reader waits for an end that does not come.
const SILENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The last GOAWAY: its code and its debug text.
    pub(crate) goaway: Option<(u32, String)>,
    /// RST_STREAMs by code.
    pub(crate) resets: BTreeMap<u32, u64>,
    pub(crate) frames: u64,
    pub(crate) connections: u64,
}

impl Heard {
    /// Adds what another connection heard, later.
    pub(crate) fn add(&mut self, other: Self) {
        self.goaway = other.goaway.or(self.goaway.take());
        for (code, count) in other.resets {
            *self.resets.entry(code).or_default() += count;
        }
        self.frames += other.frames;
        self.connections += other.connections;
    }

    /// For people.
    pub(crate) fn summary(&self) -> String {
        let names = |code: &u32| match code {
            0 => "NO_ERROR",
            1 => "PROTOCOL_ERROR",
            3 => "FLOW_CONTROL_ERROR",
            4 => "SETTINGS_TIMEOUT",
            5 => "STREAM_CLOSED",
            6 => "FRAME_SIZE_ERROR",
            7 => "REFUSED_STREAM",
            9 => "COMPRESSION_ERROR",
            11 => "ENHANCE_YOUR_CALM",
            _ => "another",
        };
        let resets = self.resets.iter().map(|(code, count)| format!("{count} RST_STREAM {}", names(code)));
        let goaway = self.goaway.iter().map(|(code, text)| format!("GOAWAY {} \"{text}\"", names(code)));
        let said: Vec<String> = goaway.chain(resets).collect();
        let said = if said.is_empty() { "nothing".to_owned() } else { said.join(", ") };
        format!("{said} ({} connections)", self.connections)
    }
}

/// One connection; what comes back is read by a thread of its own, or by nobody.
pub(crate) struct Attacker {
    stream: TcpStream,
    reader: Option<JoinHandle<Heard>>,
    /// A GOAWAY has come.
    is_told: Arc<AtomicBool>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    All,
    /// The proxy takes no more for the time being; a part may have been taken.
    Blocked,
    /// The proxy has closed.
    Closed,
}

impl Attacker {
    /// Connects, says nothing, and listens.
    pub(crate) fn silent(address: &str) -> Self {
        let mut attacker = Self::deaf(address);
        let stream = attacker.stream.try_clone().unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        let is_told = Arc::clone(&attacker.is_told);
        attacker.reader = Some(thread::spawn(move || listen(stream, &is_told)));
        attacker
    }

    /// Connects and never reads.
    pub(crate) fn deaf(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(BLOCKED)).unwrap();
        Self { stream, reader: None, is_told: Arc::default() }
    }

    /// Connects, and begins as every client does.
    pub(crate) fn greet(address: &str) -> Self {
        let mut attacker = Self::silent(address);
        attacker.write(&greeting());
        attacker
    }

    /// Writes all, or as much as is taken: one that listens waits for as long as the proxy takes something now and
    /// then and has not said goodbye.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Written {
        let mut blocked = Duration::ZERO;
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(taken) => (bytes, blocked) = (&bytes[taken..], Duration::ZERO),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    blocked += BLOCKED;
                    if self.reader.is_none() || self.is_told() || blocked > SILENCE {
                        return Written::Blocked;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Written::Closed,
            }
        }
        Written::All
    }

    /// Whether the proxy has said goodbye.
    fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }

    /// Waits until the proxy has closed.
    pub(crate) fn await_end(self) -> Heard {
        self.reader.map_or_else(Heard::default, |reader| reader.join().expect("the reader does not fail"))
    }

    /// Closes.
    pub(crate) fn finish(self) -> Heard {
        let _ = self.stream.shutdown(Shutdown::Both);
        self.await_end()
    }
}

/// Preface, SETTINGS, and the acknowledgement of the proxy's.
pub(crate) fn greeting() -> Vec<u8> {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let settings = Wire::frame_bytes(kind::SETTINGS, 0, 0, &[]);
    [preface, settings, Wire::frame_bytes(kind::SETTINGS, flag::ACK, 0, &[])].concat()
}

/// Floods: connects, sends `opening`, then one round after another until the proxy says goodbye, then connects anew,
/// until the time is over. The rounds of every connection are the same, so each is made once.
pub(crate) fn flood(address: &str, clock: Clock<'_>, opening: &[u8], round: impl Fn(u32) -> Vec<u8>) -> Heard {
    let mut rounds = Vec::new();
    let mut heard = Heard::default();
    while !clock.is_over_for(&heard) {
        let mut attacker = Attacker::greet(address);
        let mut written = attacker.write(opening);
        let mut number = 0;
        let goes_on = |attacker: &Attacker| !attacker.is_told() && !clock.is_over_for(&heard);
        while written == Written::All && number < ROUNDS_MAX && goes_on(&attacker) {
            if number == rounds.len() {
                rounds.push(round(u32::try_from(number).unwrap()));
            }
            written = attacker.write(&rounds[number]);
            number += 1;
        }
        if number == ROUNDS_MAX {
            // All of it is to be dealt with before the next connection comes.
            let _ = attacker.stream.shutdown(Shutdown::Write);
        }
        // One that is closed has been told why before.
        let is_ending = written == Written::Closed || number == ROUNDS_MAX;
        heard.add(if is_ending { attacker.await_end() } else { attacker.finish() });
    }
    heard
}

fn listen(stream: TcpStream, is_told: &AtomicBool) -> Heard {
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut heard = Heard { connections: 1, ..Heard::default() };
    let (mut head, mut payload) = ([0; 9], Vec::new());
    while reader.read_exact(&mut head).is_ok() {
        payload.resize(u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize, 0);
        if reader.read_exact(&mut payload).is_err() {
            break;
        }
        heard.frames += 1;
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        match head[3] {
            kind::RST_STREAM => *heard.resets.entry(number(&payload)).or_default() += 1,
            kind::GOAWAY => {
                heard.goaway = Some((number(&payload[4..8]), String::from_utf8_lossy(&payload[8..]).into_owned()));
                is_told.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    heard
}
