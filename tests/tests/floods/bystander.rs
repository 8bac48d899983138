//! A client that does nothing wrong: Gets at a steady pace, one at a time, each timed.

use std::thread;
use std::time::{Duration, Instant};

use prism_tests::{Wire, flag, kind};

use crate::frames;

/// Between two calls.
const PACE: Duration = Duration::from_millis(1);

/// The connection, and where its identifiers are.
pub(crate) struct Bystander {
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

impl Bystander {
    /// Connects and stores the value that it will get.
    pub(crate) fn connect(address: &str) -> Self {
        let mut wire = Wire::greet(address);
        wire.frame(kind::SETTINGS, flag::ACK, 0, &[]).unwrap();
        // Room for all the answers that will come.
        wire.frame(kind::WINDOW_UPDATE, 0, 0, &[0x3f, 0, 0, 0]).unwrap();
        let mut bystander = Self { wire, stream: 1, get: Wire::request_block(frames::GET) };
        bystander.call(&Wire::request_block(frames::SET), &frames::set_body("bystander", 64));
        bystander
    }

    pub(crate) fn measure_for(&mut self, duration: Duration) -> Latencies {
        let end = Instant::now() + duration;
        self.measure_while(|| Instant::now() < end)
    }

    #[expect(clippy::disallowed_methods, reason = "the calls have a pace")]
    pub(crate) fn measure_while(&mut self, goes_on: impl Fn() -> bool) -> Latencies {
        let (body, get) = (frames::get_body("bystander"), self.get.clone());
        let mut latencies = Latencies::default();
        while goes_on() || latencies.sorted.is_empty() {
            let start = Instant::now();
            let succeeds = self.call(&get, &body);
            latencies.sorted.push(start.elapsed());
            latencies.errors += usize::from(!succeeds);
            if !succeeds {
                break;
            }
            thread::sleep(PACE);
        }
        latencies.sorted.sort_unstable();
        latencies
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
