//! Counts what costs us more than it costs a peer, and says when it is too much: ENHANCE_YOUR_CALM.
//!
//! Every kind of disturbance has an allowance of its own (`limits.rs`) that refills with time; pings draw strikes as
//! gRPC's A8 says. Each costs one comparison and one addition.

use super::count::{Count, Counts};
use crate::frame::{Error, ErrorCode};
use crate::limits::{self, Allowance, Limits, PING_STRIKES_MAX, SECOND_NS};

macro_rules! disturbances {
    ($($name:ident, $allowance:ident, $reason:literal;)*) => {
        /// What a client may do now and then, and not without end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum Disturbance { $($name,)* }

        impl Disturbance {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub(crate) const fn allowance(self) -> Allowance {
                match self { $(Self::$name => limits::$allowance,)* }
            }

            /// What the client is told when it was too much.
            pub(crate) const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            const fn count(self) -> Count {
                match self { $(Self::$name => Count::$name,)* }
            }
        }
    };
}

disturbances! {
    ResetsReceived, RESETS, "too many resets of unfinished calls";
    ResetsMade, RESETS_MADE, "too many frames that break their stream's rules";
    SettingsReceived, SETTINGS_FRAMES, "too many SETTINGS frames";
    EmptyFrames, EMPTY_FRAMES, "too many empty frames";
    PriorityFrames, PRIORITY_FRAMES, "too many PRIORITY frames";
    StrayFrames, STRAY_FRAMES, "too many frames that are unknown or that nothing asked for";
    WindowUpdatesUnearned, WINDOW_UPDATES, "too many WINDOW_UPDATE frames";
    SmallWindows, SMALL_WINDOWS, "too many small window increments";
    TableResizes, TABLE_RESIZES, "too many header table size updates";
    LongHeaderLists, LONG_HEADER_LISTS, "too many header lists above SETTINGS_MAX_HEADER_LIST_SIZE";
    StreamsRefused, STREAMS_REFUSED, "too many streams above SETTINGS_MAX_CONCURRENT_STREAMS";
    Fragments, FRAGMENTS, "too many small fragments of messages";
}

const KINDS: usize = Disturbance::ALL.len();

/// The allowances of one connection.
#[derive(Debug)]
pub(crate) struct Calm {
    /// When each allowance will be full again; one that has not been touched is full since the beginning.
    full_ns: [u64; KINDS],
    /// Resets forgiven at once: every stream may be cancelled together, and again.
    resets_burst_max: u64,
    ping_ns: Option<u64>,
    ping_strikes: u32,
    /// Frames that had been sent at the last PING, and at the last WINDOW_UPDATE.
    sent_at_ping: u32,
    sent_at_window_update: u32,
    window_updates_saved: u32,
    pub(crate) counts: Counts,
}

impl Calm {
    /// Full allowances.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            full_ns: [0; KINDS],
            resets_burst_max: limits::RESETS.burst_max.max(2 * limits.streams_per_connection_max as u64),
            ping_ns: None,
            ping_strikes: 0,
            sent_at_ping: 0,
            sent_at_window_update: 0,
            window_updates_saved: 0,
            counts: Counts::default(),
        }
    }

    /// One more of a kind.
    pub(crate) fn disturb(&mut self, now_ns: u64, kind: Disturbance) -> Result<(), Error> {
        self.counts.add(kind.count());
        let mut allowance = kind.allowance();
        if kind == Disturbance::ResetsReceived {
            allowance.burst_max = self.resets_burst_max;
        }
        if allowance.draw(&mut self.full_ns[kind as usize], now_ns) {
            return Ok(());
        }
        Err(Error::connection(ErrorCode::EnhanceYourCalm, kind.reason()))
    }

    /// Takes some of a kind back.
    pub(crate) fn excuse(&mut self, kind: Disturbance, times: u64) {
        kind.allowance().excuse(&mut self.full_ns[kind as usize], times);
    }

    /// A PING that wants an answer, after `sent` frames of HEADERS and DATA in all (wrapping). Any since the last PING
    /// forgive everything.
    pub(crate) fn ping(&mut self, now_ns: u64, interval_min_ns: u64, sent: u32) -> Result<(), Error> {
        self.counts.add(Count::PingsReceived);
        let earlier = self.ping_ns.replace(now_ns);
        if std::mem::replace(&mut self.sent_at_ping, sent) != sent {
            self.ping_strikes = 0;
        } else if earlier.is_some_and(|earlier| now_ns.saturating_sub(earlier) < interval_min_ns) {
            self.counts.add(Count::PingStrikes);
            self.ping_strikes += 1;
        }
        if self.ping_strikes > PING_STRIKES_MAX {
            // The reason is what gRPC clients look for before they lengthen their interval.
            return Err(Error::connection(ErrorCode::EnhanceYourCalm, "too_many_pings"));
        }
        Ok(())
    }

    /// A WINDOW_UPDATE, after `sent` frames of HEADERS and DATA in all (wrapping): clients that grant anew for every
    /// frame that they get disturb nobody.
    pub(crate) fn window_update(&mut self, now_ns: u64, sent: u32) -> Result<(), Error> {
        self.counts.add(Count::WindowUpdates);
        let left = self.window_updates_left(sent);
        self.sent_at_window_update = sent;
        match left {
            Some(left) => {
                self.window_updates_saved = left;
                Ok(())
            }
            None => self.disturb(now_ns, Disturbance::WindowUpdatesUnearned),
        }
    }

    /// Whether a WINDOW_UPDATE after so many frames would disturb nobody.
    pub(crate) fn is_window_update_earned(&self, sent: u32) -> bool {
        self.window_updates_left(sent).is_some()
    }

    /// How many are saved behind that.
    fn window_updates_left(&self, sent: u32) -> Option<u32> {
        let new = sent.wrapping_sub(self.sent_at_window_update);
        let saved = self.window_updates_saved.saturating_add(new.saturating_mul(limits::WINDOW_UPDATES_PER_FRAME));
        saved.min(limits::WINDOW_UPDATES_SAVED_MAX).checked_sub(1)
    }
}

