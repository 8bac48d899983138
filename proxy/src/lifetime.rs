//! How long a connection stays: idle time, age and grace, as gRPC's A9 has them.
//!
//! Nobody sets a timer for each connection: all of them are looked at in turn, a few at a time.

use prism_proto::limits::Limits;
use prism_proto::status::{Code, Status};

use crate::client::Client;
use crate::limits::{DRAIN_PATIENCE_NS, TRIM_AFTER_NS};

/// The times of one connection, fixed when it was accepted; 0: never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    idle_max_ns: u64,
    /// When it is old.
    old_ns: u64,
    grace_ns: u64,
    /// When it was asked to go.
    leaving_ns: u64,
    /// When it had last been heard of as its spare memory was given back.
    trimmed_ns: u64,
}

/// What is to be done about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its calls have had their time.
    Cut,
    /// It is to be asked to go, for the first or the second time.
    Leave(&'static str),
}

impl Lifetime {
    /// Of a connection accepted at `now_ns`. `chance` is any number: it moves the age by up to a tenth either way, so
    /// that connections made together do not come back together.
    pub(crate) fn new(limits: &Limits, now_ns: u64, chance: u64) -> Self {
        let age_ns = limits.connection_age_max_ns;
        let tenth_ns = age_ns / 10;
        let jittered_ns = age_ns - tenth_ns + if tenth_ns > 0 { chance % (2 * tenth_ns + 1) } else { 0 };
        Self {
            idle_max_ns: limits.connection_idle_max_ns,
            old_ns: if age_ns > 0 { now_ns.saturating_add(jittered_ns) } else { 0 },
            grace_ns: limits.connection_age_grace_ns,
            leaving_ns: 0,
            trimmed_ns: 0,
        }
    }

    fn due(&self, idle_since_ns: Option<u64>, now_ns: u64) -> Option<Due> {
        let is_past = |from_ns: u64, after_ns: u64| now_ns >= from_ns.saturating_add(after_ns);
        if self.leaving_ns > 0 {
            if self.grace_ns > 0 && is_past(self.leaving_ns, self.grace_ns) {
                return Some(Due::Cut);
            }
            return is_past(self.leaving_ns, DRAIN_PATIENCE_NS).then_some(Due::Leave(""));
        }
        if self.old_ns > 0 && now_ns >= self.old_ns {
            return Some(Due::Leave("max_age"));
        }
        let is_idle = self.idle_max_ns > 0 && idle_since_ns.is_some_and(|since_ns| is_past(since_ns, self.idle_max_ns));
        is_idle.then_some(Due::Leave("max_idle"))
    }
}

impl Client {
    /// What is to be done about this connection, if anything; memory that it does not need is given back at once.
    pub(crate) fn look(&mut self, now_ns: u64) -> Option<Due> {
        let heard_ns = self.connection.heard_ns();
        if self.lifetime.trimmed_ns != heard_ns && now_ns >= heard_ns.saturating_add(TRIM_AFTER_NS) {
            self.lifetime.trimmed_ns = heard_ns;
            self.connection.trim();
        }
        self.lifetime.due(self.connection.idle_since_ns(), now_ns)
    }

    /// Does it.
    pub(crate) fn leave(&mut self, due: Due, now_ns: u64) {
        match due {
            Due::Cut => {
                self.cut(now_ns, &cut());
                self.connection.retire(now_ns, "");
            }
            Due::Leave(reason) => {
                self.connection.retire(now_ns, reason);
                if self.lifetime.leaving_ns == 0 {
                    self.lifetime.leaving_ns = now_ns.max(1);
                }
            }
        }
    }
}

fn cut() -> Status {
    Status::new(
        Code::Unavailable,
        "the connection is older than limits.connection_age_max, and limits.connection_age_grace has passed; the call \
         may have been applied",
    )
}

#[cfg(test)]
mod tests {
    use prism_proto::limits::SECOND_NS;

    use super::*;

    #[test]
    fn the_age_moves_by_up_to_a_tenth() {
        let limits = Limits { connection_age_max_ns: 10 * SECOND_NS, ..Limits::DEFAULT };
        let ages: Vec<u64> = (0..1_000)
            .map(|chance: u64| Lifetime::new(&limits, 5, chance.wrapping_mul(0x9e37_79b9_7f4a_7c15)).old_ns - 5)
            .collect();
        let (least, most) = (ages.iter().min().copied(), ages.iter().max().copied());
        assert!(least >= Some(9 * SECOND_NS) && least < Some(9 * SECOND_NS + SECOND_NS / 20), "{least:?}");
        assert!(most <= Some(11 * SECOND_NS) && most > Some(11 * SECOND_NS - SECOND_NS / 20), "{most:?}");
    }

    #[test]
    fn without_limits_nothing_is_ever_due() {
        let lifetime = Lifetime::new(&Limits::DEFAULT, 5, 7);
        assert_eq!(lifetime.due(Some(5), u64::MAX), None);
    }

    #[test]
    fn idle_and_age_ask_twice_and_the_grace_ends_it() {
        let limits = Limits {
            connection_idle_max_ns: SECOND_NS,
            connection_age_max_ns: 100 * SECOND_NS,
            connection_age_grace_ns: 5 * SECOND_NS,
            ..Limits::DEFAULT
        };
        let mut lifetime = Lifetime::new(&limits, 0, 0);
        assert_eq!(lifetime.due(Some(10), SECOND_NS + 9), None);
        assert_eq!(lifetime.due(Some(10), SECOND_NS + 10), Some(Due::Leave("max_idle")));
        assert_eq!(lifetime.due(None, 50 * SECOND_NS), None, "calls are open");
        assert_eq!(lifetime.due(None, 90 * SECOND_NS), Some(Due::Leave("max_age")));
        lifetime.leaving_ns = 90 * SECOND_NS;
        assert_eq!(lifetime.due(None, 90 * SECOND_NS), None);
        assert_eq!(lifetime.due(None, 91 * SECOND_NS), Some(Due::Leave("")));
        assert_eq!(lifetime.due(None, 95 * SECOND_NS), Some(Due::Cut));
    }
}
