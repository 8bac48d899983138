//! Timers that wake the executor when it sleeps although tasks could run.
//!
//! The executor asks whether it was preempted before it runs anything, and takes a yes for "nothing to do": then it
//! sleeps until its next event. (A thread that the system leaves aside for `PREEMPT_NS` between arming the preemption
//! timer and that question is enough.) So at each yield of the turn loop there must be an event to come,
//! whatever the delay has been: timers of growing length, each with half its length left at least. All of them can
//! have passed by then only if the thread was left aside for hours, and a sleep by mistake is not much longer than
//! the delay that led to it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use glommio::timer::Timer;

use crate::limits::{LADDER_FIRST_NS, LADDER_RATIO, LADDER_RUNGS};

/// One timer that always runs.
struct Rung {
    length_ns: u64,
    until_ns: u64,
    /// Registered with the executor for as long as it is kept.
    timer: Option<Timer>,
}

impl Rung {
    fn is_worn(&self, now_ns: u64) -> bool {
        self.until_ns.saturating_sub(now_ns) < self.length_ns / 2
    }
}

/// The timers of one executor.
pub(crate) struct Ladder {
    rungs: Vec<Rung>,
}

impl Ladder {
    pub(crate) fn new() -> Self {
        let lengths = (0..LADDER_RUNGS).map(|rung| LADDER_FIRST_NS * LADDER_RATIO.pow(rung));
        Self { rungs: lengths.map(|length_ns| Rung { length_ns, until_ns: 0, timer: None }).collect() }
    }

    /// Starts anew those timers that have less than half of their time left. They wake the calling task, which does
    /// no harm.
    pub(crate) async fn renew(&mut self, now_ns: u64) {
        for rung in self.rungs.iter_mut().filter(|rung| rung.is_worn(now_ns)) {
            let mut timer = Timer::new(Duration::from_nanos(rung.length_ns));
            poll_fn(|context| {
                // The first poll registers it; whether it has run out already does not matter.
                let _ = Pin::new(&mut timer).poll(context);
                Poll::Ready(())
            })
            .await;
            rung.timer = Some(timer);
            rung.until_ns = now_ns + rung.length_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TICK_NS;

    /// At every yield each timer has half its length left, and so the longest outlasts any delay below that.
    #[test]
    fn every_timer_is_ahead_at_every_yield() {
        let executor = glommio::LocalExecutorBuilder::default().io_memory(0).make().unwrap();
        executor.run(async {
            let mut ladder = Ladder::new();
            let mut now_ns = crate::clock::now_ns();
            for tick in 0..2_000 {
                ladder.renew(now_ns).await;
                for rung in &ladder.rungs {
                    assert!(rung.timer.is_some() && rung.until_ns - now_ns >= rung.length_ns / 2);
                }
                now_ns += TICK_NS * (1 + tick % 3);
            }
            assert!(ladder.rungs.last().unwrap().length_ns / 2 > 3_600_000_000_000);
        });
    }
}
