//! A proxy that serves in a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use std::{fs, thread};

use tonic::transport::{Channel, Endpoint};

use crate::log::Log;
use crate::scratch::Scratch;
use crate::wait::{PATIENCE, within_patience};

/// The running program. Dropping it ends it; when a test fails, its words are shown.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    log: Log,
    ready: Ready,
    /// Holds the configuration file as long as the program may read it.
    _scratch: Option<Scratch>,
}

/// What the line says that the program prints when it serves.
#[derive(Debug, PartialEq, Eq)]
struct Ready {
    addresses: Vec<String>,
    shards: usize,
}

impl Proxy {
    #[track_caller]
    pub(crate) fn ready(mut child: Child, log: Log, scratch: Option<Scratch>) -> Self {
        let Some(ready) = log.wait(Ready::parse) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the proxy does not serve; it said: {}", log.text());
        };
        Self { child, log, ready, _scratch: scratch }
    }

    /// The first address it serves on, as `127.0.0.1:8980`.
    pub fn address(&self) -> &str {
        &self.ready.addresses[0]
    }

    /// Every address it serves on, in the order of the configuration.
    pub fn addresses(&self) -> &[String] {
        &self.ready.addresses
    }

    /// How many shards it says it has.
    pub fn shards(&self) -> usize {
        self.ready.shards
    }

    /// A connection of its own, by tonic.
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address())).expect("the address is valid");
        // The client's own patience: the proxy is not told of it.
        endpoint.timeout(PATIENCE).connect().await.expect("the proxy accepts connections")
    }

    /// Sends a signal by its short name, as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be started").success(), "the process {} is there", self.child.id());
    }

    /// Waits for the end that something else brings about.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        match within_patience(|| self.child.try_wait().expect("it is our child")) {
            Some(status) => status,
            None => panic!("the proxy does not end"),
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// What it has written to standard error up to now.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for a line on standard error that contains `part`.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn wait_log(&self, part: &str) {
        assert!(self.log.wait(|line| line.contains(part).then_some(())).is_some(), "no line contains {part:?}");
    }

    /// What the shards have counted up to now, added up: it is asked for by SIGUSR1 and read from the log.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let lines = |text: &str| text.lines().filter_map(counters_line).collect::<Vec<_>>();
        let seen = lines(&self.log()).len();
        self.signal("USR1");
        let mut left = seen + self.shards();
        let line_of_last_shard = |line: &str| {
            left -= usize::from(counters_line(line).is_some());
            (left == 0).then_some(())
        };
        assert!(self.log.wait(line_of_last_shard).is_some(), "the proxy does not log its statistics");
        let mut sums = BTreeMap::new();
        for (name, value) in lines(&self.log()).into_iter().skip(seen).flatten() {
            *sums.entry(name).or_default() += value;
        }
        sums
    }

    /// Memory that is resident, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most memory that was ever resident, in bytes.
    pub fn resident_bytes_peak(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the kernel tells");
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number of KiB");
        kib << 10
    }

    /// How long the shards' threads have waited for a core so far, although they had something to do, all together.
    pub fn waited_for_core(&self) -> Duration {
        let tasks = fs::read_dir(self.proc("task")).expect("the process runs");
        let of_shard = |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|it| it.starts_with("shard-"));
        let shards = tasks.filter_map(|task| Some(task.ok()?.path())).filter(of_shard);
        shards.map(|task| waited_for_core(&task.join("schedstat"))).sum()
    }

    /// Open file descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("the process runs").count()
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Proxy {
    #[expect(clippy::print_stdout, reason = "shown with a failed test, where it explains most")]
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let status = self.child.wait();
        if thread::panicking() {
            println!("the proxy ({status:?}) said:\n{}", self.log.text_to_end());
        }
    }
}

/// How long a thread has waited for a core, by its `schedstat` in `/proc`: the second number, in nanoseconds. Nothing
/// where the kernel does not tell.
pub fn waited_for_core(schedstat: &Path) -> Duration {
    let text = fs::read_to_string(schedstat).unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().nth(1).and_then(|waited| waited.parse().ok()).unwrap_or(0))
}

/// `... INFO statistics shard=0 counters="turns=12 enters=4"`.
fn counters_line(line: &str) -> Option<Vec<(String, u64)>> {
    let (_, counters) = line.split_once(" statistics shard=")?.1.split_once(" counters=")?;
    let pairs = counters.trim_matches('"').split_whitespace().map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    pairs.collect()
}

impl Ready {
    /// `prism-proxy 0.1.0 serving on 127.0.0.1:8980 (cores 0-1, 2 shards, ready in 12 ms)`, addresses with commas.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once(" serving on ")?;
        let (addresses, rest) = rest.split_once(" (cores ")?;
        let (rest, _) = rest.split_once(" shard")?;
        let (_, shards) = rest.rsplit_once(' ')?;
        let addresses = addresses.split(", ").map(str::to_owned).collect();
        Some(Self { addresses, shards: shards.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ready, counters_line};

    #[test]
    fn a_line_of_statistics_is_understood() {
        let line = "2026-01-01T00:00:00Z  INFO statistics shard=1 counters=\"turns=12 sends=4\"";
        assert_eq!(counters_line(line), Some(vec![("turns".to_owned(), 12), ("sends".to_owned(), 4)]));
        assert_eq!(counters_line("INFO statistics shard=0 counters=\"\""), Some(vec![]), "it has not counted yet");
        assert_eq!(counters_line("INFO draining"), None);
    }

    #[test]
    fn the_ready_line_is_understood() {
        let line = "prism-proxy 0.1.0 serving on 127.0.0.1:8980, unix:/run/p (cores 0-1,4, 3 shards, ready in 12 ms)";
        let expected = Ready { addresses: vec!["127.0.0.1:8980".into(), "unix:/run/p".into()], shards: 3 };
        assert_eq!(Ready::parse(line), Some(expected));
        assert_eq!(Ready::parse("prism-proxy 0.1.0 stopping"), None);
    }
}
