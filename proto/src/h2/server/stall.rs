//! Large messages that were given room and do not come: they make place for others that wait for it.
//!
//! Room is given for the whole of a message before it has come, so that each can finish. Whoever declares messages and
//! does not send them would keep it for ever, and with it everybody else's large messages from coming. So a message
//! that has room has a pace while anybody waits: in each `limits.message_stall_max` the messages of a connection bring
//! what [`MESSAGE_BYTES_PER_SECOND_MIN`] says, each its share. One that is behind, or is whole and waits for a client
//! that does not take its answers, ends its call. While nobody waits a message may take as long as it likes.

use super::Connection;
use super::count::Count;
use super::refuse;
use crate::h2::inbound::{Admission, Inbound, Mark};
use crate::limits::{MESSAGE_BYTES_PER_SECOND_MIN, SECOND_NS};

impl Connection {
    /// Ends calls whose messages have room that is waited for, by streams of this connection or, as the caller says, by
    /// others, and have not come on; whether there were any. The room goes to those that wait here as far as
    /// [`Self::set_room`] allows.
    pub fn end_stalled(&mut self, now_ns: u64, others_wait: bool) -> bool {
        let is_due = self.held.declared_bytes() > 0 && now_ns >= self.stall_ns && self.limits.message_stall_max_ns > 0;
        if !is_due || !(others_wait || self.wants_room()) {
            return false;
        }
        self.now_ns = self.now_ns.max(now_ns);
        let admitted = self.streams.slots_of(|stream| stream.inbound.admission == Admission::Admitted);
        let share = (MESSAGE_BYTES_PER_SECOND_MIN / admitted.len().max(1)).max(1) as u64;
        let mut next_ns = u64::MAX;
        let mut stalled = Vec::new();
        for slot in admitted {
            match self.streams[slot].inbound.look(now_ns, self.limits.message_stall_max_ns, share) {
                Some(again_ns) => next_ns = next_ns.min(again_ns),
                None => stalled.push(self.streams.reference(slot)),
            }
        }
        // What is let in now has its time before it.
        self.stall_ns = next_ns;
        let status = refuse::stalled(&self.limits);
        for stream in &stalled {
            let Some(slot) = self.streams.resolve(*stream) else { continue };
            self.calm.counts.add(Count::MessagesStalled);
            // An earlier answer that waits keeps the stream, but not the message.
            self.forget_inbound(slot);
            self.forget_inflating(*stream);
            let buffer = self.streams[slot].inbound.take();
            self.keep_buffer(buffer);
            self.announce_reset(slot);
            self.end_with(slot, &status);
        }
        !stalled.is_empty()
    }
}

impl Inbound {
    /// When to look again at a message that has room and comes on; `None` when it does not.
    fn look(&mut self, now_ns: u64, stall_max_ns: u64, bytes_per_second: u64) -> Option<u64> {
        let now = Mark { at_ns: now_ns.max(1), bytes: self.held_bytes() };
        let mark = std::mem::replace(&mut self.mark, now);
        let elapsed_ns = now_ns.saturating_sub(mark.at_ns);
        if mark == Mark::default() {
            return Some(now_ns.saturating_add(stall_max_ns));
        }
        if elapsed_ns < stall_max_ns {
            self.mark = mark;
            return Some(mark.at_ns.saturating_add(stall_max_ns));
        }
        let came = now.bytes.saturating_sub(mark.bytes) as u64;
        let is_coming =
            u128::from(came) * u128::from(SECOND_NS) >= u128::from(bytes_per_second) * u128::from(elapsed_ns);
        is_coming.then(|| now_ns.saturating_add(stall_max_ns))
    }
}
