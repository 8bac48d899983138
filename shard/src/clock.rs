//! The one clock of the program, CLOCK_MONOTONIC in nanoseconds, and what makes the time of day of it.

/// Nanoseconds since an arbitrary fixed instant; it never goes back.
#[must_use]
pub fn now_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds from the epoch to the instant from which [`now_ns`] counts. It changes when the time of day is set.
pub(crate) fn epoch_ns() -> u64 {
    // A time of day before the instant at which the machine started is set wrong, and counts as that instant.
    read(libc::CLOCK_REALTIME).saturating_sub(now_ns())
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "both clocks exist on every Linux");
    // The time of day may be before the epoch, if it is set so.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).expect("nanoseconds are below a second")
}

#[cfg(test)]
mod tests {
    use super::{epoch_ns, now_ns};

    #[test]
    fn time_does_not_go_back() {
        let mut last = now_ns();
        for _ in 0..1_000 {
            let now = now_ns();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn the_time_of_day_is_the_systems() {
        let system = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let ours = u128::from(epoch_ns() + now_ns());
        // Days apart only if something is wrong; the test asserts nothing on how fast it runs.
        assert!(ours.abs_diff(system) < 86_400_000_000_000, "{ours} and {system}");
    }
}
