//! What the machine says of itself, and of the time that a core did not get.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::thread::CpuSet;
use serde::{Deserialize, Serialize};

/// What the figures were taken on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The kernel's release.
    pub kernel: String,
    /// The processor as it names itself.
    pub cpu: String,
    /// How many cores are there.
    pub cores: usize,
    /// What decides on their frequency, where that is told.
    pub governor: String,
}

/// Looks at the machine.
pub(super) fn host() -> Host {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    Host {
        kernel: read("/proc/sys/kernel/osrelease"),
        cpu: field("model name").or_else(|| field("CPU part")).unwrap_or_default(),
        cores: std::thread::available_parallelism()
            .map_or(1, usize::from)
            .max(info.lines().filter(|line| line.starts_with("processor")).count()),
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    }
}

/// The cores that this process may run on.
pub(super) fn allowed_cores() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else { return vec![0] };
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// Pins the calling thread to a core, and has its sleeps end on time.
pub(super) fn pin(core: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).map_err(|error| format!("core {core} cannot be had: {error}"))?;
    // One nanosecond; by default the kernel may be 50 us late. Where it refuses, the lag shows it.
    let _late = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    Ok(())
}

/// The cores on which a proxy on this machine has a shard, as far as its threads may be looked at.
pub(super) fn shard_cores() -> Vec<usize> {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_named = |path: &Path, name: &str| fs::read_to_string(path.join("comm")).is_ok_and(|it| it.starts_with(name));
    let core = |task: PathBuf| {
        let status = fs::read_to_string(task.join("status")).ok()?;
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        // A helper of a shard that may run anywhere is on no core of its own.
        list.trim().parse::<usize>().ok()
    };
    let proxies = entries(Path::new("/proc")).filter(|process| is_named(process, "prism-proxy"));
    let tasks = proxies.flat_map(|process| entries(&process.join("task")).collect::<Vec<_>>());
    let mut cores: Vec<usize> = tasks.filter(|task| is_named(task, "shard-")).filter_map(core).collect();
    cores.sort_unstable();
    cores.dedup();
    cores
}

/// Nanoseconds that the hypervisor has taken from a core so far, by `/proc/stat`.
pub(super) fn stolen_ns(core: usize) -> u64 {
    /// USER_HZ, which is 100 on every architecture that Linux has kept.
    const TICK_NS: u64 = 10_000_000;
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name));
    let ticks = line.and_then(|line| line.split_whitespace().nth(7)?.parse::<u64>().ok());
    ticks.unwrap_or(0) * TICK_NS
}

/// Nanoseconds for which the calling thread could have run and did not so far, by its `schedstat`.
pub(super) fn waited_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|waited| waited.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_what_is_asked() {
        let host = host();
        assert!(!host.kernel.is_empty() && host.cores > 0, "{host:?}");
        assert!(!allowed_cores().is_empty());
    }
}
