//! The one clock of the program: CLOCK_MONOTONIC in nanoseconds.

/// Nanoseconds since an arbitrary fixed instant; it never goes back.
#[must_use]
pub fn now_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(result, 0, "CLOCK_MONOTONIC exists on every Linux");
    let seconds = u64::try_from(time.tv_sec).expect("the monotonic clock starts at zero");
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).expect("nanoseconds are below a second")
}

#[cfg(test)]
mod tests {
    use super::now_ns;

    #[test]
    fn time_does_not_go_back() {
        let mut last = now_ns();
        for _ in 0..1_000 {
            let now = now_ns();
            assert!(now >= last);
            last = now;
        }
    }
}
