//! One attack on one proxy with one bystander: what is measured, and what has to hold.
//!
//! The bystander makes Gets at a steady pace on a connection of its own, on the shard that the attacker's connections
//! are on, first in calm and then under attack. Under attack none of its calls fails, and the 99th percentile of its
//! latency stays within 20 times that of the calm.
//!
//! That ratio is taken robustly, because a machine that runs tests has two cores for the proxy, the attacker, the
//! bystander and whatever else there is: the time in which the proxy or the bystander waited for a core does not count,
//! a calm below a millisecond counts as one, and a run whose latency is too high is repeated, at most twice. Noise only
//! ever adds to a latency, so one good run shows that the proxy can do it, and a proxy that cannot fails all three.
//! Nothing else is repeated: errors, memory and the attacker's answer have to be right in every run.
//!
//! The attacker goes as fast as the machine lets it, for a bounded time; a flood that is to be ended goes on until it
//! has been, and every attack until the bystander has made its calls, however slow the machine. One attack runs at a
//! time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prism_tests::{Launch, Proxy};

use crate::attacker::Heard;
use crate::bystander::{Bystander, Latencies};

/// How long the calm is measured, and how long an attack lasts unless it says otherwise.
const CALM: Duration = Duration::from_millis(200);
const ATTACK: Duration = Duration::from_millis(500);
/// By how much the latency may grow, and the calm that is assumed at least.
const GROWTH_MAX: u32 = 20;
const CALM_MIN: Duration = Duration::from_millis(1);
/// By how much the process may grow.
const MEMORY_GROWTH_BYTES_MAX: u64 = 32 << 20;
/// Calls of the bystander that an attack lasts for at least.
const CALLS_MIN: usize = 200;
/// How much longer an attack may take until there are so many, or until it is ended.
const PATIENCE: Duration = Duration::from_secs(20);
/// Runs until one has the latency.
const RUNS: usize = 3;

/// Error codes (RFC 9113 §7).
pub(crate) mod code {
    pub(crate) const NO_ERROR: u32 = 0;
    pub(crate) const PROTOCOL_ERROR: u32 = 1;
    pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
    pub(crate) const SETTINGS_TIMEOUT: u32 = 4;
    pub(crate) const STREAM_CLOSED: u32 = 5;
    pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
    pub(crate) const REFUSED_STREAM: u32 = 7;
    pub(crate) const COMPRESSION_ERROR: u32 = 9;
    pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;
}

/// When an attack is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock<'r> {
    end: Instant,
    /// The bystander has made so many calls that its latencies say something.
    is_measured: &'r AtomicBool,
    /// The attack is to go on until its GOAWAY has come.
    awaits_goaway: bool,
}

impl Clock<'_> {
    pub(crate) fn is_over(self) -> bool {
        let now = Instant::now();
        now >= self.end && (self.is_measured.load(Ordering::Relaxed) || now >= self.end + PATIENCE)
    }

    /// Whether a flood is over of which this has been heard so far.
    pub(crate) fn is_over_for(self, heard: &Heard) -> bool {
        let is_awaited = self.awaits_goaway && heard.goaway.is_none() && Instant::now() < self.end + PATIENCE;
        self.is_over() && !is_awaited
    }

    /// Waits for the end, for attacks that only hold something.
    #[expect(clippy::disallowed_methods, reason = "the attack is to last, and nothing happens at its end")]
    pub(crate) fn wait(self) {
        while !self.is_over() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits a little, for attacks that do not come all at once; false when the end has come.
    #[expect(clippy::disallowed_methods, reason = "the attack does not come all at once")]
    pub(crate) fn dawdle(self) -> bool {
        thread::sleep(Duration::from_millis(2));
        !self.is_over()
    }
}

/// An attack, and what has to come of it.
pub(crate) struct Flood {
    name: &'static str,
    shards: usize,
    file: &'static str,
    duration: Duration,
    counters: &'static [&'static str],
    goaway: Option<(u32, &'static str)>,
    is_goaway_sure: bool,
    resets: &'static [u32],
}

impl Flood {
    pub(crate) fn new(name: &'static str) -> Self {
        let (counters, goaway, resets) = (&[], None, &[]);
        Self { name, shards: 1, file: "", duration: ATTACK, counters, goaway, is_goaway_sure: true, resets }
    }

    /// On so many shards instead of one.
    pub(crate) fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// With this configuration.
    pub(crate) fn file(mut self, yaml: &'static str) -> Self {
        self.file = yaml;
        self
    }

    /// For so long.
    pub(crate) fn lasting(mut self, milliseconds: u64) -> Self {
        self.duration = Duration::from_millis(milliseconds);
        self
    }

