//! What a Get costs the real program in system calls, when a hundred arrive at once: counted by strace, not timed.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use prism_tests::steady::{CALLS_PER_BATCH, Requests};

use prism_tests::{Launch, Scratch, flag, kind, until};

/// System calls for each Get that are allowed: a turn takes one or two, and a turn should be a hundred Gets.
const EACH_MAX: f64 = 0.03;

/// Batches of the shorter run; the longer one has twice as many, so that what starting and stopping take drops out.
const BATCHES: usize = 400;

/// Batches of Sets before them: every key is there.
const SETS: usize = 100;

#[test]
#[allow(clippy::print_stdout, reason = "what a change has gained is shown by --nocapture")]
fn a_hundred_gets_at_a_time_take_few_system_calls() {
    let counts = [BATCHES, 2 * BATCHES].map(system_calls);
    let calls = (BATCHES * CALLS_PER_BATCH) as f64;
    let each = (counts[1] as f64 - counts[0] as f64) / calls;
    assert!(counts[0] > BATCHES as u64, "{counts:?}: strace has not seen the turns");
    println!("{each:.4} system calls for each Get");
    assert!(each <= EACH_MAX, "{each:.4} system calls for each Get: {counts:?} for {calls} Gets and twice as many");
}

/// System calls of a proxy that serves so many batches of Gets, from its start to its end.
fn system_calls(batches: usize) -> u64 {
    let scratch = Scratch::new();
    let record = scratch.path("strace.out");
    let words = ["strace", "-D", "-f", "-c", "-o", record.to_str().unwrap()];
    // Made before, so that the proxy does not wait for its client.
    let mut requests = Requests::default();
    let greeting = requests.greeting();
    let sets: Vec<_> = (0..SETS).map(|_| requests.sets()).collect();
    let gets: Vec<_> = (0..batches).map(|_| requests.gets()).collect();
    let mut proxy = Launch::shards(1).under(&words).start();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&greeting).unwrap();
    let mut replies = Replies::default();
    for batch in sets.iter().chain(&gets) {
        stream.write_all(batch).unwrap();
        replies.await_batch(&mut stream);
    }
    drop(stream);
    proxy.signal("TERM");
    assert!(proxy.wait().success());
    until("strace writes its table", || {
        let table = fs::read_to_string(&record).ok()?;
        // % time, seconds, usecs/call, calls, errors if any, "total"
        let total = table.lines().find(|line| line.trim_end().ends_with("total"))?;
        total.split_whitespace().nth(3)?.parse().ok()
    })
}

/// Counts the ends of calls in what the proxy sends.
#[derive(Default)]
struct Replies {
    received: Vec<u8>,
}

impl Replies {
    fn await_batch(&mut self, stream: &mut TcpStream) {
        let mut ended = 0;
        while ended < CALLS_PER_BATCH {
            let mut read = [0; 32 << 10];
            let count = stream.read(&mut read).unwrap();
            assert!(count > 0, "the proxy has closed the connection");
            self.received.extend_from_slice(&read[..count]);
            ended += self.take_ends();
        }
    }

    /// Takes the whole frames; how many of them ended a stream.
    fn take_ends(&mut self) -> usize {
        let (mut at, mut ended) = (0, 0);
        // RFC 9113 §4.1.
        while let Some(&[a, b, c, frame_kind, flags, s, t, u, v]) = self.received[at..].first_chunk::<9>() {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if self.received.len() < at + 9 + length {
                break;
            }
            assert_ne!(frame_kind, kind::GOAWAY);
            let is_end = flags & flag::END_STREAM != 0 && u32::from_be_bytes([s, t, u, v]) != 0;
            ended += usize::from(is_end);
            at += 9 + length;
        }
        self.received.drain(..at);
        ended
    }
}
