//! How an allowance of `limits.rs` is drawn on: a bucket that leaks with time, kept as one moment.

use crate::limits::{Allowance, SECOND_NS};

impl Allowance {
    /// Draws once; whether that is still allowed. `full_ns` is when the allowance will be full again, 0 at first; what
    /// is too much is counted as well.
    #[inline]
    pub(crate) fn draw(self, full_ns: &mut u64, now_ns: u64) -> bool {
        let each_ns = SECOND_NS / self.per_second;
        *full_ns = (*full_ns).max(now_ns).saturating_add(each_ns);
        *full_ns - now_ns <= self.burst_max.saturating_mul(each_ns)
    }

    /// Takes some draws back.
    pub(crate) fn excuse(self, full_ns: &mut u64, times: u64) {
        *full_ns = full_ns.saturating_sub(times.saturating_mul(SECOND_NS / self.per_second));
    }
}
