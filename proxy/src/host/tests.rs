//! What the host says, read from files like the kernel's.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::alone;

/// A directory that stands for `/`, removed afterwards.
struct Root(PathBuf);

impl Root {
    fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("prism-host-{}-{number}", std::process::id()));
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("every file is below the root")).expect("can be written");
            fs::write(path, text).expect("can be written");
        }
        Self(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn inspect(files: &[(&str, &str)]) -> Host {
    let root = Root::new(files);
    Host::inspect_at(&root.0)
}

#[test]
fn version_2_is_read_up_the_tree_and_the_tightest_counts() {
    let host = inspect(&[
        ("proc/self/cgroup", "0::/a/b\n"),
        ("proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\n"),
        ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
        ("sys/fs/cgroup/a/memory.max", "max\n"),
        ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/a/b/memory.max", "1048576\n"),
    ]);
    let expected =
        Host { processors_max: Some(1.5), cgroup_memory_bytes: Some(1 << 20), machine_memory_bytes: Some(2 << 20) };
    assert_eq!(host, expected);
}

#[test]
fn version_2_within_a_container_is_at_the_mounts_root() {
    for path in ["0::/\n", "0::/../../outside\n", "0::/docker/not-visible-here\n"] {
        let host = inspect(&[
            ("proc/self/cgroup", path),
            ("sys/fs/cgroup/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/memory.max", "4096\n"),
            ("sys/fs/outside/memory.max", "1\n"),
        ]);
        assert_eq!((host.processors_max, host.cgroup_memory_bytes), (Some(2.0), Some(4_096)), "{path}");
    }
}

#[test]
fn version_1_is_read_by_controller() {
    let host = inspect(&[
        ("proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/c\n1:name=systemd:/x\n0::/\n"),
        ("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "50000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "8192\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
    ]);
    assert_eq!((host.processors_max, host.cgroup_memory_bytes), (Some(0.5), Some(8_192)));
}

#[test]
fn no_limit_and_no_sense_are_no_limit() {
    for files in [
        vec![],
        vec![("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "max 100000\n")],
        vec![("proc/self/cgroup", "3:cpu:/\n"), ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")],
        vec![
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
        ],
        vec![
            ("proc/self/cgroup", "x\n:\n0::/\n"),
            ("sys/fs/cgroup/cpu.max", "1 0"),
            ("proc/meminfo", "MemTotal: x kB"),
        ],
    ] {
        assert_eq!(inspect(&files), Host::default(), "{files:?}");
    }
}

#[test]
fn this_host_says_how_much_memory_it_has() {
    assert!(Host::inspect().machine_memory_bytes.is_some_and(|bytes| bytes > 1 << 20));
}

#[test]
fn what_fits_draws_no_warning() {
    let effective = Effective::default_on(vec![0, 1]);
    let host =
        Host { processors_max: Some(2.0), cgroup_memory_bytes: Some(2 << 30), machine_memory_bytes: Some(4 << 30) };
    assert_eq!(host.warnings(&effective), Vec::<String>::new());
    assert_eq!(Host::default().warnings(&effective), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_named_with_its_key() {
    let effective = Effective::default_on(vec![0, 1]);
    let host = Host { processors_max: Some(1.5), cgroup_memory_bytes: Some(1 << 30), machine_memory_bytes: None };
    let warnings = host.warnings(&effective);
    assert_eq!(
        warnings,
        [
            "the container may use 1.50 processors, but there are 2 shards: all of them will be stopped together when \
             the quota is used up; give fewer `cores` or a larger quota",
            "the container has 1024 MiB of memory, but the memstores may use 1024 MiB (memory_bytes_max) and buffers \
             1024 MiB (limits.buffer_bytes_max): the process may be killed before it reaches its bounds",
        ]
    );
}

#[test]
fn too_few_open_files_are_named_with_the_connections_left() {
    let effective = Effective::default_on(vec![0, 1]);
    let files = OpenFiles { needed: 10_129, allowed: 4_096 };
    let expected = "limits.connections_max (10000) needs 10129 open files, but this process may open only 4096, enough \
                    for 3967 connections: raise the hard limit (ulimit -Hn) or lower limits.connections_max";
    assert_eq!(files.warning(&effective).as_deref(), Some(expected));
    assert_eq!(OpenFiles { needed: 10_129, allowed: 10_129 }.warning(&effective), None);
    assert_eq!(OpenFiles { needed: 10_129, allowed: 3 }.connections_possible(&effective), 0);
}

/// Runs in a process of its own, started by the test below: the limit belongs to a whole process.
#[test]
fn in_a_process_of_its_own() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    if alone::case().is_none() {
        return;
    }
    let maximum = getrlimit(Resource::Nofile).maximum;
    let low = Rlimit { current: Some(64), maximum };
    setrlimit(Resource::Nofile, low).expect("a soft limit may always be lowered");
    let mut effective = Effective::default_on(vec![0]);
    effective.limits.connections_max = 100;
    let files = OpenFiles::raise(&effective);
    assert_eq!(files, OpenFiles { needed: 197, allowed: 197 });
    assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: Some(197), maximum });
    // What is enough already stays as it is.
    effective.limits.connections_max = 1;
    assert_eq!(OpenFiles::raise(&effective).allowed, 197);
    alone::pass();
}

#[test]
fn the_limit_is_raised_as_far_as_needed() {
    alone::run_to_pass("host::tests::in_a_process_of_its_own", "raise", &[]);
}
