//! What a connection counts about its client: whatever is rare, or should be.
//!
//! Calls are not counted here; nothing on the way of a steady call is.

macro_rules! counts {
    ($($name:ident, $text:literal, $doc:literal;)*) => {
        /// One thing that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Count { $(#[doc = $doc] $name,)* }

        impl Count {
            /// All of them, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in snake case and what is counted, of each, in their order.
            pub const TEXTS: &'static [(&'static str, &'static str)] = &[$(($text, $doc),)*];

            /// Its name in snake case, as a metric would have it.
            pub fn name(self) -> &'static str {
                Self::TEXTS[self as usize].0
            }
        }
    };
}

counts! {
    ResetsReceived, "resets_received", "RST_STREAM frames received for calls without an answer (CVE-2023-44487).";
    ResetsMade, "resets_made", "Streams reset because a frame broke their rules (CVE-2025-8671).";
    SettingsReceived, "settings_received", "SETTINGS frames received, acknowledgements apart (CVE-2019-9515).";
    PingsReceived, "pings_received", "PING frames received, answers apart (CVE-2019-9512).";
    PingStrikes, "ping_strikes", "PING frames that came too soon after another, without traffic in between.";
    EmptyFrames, "empty_frames", "DATA, HEADERS and CONTINUATION frames without content or end (CVE-2019-9518).";
    PriorityFrames, "priority_frames", "PRIORITY frames received (CVE-2019-9513).";
    StrayFrames, "stray_frames", "Frames of unknown types, and frames that nothing asked for.";
    WindowUpdates, "window_updates", "WINDOW_UPDATE frames received.";
    WindowUpdatesUnearned, "window_updates_unearned", "WINDOW_UPDATE frames beyond what was sent to explain them.";
    SmallWindows, "small_windows", "WINDOW_UPDATE frames that let only a few of the waiting bytes go (CVE-2019-9511).";
    Continuations, "continuations", "CONTINUATION frames received (CVE-2024-27316).";
    TableResizes, "table_resizes", "Changes of the header table's size inside header blocks.";
    LongHeaderLists, "long_header_lists", "Header lists above limits.header_list_bytes_max.";
    StreamsRefused, "streams_refused", "Streams above limits.streams_per_connection_max.";
    Fragments, "fragments", "Small DATA frames that left their message incomplete.";
    RequestsRefused, "requests_refused", "Requests that no service saw: no method, type or time-out of gRPC.";
    CallsFailed, "calls_failed", "Calls ended for their messages: too long, too many, cut short or compressed.";
    MessagesStalled, "messages_stalled", "Large messages that came too slowly while others waited for their room.";
    HandshakesTimedOut, "handshakes_timed_out", "Connections that did not begin in limits.handshake_timeout.";
    EndedNotHttp2, "ended_not_http2", "Connections ended because their first bytes were not HTTP/2's.";
    EndedProtocol, "ended_protocol_error", "Connections ended with PROTOCOL_ERROR.";
    EndedFlowControl, "ended_flow_control_error", "Connections ended with FLOW_CONTROL_ERROR.";
    EndedSettingsTimeout, "ended_settings_timeout", "Connections ended with SETTINGS_TIMEOUT.";
    EndedStreamClosed, "ended_stream_closed", "Connections ended with STREAM_CLOSED.";
    EndedFrameSize, "ended_frame_size_error", "Connections ended with FRAME_SIZE_ERROR.";
    EndedCompression, "ended_compression_error", "Connections ended with COMPRESSION_ERROR.";
    EndedCalm, "ended_enhance_your_calm", "Connections ended with ENHANCE_YOUR_CALM.";
    EndedOther, "ended_other", "Connections ended with another error.";
}

/// How often each thing has happened since the counts were taken last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    numbers: [u32; Count::ALL.len()],
    is_zero: bool,
}

impl Default for Counts {
    fn default() -> Self {
        Self { numbers: [0; Count::ALL.len()], is_zero: true }
    }
}

impl Counts {
    /// One more.
    #[inline]
    pub(crate) fn add(&mut self, count: Count) {
        self.is_zero = false;
        let number = &mut self.numbers[count as usize];
        *number = number.saturating_add(1);
    }

    /// What has been counted, if anything has, and begins anew.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Self> {
        if self.is_zero { None } else { Some(std::mem::take(self)) }
    }

    /// Those that are not 0.
    pub fn iter(&self) -> impl Iterator<Item = (Count, u32)> {
        Count::ALL.iter().map(|&count| (count, self.numbers[count as usize])).filter(|(_, number)| *number > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_taken_once() {
        let mut counts = Counts::default();
        assert_eq!(counts.take(), None);
        counts.add(Count::PingStrikes);
        counts.add(Count::EndedCalm);
        counts.add(Count::PingStrikes);
        let taken = counts.take().expect("something was counted");
        assert_eq!(taken.iter().collect::<Vec<_>>(), [(Count::PingStrikes, 2), (Count::EndedCalm, 1)]);
        assert_eq!(counts.take(), None);
    }

    #[test]
    fn names_are_distinct_and_in_order() {
        let mut names: Vec<_> = Count::ALL.iter().map(|count| count.name()).collect();
        assert_eq!(Count::SmallWindows.name(), "small_windows");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Count::ALL.len());
    }
}
