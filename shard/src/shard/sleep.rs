//! The end of a turn: one entry into the kernel, which also sleeps when nothing is known to wait.

use std::io;

use super::Shard;
use crate::application::Application;
use crate::clock::now_ns;
use crate::counters::Counter;

impl<A: Application> Shard<A> {
    /// Enters the kernel, and sleeps there unless there is work.
    pub(super) fn enter(&mut self, tick_end_ns: u64) -> io::Result<()> {
        let more = self.has_more || self.parts.peers.has_work() || self.parts.peers.again() > 0;
        let until_ns = self.timers.next_ns().map_or(tick_end_ns, |next_ns| next_ns.min(tick_end_ns));
        let result = if more || self.has_inbox() { self.parts.ring.enter(None) } else { self.sleep(until_ns) };
        let enters = self.parts.ring.enters();
        self.parts.counters.add(Counter::Enters, enters - self.enters_counted);
        self.enters_counted = enters;
        result
    }

    fn sleep(&mut self, until_ns: u64) -> io::Result<()> {
        let mut now_ns = self.now_ns;
        if self.parts.spin_ns > 0 {
            if self.spin(until_ns)? {
                return Ok(());
            }
            now_ns = crate::clock::now_ns();
        }
        if until_ns <= now_ns {
            return self.parts.ring.enter(None);
        }
        let bell = self.parts.shared.bell(self.parts.index);
        bell.park();
        let result = if self.has_inbox() {
            self.parts.ring.enter(None)
        } else {
            self.parts.counters.add(Counter::Parks, 1);
            self.parts.ring.enter(Some(until_ns - now_ns))
        };
        bell.unpark();
        result
    }

    /// Looks for work without sleeping, for as long as the configuration says. True when there is some.
    fn spin(&mut self, until_ns: u64) -> io::Result<bool> {
        self.parts.ring.enter(None)?;
        let end_ns = until_ns.min(now_ns() + self.parts.spin_ns);
        loop {
            if self.has_inbox() || self.parts.ring.has_completions() {
                return Ok(true);
            }
            if self.parts.ring.has_deferred_work() {
                self.parts.ring.enter(None)?;
            } else if now_ns() >= end_ns {
                return Ok(false);
            }
            std::hint::spin_loop();
        }
    }

    fn has_inbox(&self) -> bool {
        !self.parts.mesh.is_empty() || self.parts.shared.has_errands(self.parts.index)
    }
}