    /// The shards' statistics count it under these names.
    pub(crate) fn counted(mut self, counters: &'static [&'static str]) -> Self {
        self.counters = counters;
        self
    }

    /// The attacker's connections end with GOAWAY of this code and a text with this part.
    pub(crate) fn ends(mut self, code: u32, text: &'static str) -> Self {
        self.goaway = Some((code, text));
        self
    }

    /// Or it is too slow for that, on a machine like this.
    pub(crate) fn if_fast_enough(mut self) -> Self {
        self.is_goaway_sure = false;
        self
    }

    /// The attacker's streams are reset with these codes.
    pub(crate) fn resets(mut self, codes: &'static [u32]) -> Self {
        self.resets = codes;
        self
    }

    /// Runs the attack and asserts all of it. `attack` gets the address, and returns what it was told, at the latest
    /// soon after its time is over.
    #[track_caller]
    pub(crate) fn is_withstood(&self, attack: impl Fn(&str, Clock<'_>) -> Heard + Sync) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tried = Vec::new();
        for _ in 0..RUNS {
            let run = self.run(&attack);
            say(&run.line(self.name));
            if run.attacked.percentile(99) <= run.calm.percentile(99).max(CALM_MIN) * GROWTH_MAX {
                return;
            }
            tried.push(run.line(self.name));
        }
        panic!("the bystander's latency grows by more than {GROWTH_MAX} times:\n{}", tried.join("\n"));
    }

    fn run(&self, attack: &(impl Fn(&str, Clock<'_>) -> Heard + Sync)) -> Run {
        let launch = Launch::shards(self.shards);
        let proxy = if self.file.is_empty() { launch } else { launch.file(self.file) }.start();
        let mut bystander = Bystander::connect(&proxy);
        let calm = bystander.measure_for(CALM);
        let resident_bytes = proxy.resident_bytes();
        let awaits_goaway = self.goaway.is_some() && self.is_goaway_sure;
        let is_measured = AtomicBool::new(false);
        let clock = Clock { end: Instant::now() + self.duration, is_measured: &is_measured, awaits_goaway };
        let (attacked, heard) = thread::scope(|scope| {
            let attacker = scope.spawn(|| attack(proxy.address(), clock));
            let attacked = bystander.measure_while(|calls| {
                is_measured.store(calls >= CALLS_MIN, Ordering::Relaxed);
                !attacker.is_finished() || !clock.is_over()
            });
            (attacked, attacker.join().expect("the attacker does not fail"))
        });
        let growth_bytes = proxy.resident_bytes_peak().saturating_sub(resident_bytes);
        assert_eq!(attacked.errors, 0, "{}: no call of the bystander fails", self.name);
        assert!(
            growth_bytes <= MEMORY_GROWTH_BYTES_MAX,
            "{}: the process grows by {} MiB",
            self.name,
            growth_bytes >> 20
        );
        self.check_answer(&heard);
        self.check_counters(&proxy);
        Run { calm, attacked, growth_bytes, heard }
    }

    fn check_answer(&self, heard: &Heard) {
        match (&self.goaway, &heard.goaway) {
            (None, None) => {}
            (Some(_), None) if !self.is_goaway_sure => {}
            (Some((code, part)), Some((found, text))) => {
                assert!(found == code && text.contains(part), "{}: GOAWAY {found} {text:?}", self.name);
            }
            _ => panic!("{}: {heard:?}, expected {:?}", self.name, self.goaway),
        }
        for code in self.resets {
            assert!(heard.resets.contains_key(code), "{}: no RST_STREAM {code}: {heard:?}", self.name);
        }
    }

    fn check_counters(&self, proxy: &Proxy) {
        let counted = proxy.counters();
        for counter in self.counters {
            assert!(counted.contains_key(*counter), "{}: {counter} is not counted: {counted:?}", self.name);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table, with --nocapture")]
fn say(line: &str) {
    println!("{line}");
}

/// What one run has shown.
struct Run {
    calm: Latencies,
    attacked: Latencies,
    growth_bytes: u64,
    heard: Heard,
}

impl Run {
    /// A line of the table: `flood | name | calm p50 p99 | under attack p50 p99 max | growth | answer`.
    fn line(&self, name: &str) -> String {
        let us = |latency: Duration| latency.as_micros();
        format!(
            "flood | {name} | {} | {} | {} | {} | {} | {:.1} | {}",
            us(self.calm.percentile(50)),
            us(self.calm.percentile(99)),
            us(self.attacked.percentile(50)),
            us(self.attacked.percentile(99)),
            us(self.attacked.percentile(100)),
            self.growth_bytes as f64 / f64::from(1 << 20),
            self.heard.summary()
        )
    }
}
