//! Whether a shard sleeps, and who has to wake it: the flag that keeps a push from being missed.
//!
//! The sleeper says "I sleep" and then looks at its inboxes once more; the pusher publishes and then looks whether
//! the other sleeps. A full fence on both sides makes it impossible that both look too early. Of several pushers one
//! alone gets the answer that it must ring. Every change of the flag is a swap, so that all changes have one order
//! for everybody.

use crate::sync::{AtomicBool, Ordering, fence};

/// The flag of one shard.
#[derive(Debug)]
pub(crate) struct Bell {
    parked: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { parked: AtomicBool::new(false) }
    }

    /// Announces sleep. The caller must look at all its inboxes after this and before it sleeps.
    #[inline]
    pub(crate) fn park(&self) {
        self.parked.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// Announces that the shard is awake, whatever woke it.
    #[inline]
    pub(crate) fn unpark(&self) {
        self.parked.swap(false, Ordering::AcqRel);
    }

    /// Whether the caller, who published something before this, must wake the shard.
    #[inline]
    pub(crate) fn must_ring(&self) -> bool {
        fence(Ordering::SeqCst);
        self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel)
    }
}
