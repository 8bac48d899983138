//! Limits that a control group sets on this process, in version 2 and version 1 of the kernel's interface.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// What the control groups allow; the tightest of all that enclose this process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Limits {
    /// Processors' worth of time.
    pub(super) processors_max: Option<f64>,
    /// Bytes of memory.
    pub(super) memory_bytes_max: Option<u64>,
}

/// Version 1 writes "no limit" as the largest multiple of a page.
const V1_UNLIMITED_BYTES: u64 = 1 << 62;

/// Reads the limits with `/proc` and `/sys/fs/cgroup` below `root`; what is not there sets no limit.
///
/// Within a container the path that `/proc` names is often not visible below its mount: then what counts is what its
/// nearest visible ancestor says, and at the mount's root a container finds its own group.
pub(super) fn read(root: &Path) -> Limits {
    let mut limits = Limits::default();
    let mount = root.join("sys/fs/cgroup");
    let groups = bounded_text(&root.join("proc/self/cgroup")).unwrap_or_default();
    for line in groups.lines() {
        // hierarchy-ID:controllers:path, with no controllers for version 2 (cgroups(7)).
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let mut visit = |mount: PathBuf, look: fn(&Path) -> Limits| {
            for group in enclosing(&mount, path) {
                limits.tighten(look(&group));
            }
        };
        if controllers.is_empty() {
            visit(mount.clone(), version_2);
            // Where both versions are mounted, this is version 2's customary place.
            visit(mount.join("unified"), version_2);
        }
        let has = |name: &str| controllers.split(',').any(|controller| controller == name);
        if has("cpu") {
            visit(mount.join(controllers), version_1_processors);
            visit(mount.join("cpu"), version_1_processors);
        }
        if has("memory") {
            visit(mount.join("memory"), version_1_memory);
        }
    }
    limits
}

impl Limits {
    fn tighten(&mut self, other: Self) {
        self.processors_max = self.processors_max.into_iter().chain(other.processors_max).reduce(f64::min);
        self.memory_bytes_max = self.memory_bytes_max.into_iter().chain(other.memory_bytes_max).min();
    }
}

/// The group at `path` below `mount` and every one that encloses it.
fn enclosing(mount: &Path, path: &str) -> Vec<PathBuf> {
    // A group outside of this namespace is shown with `..`: nothing of it is visible here.
    let names = Path::new(path).components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let mut group = mount.to_owned();
    let mut groups = vec![group.clone()];
    if !path.contains("..") {
        groups.extend(names.map(|name| {
            group.push(name);
            group.clone()
        }));
    }
    groups
}

fn version_2(group: &Path) -> Limits {
    // "$MAX $PERIOD" in microseconds, or "max" for no limit.
    let processors = bounded_text(&group.join("cpu.max")).and_then(|text| {
        let mut parts = text.split_whitespace();
        share(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)
    });
    let memory = number(&group.join("memory.max"));
    Limits { processors_max: processors, memory_bytes_max: memory }
}

fn version_1_processors(group: &Path) -> Limits {
    // A quota of -1 is none, and does not parse here.
    let quota = number(&group.join("cpu.cfs_quota_us"));
    let period = number(&group.join("cpu.cfs_period_us"));
    Limits {
        processors_max: quota.zip(period).and_then(|(quota, period)| share(quota, period)),
        memory_bytes_max: None,
    }
}

fn version_1_memory(group: &Path) -> Limits {
    let bytes = number(&group.join("memory.limit_in_bytes")).filter(|bytes| *bytes < V1_UNLIMITED_BYTES);
    Limits { processors_max: None, memory_bytes_max: bytes }
}

fn share(quota_us: u64, period_us: u64) -> Option<f64> {
    (quota_us > 0 && period_us > 0).then(|| quota_us as f64 / period_us as f64)
}

fn number(path: &Path) -> Option<u64> {
    bounded_text(path)?.trim().parse().ok()
}

/// The text of a kernel file, cut at a length that none of those read here has.
pub(super) fn bounded_text(path: &Path) -> Option<String> {
    const FILE_BYTES_MAX: u64 = 64 << 10;
    let mut text = String::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}