const _: () = {
    let mut kind = 0;
    while kind < KINDS {
        let Allowance { burst_max, per_second } = Disturbance::ALL[kind].allowance();
        assert!(per_second > 0 && per_second <= SECOND_NS && burst_max > 0);
        kind += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_forgiven_with_time() {
        for &kind in Disturbance::ALL {
            let Allowance { burst_max, per_second } = kind.allowance();
            let mut calm = Calm::new(&Limits::DEFAULT);
            for _ in 0..burst_max {
                calm.disturb(0, kind).expect("within the burst");
            }
            let error = calm.disturb(0, kind).expect_err("one too many");
            assert_eq!(error, Error::connection(ErrorCode::EnhanceYourCalm, kind.reason()));
            // The one too many counts as well.
            for _ in 0..2 * per_second - 1 {
                calm.disturb(2 * SECOND_NS, kind).expect("two seconds forgive their share");
            }
            calm.disturb(2 * SECOND_NS, kind).expect_err("and no more");
            for &other in Disturbance::ALL.iter().filter(|other| **other != kind) {
                calm.disturb(2 * SECOND_NS, other).expect("each kind has its own");
            }
        }
    }

    #[test]
    fn all_streams_may_be_cancelled_twice() {
        let limits = Limits { streams_per_connection_max: 10_000, ..Limits::DEFAULT };
        let mut calm = Calm::new(&limits);
        for _ in 0..20_000 {
            calm.disturb(0, Disturbance::ResetsReceived).expect("within the burst");
        }
        calm.disturb(0, Disturbance::ResetsReceived).expect_err("one too many");
    }

    #[test]
    fn pings_too_close_draw_strikes_and_traffic_forgives_them() {
        let mut calm = Calm::new(&Limits::DEFAULT);
        let interval_ns = 5 * SECOND_NS;
        for second in 0..=u64::from(PING_STRIKES_MAX) {
            calm.ping(second * SECOND_NS, interval_ns, 0).expect("not yet");
        }
        assert!(calm.ping(10 * SECOND_NS, interval_ns, 1).is_ok(), "traffic forgives");
        for second in 11..11 + u64::from(PING_STRIKES_MAX) {
            calm.ping(second * SECOND_NS, interval_ns, 1).expect("not yet");
        }
        assert!(calm.ping(13 * SECOND_NS, interval_ns, 1).is_err());
    }

    #[test]
    fn window_updates_are_earned_by_what_is_sent() {
        let mut calm = Calm::new(&Limits::DEFAULT);
        for sent in 1..100_000 {
            for _ in 0..limits::WINDOW_UPDATES_PER_FRAME {
                calm.window_update(0, sent).expect("earned");
            }
        }
        for _ in 0..limits::WINDOW_UPDATES.burst_max {
            calm.window_update(0, 99_999).expect("within the burst");
        }
        calm.window_update(0, 99_999).expect_err("one too many");
    }

    #[test]
    fn fragments_of_messages_that_become_whole_are_excused() {
        let mut calm = Calm::new(&Limits::DEFAULT);
        for _ in 0..10 * limits::FRAGMENTS.burst_max {
            calm.disturb(0, Disturbance::Fragments).expect("excused");
            calm.excuse(Disturbance::Fragments, limits::FRAGMENTS_PER_MESSAGE);
        }
    }
}
