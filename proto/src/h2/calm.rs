//! Counts what costs us more than it costs a peer, and says when it is too much: ENHANCE_YOUR_CALM.
//!
//! Resets of unfinished calls (CVE-2023-44487), SETTINGS, frames that break a stream's rules and empty DATA draw on
//! one allowance that refills with time. Pings draw strikes as gRPC's A8 says.

use crate::frame::{Error, ErrorCode};
use crate::limits::{DISTURBANCES_BURST_MAX, DISTURBANCES_PER_SECOND, PING_STRIKES_MAX, SECOND_NS};

/// The allowances of one connection.
#[derive(Debug)]
pub(crate) struct Calm {
    disturbances: u64,
    counted_ns: u64,
    ping_ns: Option<u64>,
    ping_strikes: u32,
}

impl Calm {
    /// Full allowances at `now_ns`.
    pub(crate) fn new(now_ns: u64) -> Self {
        Self { disturbances: 0, counted_ns: now_ns, ping_ns: None, ping_strikes: 0 }
    }

    /// One more of `what`.
    pub(crate) fn disturb(&mut self, now_ns: u64, what: &'static str) -> Result<(), Error> {
        let elapsed_ns = now_ns.saturating_sub(self.counted_ns);
        let forgiven = elapsed_ns / (SECOND_NS / DISTURBANCES_PER_SECOND);
        if forgiven > 0 {
            self.disturbances = self.disturbances.saturating_sub(forgiven);
            self.counted_ns = now_ns;
        }
        self.disturbances += 1;
        if self.disturbances > DISTURBANCES_BURST_MAX {
            return Err(Error::connection(ErrorCode::EnhanceYourCalm, what));
        }
        Ok(())
    }

    /// A PING that wants an answer. `is_busy`: HEADERS or DATA have been sent since the last one, which forgives all.
    pub(crate) fn ping(&mut self, now_ns: u64, interval_min_ns: u64, is_busy: bool) -> Result<(), Error> {
        let earlier = self.ping_ns.replace(now_ns);
        if is_busy {
            self.ping_strikes = 0;
        } else if earlier.is_some_and(|earlier| now_ns.saturating_sub(earlier) < interval_min_ns) {
            self.ping_strikes += 1;
        }
        if self.ping_strikes > PING_STRIKES_MAX {
            // The reason is what gRPC clients look for before they lengthen their interval.
            return Err(Error::connection(ErrorCode::EnhanceYourCalm, "too_many_pings"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_forgiven_with_time() {
        let mut calm = Calm::new(0);
        for _ in 0..DISTURBANCES_BURST_MAX {
            calm.disturb(0, "resets").expect("within the burst");
        }
        let error = calm.disturb(0, "resets").expect_err("one too many");
        assert_eq!(error, Error::connection(ErrorCode::EnhanceYourCalm, "resets"));
        // The one too many counts as well.
        for _ in 0..2 * DISTURBANCES_PER_SECOND - 1 {
            calm.disturb(2 * SECOND_NS, "resets").expect("two seconds forgive their share");
        }
        calm.disturb(2 * SECOND_NS, "resets").expect_err("and no more");
    }

    #[test]
    fn pings_too_close_draw_strikes_and_traffic_forgives_them() {
        let mut calm = Calm::new(0);
        let interval_ns = 5 * SECOND_NS;
        for second in 0..=u64::from(PING_STRIKES_MAX) {
            calm.ping(second * SECOND_NS, interval_ns, false).expect("not yet");
        }
        assert!(calm.ping(10 * SECOND_NS, interval_ns, true).is_ok(), "traffic forgives");
        for second in 11..11 + u64::from(PING_STRIKES_MAX) {
            calm.ping(second * SECOND_NS, interval_ns, false).expect("not yet");
        }
        assert!(calm.ping(13 * SECOND_NS, interval_ns, false).is_err());
    }
}
