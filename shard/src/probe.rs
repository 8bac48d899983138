//! Whether this machine lets the program run, and if not, what exactly is missing.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;

use io_uring::{Probe, opcode};

use crate::buffers::Buffers;
use crate::ring::{BUFFER_GROUP, Ring};
use crate::token::Kind;

/// The oldest kernel with everything that a shard's ring uses: DEFER_TASKRUN.
pub const KERNEL_MIN: (u32, u32) = (6, 1);

/// What forbids running.
#[derive(Debug)]
pub enum Missing {
    /// The kernel is older than [`KERNEL_MIN`]; its release.
    Kernel(String),
    /// The system's administrator has switched io_uring off: `kernel.io_uring_disabled` has this value (1: for
    /// processes outside `kernel.io_uring_group`, 2: for all).
    Disabled(u32),
    /// A seccomp filter or another security module refuses it.
    Forbidden(io::Error),
    /// The ring's memory does not fit the limit of locked memory, in bytes.
    LockedMemory(u64),
    /// The kernel has io_uring, but not this part of it.
    Operation(&'static str),
    /// Something else refused it.
    Other(io::Error),
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = KERNEL_MIN;
        match self {
            Self::Kernel(release) => write!(formatter, "Linux {major}.{minor} or newer is needed; this is {release}"),
            Self::Disabled(1) => formatter.write_str(
                "io_uring is disabled for this user: kernel.io_uring_disabled is 1, and the process is not in the \
                 group of kernel.io_uring_group; set it to 0 or join the group",
            ),
            Self::Disabled(value) => {
                write!(formatter, "io_uring is disabled: kernel.io_uring_disabled is {value}; set it to 0")
            }
            Self::Forbidden(error) => write!(
                formatter,
                "io_uring is forbidden, probably by a seccomp filter ({error}); container engines block it by default: \
                 run with a profile that allows io_uring_setup, io_uring_enter and io_uring_register"
            ),
            Self::LockedMemory(bytes) => write!(
                formatter,
                "the limit of locked memory is too small for io_uring: RLIMIT_MEMLOCK is {bytes} bytes; raise it \
                 (ulimit -l, LimitMEMLOCK=)"
            ),
            Self::Operation(what) => write!(formatter, "this kernel's io_uring has no {what}"),
            Self::Other(error) => write!(formatter, "io_uring does not work here: {error}"),
        }
    }
}

impl std::error::Error for Missing {}

/// Tries what a shard needs of the kernel.
///
/// # Errors
/// The first thing that is [`Missing`].
pub fn probe() -> Result<(), Missing> {
    on_own_thread(attempt).unwrap_or_else(|error| Err(Missing::Other(error)))
}

/// Runs something on a thread that ends with it. The kernel works off the end of a ring as an interruption of the
/// thread that had it, which a socket with a time-out reports as EINTR; the caller's thread must not see that.
fn on_own_thread<R: Send>(work: impl FnOnce() -> R + Send) -> io::Result<R> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("probe".to_owned()).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| io::Error::other("the probe panicked"))
    })
}

fn attempt() -> Result<(), Missing> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").map_err(Missing::Other)?;
    if parse_release(&release).is_some_and(|version| version < KERNEL_MIN) {
        return Err(Missing::Kernel(release.trim().to_owned()));
    }
    let disabled = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok();
    let disabled = disabled.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let ring = Ring::new(8).map_err(|error| explain(error, disabled))?;
    let mut supported = Probe::new();
    ring.submitter().register_probe(&mut supported).map_err(|error| explain(error, disabled))?;
    let operations = [
        (opcode::RecvMulti::CODE, "receive"),
        (opcode::Send::CODE, "send"),
        (opcode::AcceptMulti::CODE, "accept"),
        (opcode::AsyncCancel2::CODE, "cancellation"),
        (opcode::Read::CODE, "read"),
    ];
    if let Some((_, name)) = operations.into_iter().find(|(code, _)| !supported.is_supported(*code)) {
        return Err(Missing::Operation(name));
    }
    Buffers::new(&ring, BUFFER_GROUP, 2, 64).map_err(|_| Missing::Operation("provided-buffer rings"))?;
    Ok(())
}

/// Whether a ring can message another here, as shards do to wake each other; otherwise they use an eventfd.
pub(crate) fn rings_can_message() -> bool {
    fn message() -> io::Result<bool> {
        let (mut from, mut to) = (Ring::new(8)?, Ring::new(8)?);
        let mut completions = Vec::new();
        let target = to.descriptor()?;
        from.wake(target.as_raw_fd(), 0);
        from.enter(None)?;
        to.enter(Some(1_000_000_000))?;
        to.reap(&mut completions);
        let woken = completions.iter().any(|completion| completion.token.kind() == Some(Kind::Wake));
        completions.clear();
        from.enter(None)?;
        from.reap(&mut completions);
        Ok(woken && completions.is_empty())
    }
    on_own_thread(message).and_then(|result| result).unwrap_or(false)
}

/// Why the kernel refused a ring, given the value of `kernel.io_uring_disabled`.
fn explain(error: io::Error, disabled: u32) -> Missing {
    match error.raw_os_error() {
        Some(libc::EPERM) if disabled > 0 => Missing::Disabled(disabled),
        Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => Missing::Forbidden(error),
        Some(libc::ENOMEM) => Missing::LockedMemory(locked_bytes_max()),
        Some(libc::EINVAL) => Missing::Operation("SINGLE_ISSUER with DEFER_TASKRUN"),
        _ => Missing::Other(error),
    }
}

fn locked_bytes_max() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid structure for the call to fill.
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    limit.rlim_cur
}

/// Major and minor version of a kernel release such as `6.1.0-13-amd64`.
fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(parse_release("6.1.0-13-amd64\n"), Some((6, 1)));
        assert_eq!(parse_release("5.15.167.4-microsoft-standard-WSL2"), Some((5, 15)));
        assert_eq!(parse_release("6.18.44"), Some((6, 18)));
        assert_eq!(parse_release("unknown"), None);
        assert!((5, 19) < KERNEL_MIN && (6, 18) > KERNEL_MIN && (10, 0) > KERNEL_MIN);
    }

    #[test]
    fn this_machine_has_what_is_needed() {
        probe().unwrap();
        assert!(rings_can_message());
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let refused = |errno| io::Error::from_raw_os_error(errno);
        let texts = [
            (explain(refused(libc::EPERM), 1), "kernel.io_uring_group"),
            (explain(refused(libc::EPERM), 2), "kernel.io_uring_disabled is 2"),
            (explain(refused(libc::EPERM), 0), "seccomp"),
            (explain(refused(libc::ENOSYS), 0), "seccomp"),
            (explain(refused(libc::ENOMEM), 0), "RLIMIT_MEMLOCK"),
            (explain(refused(libc::EINVAL), 0), "DEFER_TASKRUN"),
            (Missing::Kernel("5.10.0".to_owned()), "Linux 6.1 or newer is needed; this is 5.10.0"),
        ];
        for (missing, expected) in texts {
            assert!(missing.to_string().contains(expected), "{missing}");
        }
    }
}
