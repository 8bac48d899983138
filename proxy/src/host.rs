//! What the machine and the container allow, against what the configuration asks for.
//!
//! Nothing here refuses to start: a shortage is a warning that names the key to change.

mod cgroup;
mod open_files;

use std::path::Path;

use crate::config::Effective;

pub use open_files::OpenFiles;

/// Processor time and memory that this process may use, as far as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Host {
    /// Processors' worth of time that the container may use, as in 1.5; `None`: no quota.
    pub processors_max: Option<f64>,
    /// The container's memory.
    pub cgroup_memory_bytes: Option<u64>,
    /// The machine's memory.
    pub machine_memory_bytes: Option<u64>,
}

impl Host {
    /// Asks the kernel; what it does not say is `None`.
    pub fn inspect() -> Self {
        Self::inspect_at(Path::new("/"))
    }

    /// The same with `/proc` and `/sys` below `root`.
    fn inspect_at(root: &Path) -> Self {
        let cgroup = cgroup::read(root);
        let machine_memory_bytes =
            cgroup::bounded_text(&root.join("proc/meminfo")).and_then(|text| memory_total(&text));
        Self {
            processors_max: cgroup.processors_max,
            cgroup_memory_bytes: cgroup.memory_bytes_max,
            machine_memory_bytes,
        }
    }

    /// What the configuration asks for and is not there.
    pub fn warnings(&self, effective: &Effective) -> Vec<String> {
        [self.processor_warning(effective), self.memory_warning(effective)].into_iter().flatten().collect()
    }

    fn processor_warning(&self, effective: &Effective) -> Option<String> {
        let (quota, shards) = (self.processors_max?, effective.cores.len());
        // Half a percent of slack: quotas are often written with two digits.
        ((shards as f64) > quota * 1.005).then(|| {
            format!(
                "the container may use {quota:.2} processors, but there are {shards} shards: all of them will be \
                 stopped together when the quota is used up; give fewer `cores` or a larger quota"
            )
        })
    }

    fn memory_warning(&self, effective: &Effective) -> Option<String> {
        let allowed = [(self.cgroup_memory_bytes, "the container"), (self.machine_memory_bytes, "the machine")];
        let (allowed, owner) = allowed.into_iter().filter_map(|(bytes, owner)| Some((bytes?, owner))).min()?;
        let memory = effective.memory_bytes();
        let buffers = effective.limits.buffer_bytes_max as u64;
        (memory.saturating_add(buffers) > allowed).then(|| {
            format!(
                "{owner} has {} MiB of memory, but the memstores may use {} MiB (memory_bytes_max) and buffers \
                 {} MiB (limits.buffer_bytes_max): the process may be killed before it reaches its bounds",
                allowed >> 20,
                memory >> 20,
                buffers >> 20
            )
        })
    }
}

/// Raises what can be raised, and returns what the operator should know before the shards start.
pub fn prepare(effective: &Effective) -> Vec<String> {
    let mut warnings = Host::inspect().warnings(effective);
    warnings.extend(OpenFiles::raise(effective).warning(effective));
    warnings
}

/// `MemTotal` of `/proc/meminfo` in bytes (proc_meminfo(5)).
fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests;
