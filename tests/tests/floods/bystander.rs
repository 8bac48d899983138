//! A client that does nothing wrong: Gets at a steady pace, one at a time, each timed.
//!
//! The time in which its own thread or the shards' wanted a core and had none is taken off: on a machine that is busy
//! otherwise it is longer than anything measured here, and it says nothing about the proxy.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use prism_tests::{Proxy, Wire, flag, kind, waited_for_core};

use crate::frames;

/// Between two calls.
const PACE: Duration = Duration::from_millis(1);

/// The connection, and where its identifiers are.
pub(crate) struct Bystander<'p> {
    proxy: &'p Proxy,
    wire: Wire,
    stream: u32,
    get: Vec<u8>,
}

/// How long calls took, and how many failed.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
    pub(crate) errors: usize,
}

impl Latencies {
    /// The latency that so many percent of the calls do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted[rank - 1]
    }
}

impl<'p> Bystander<'p> {
    /// Connects and stores the value that it will get.
    pub(crate) fn connect(proxy: &'p Proxy) -> Self {
        let mut wire = Wire::greet(proxy.address());
        wire.frame(kind::SETTINGS, flag::ACK, 0, &[]).unwrap();
        // Room for all the answers that will come.
        wire.frame(kind::WINDOW_UPDATE, 0, 0, &[0x3f, 0, 0, 0]).unwrap();
        let mut bystander = Self { proxy, wire, stream: 1, get: Wire::request_block(frames::GET) };
        bystander.call(&Wire::request_block(frames::SET), &frames::set_body("bystander", 64));
        bystander
    }

    pub(crate) fn measure_for(&mut self, duration: Duration) -> Latencies {
        let end = Instant::now() + duration;
        self.measure_while(|_| Instant::now() < end)
    }

    /// As long as `goes_on` says so of the number of calls.
    #[expect(clippy::disallowed_methods, reason = "the calls have a pace")]
    pub(crate) fn measure_while(&mut self, goes_on: impl Fn(usize) -> bool) -> Latencies {
        let (body, get) = (frames::get_body("bystander"), self.get.clone());
        let mut latencies = Latencies::default();
        while goes_on(latencies.sorted.len()) || latencies.sorted.is_empty() {
            let waited = self.waited();
            let start = Instant::now();
            let succeeds = self.call(&get, &body);
            let elapsed = start.elapsed();
            latencies.sorted.push(elapsed.saturating_sub(self.waited().saturating_sub(waited)));
            latencies.errors += usize::from(!succeeds);
            if !succeeds {
                break;
            }
            thread::sleep(PACE);
        }
        latencies.sorted.sort_unstable();
        latencies
    }

    /// How long the threads that a call needs have waited for a core.
    fn waited(&self) -> Duration {
        self.proxy.waited_for_core() + waited_for_core(Path::new("/proc/thread-self/schedstat"))
    }

    /// One call; whether it was answered with a message and no error.
    fn call(&mut self, block: &[u8], body: &[u8]) -> bool {
        let stream = self.stream;
        self.stream += 2;
        let head = Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS, stream, block);
        let data = Wire::frame_bytes(kind::DATA, flag::END_STREAM, stream, body);
        if self.wire.bytes(&[head, data].concat()).is_err() {
            return false;
        }
        let mut has_message = false;
        while let Some(frame) = self.wire.read() {
            match frame.kind {
                kind::DATA if frame.stream == stream => has_message = true,
                // A refusal has no message, only headers that end the stream.
                kind::HEADERS if frame.stream == stream && frame.flags & flag::END_STREAM != 0 => return has_message,
                kind::GOAWAY | kind::RST_STREAM => return false,
                _ => {}
            }
        }
        false
    }
}
