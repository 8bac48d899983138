//! The memory account of one store: bytes are counted before they are allocated, so the bound holds at all times.

/// Bytes that the system's allocator adds to an allocation, roughly.
pub(super) const ALLOCATION_BYTES: usize = 16;

/// Why a write found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortage {
    /// The memory bound stands in the way.
    Memory,
    /// This namespace's own bound stands in the way.
    Namespace(u16),
    /// Too many keys share one place of the table; more memory would not help.
    Crowded,
}

/// What belongs to one namespace alone, and its own bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    used_bytes: usize,
    bytes_max: usize,
}

/// Bytes held, and the bound on them.
#[derive(Debug)]
pub(super) struct Budget {
    used_bytes: usize,
    bytes_max: usize,
    shares: Vec<Share>,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { used_bytes: 0, bytes_max, shares: Vec::new() }
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Whether `bytes` would fit once `released_bytes` are given back.
    pub(super) fn allows(&self, bytes: usize, released_bytes: usize) -> bool {
        bytes <= self.bytes_max.saturating_sub(self.used_bytes - released_bytes)
    }

    /// Bytes that may still be taken.
    pub(super) fn room_bytes(&self) -> usize {
        self.bytes_max - self.used_bytes.min(self.bytes_max)
    }

    /// Lowers the bound, so that at most `room_bytes` more can be taken; returns it as it was, for [`Self::widen`].
    pub(super) fn narrow(&mut self, room_bytes: usize) -> usize {
        let narrowed = self.bytes_max.min(self.used_bytes.saturating_add(room_bytes));
        std::mem::replace(&mut self.bytes_max, narrowed)
    }

    /// Sets the bound again that was in force before [`Self::narrow`].
    pub(super) fn widen(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Counts `bytes` that are about to be allocated.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Shortage> {
        if !self.allows(bytes, 0) {
            return Err(Shortage::Memory);
        }
        self.used_bytes += bytes;
        Ok(())
    }

    /// Counts `bytes` that were freed.
    pub(super) fn give(&mut self, bytes: usize) {
        self.used_bytes -= bytes;
    }

    /// There is one namespace more, without a bound of its own.
    pub(super) fn add_share(&mut self) {
        // A bound too small for this leaves room for nothing, and every write will say so.
        let _ = self.take(size_of::<Share>());
        self.shares.push(Share { used_bytes: 0, bytes_max: usize::MAX });
    }

    /// Sets a namespace's own bound. One that holds more keeps it, and may take nothing until it holds less.
    pub(super) fn bound_share(&mut self, namespace: u16, bytes_max: usize) {
        if let Some(share) = self.shares.get_mut(usize::from(namespace)) {
            share.bytes_max = bytes_max;
        }
    }

    /// A namespace's own bound.
    pub(super) fn share_bytes_max(&self, namespace: u16) -> usize {
        self.shares.get(usize::from(namespace)).map_or(usize::MAX, |share| share.bytes_max)
    }

    /// What belongs to a namespace alone.
    pub(super) fn share_used_bytes(&self, namespace: u16) -> usize {
        self.shares.get(usize::from(namespace)).map_or(0, |share| share.used_bytes)
    }

    /// Bytes that a namespace may still be charged for, within its own bound.
    pub(super) fn share_room_bytes(&self, namespace: u16) -> usize {
        self.share_bytes_max(namespace).saturating_sub(self.share_used_bytes(namespace))
    }

    /// Whether a namespace may be charged for `bytes` once `released_bytes` are credited.
    pub(super) fn share_allows(&self, namespace: u16, bytes: usize, released_bytes: usize) -> bool {
        let rest_bytes = self.share_used_bytes(namespace).saturating_sub(released_bytes);
        bytes <= self.share_bytes_max(namespace).saturating_sub(rest_bytes)
    }

    /// Counts `bytes` for a namespace, beside what counts for the store.
    pub(super) fn charge(&mut self, namespace: u16, bytes: usize) -> Result<(), Shortage> {
        self.charge_instead(namespace, bytes, 0)
    }

    /// The same instead of `released_bytes` that it was charged for.
    pub(super) fn charge_instead(
        &mut self,
        namespace: u16,
        bytes: usize,
        released_bytes: usize,
    ) -> Result<(), Shortage> {
        let Some(share) = self.shares.get_mut(usize::from(namespace)) else { return Ok(()) };
        let rest_bytes = share.used_bytes - released_bytes;
        // What does not grow is let in even above a bound that was lowered.
        if bytes > released_bytes && bytes > share.bytes_max.saturating_sub(rest_bytes) {
            return Err(Shortage::Namespace(namespace));
        }
        share.used_bytes = rest_bytes + bytes;
        Ok(())
    }

    /// Takes back what [`Self::charge`] has counted.
    pub(super) fn credit(&mut self, namespace: u16, bytes: usize) {
        if let Some(share) = self.shares.get_mut(usize::from(namespace)) {
            share.used_bytes -= bytes;
        }
    }

    /// Charges a namespace for what `act` takes; not when it fails.
    pub(super) fn charged<T>(
        &mut self,
        namespace: u16,
        bytes: usize,
        act: impl FnOnce(&mut Self) -> Result<T, Shortage>,
    ) -> Result<T, Shortage> {
        self.charge(namespace, bytes)?;
        let outcome = act(self);
        if outcome.is_err() {
            self.credit(namespace, bytes);
        }
        outcome
    }

    /// Lets `act` take memory within both bounds, and charges the namespace for what it took.
    pub(super) fn shared<T>(
        &mut self,
        namespace: u16,
        act: impl FnOnce(&mut Self) -> Result<T, Shortage>,
    ) -> Result<T, Shortage> {
        let (room_bytes, before) = (self.share_room_bytes(namespace), self.used_bytes);
        let is_tighter = room_bytes < self.room_bytes();
        let bytes_max = self.narrow(room_bytes);
        let outcome = act(self);
        self.widen(bytes_max);
        if let Some(share) = self.shares.get_mut(usize::from(namespace)) {
            share.used_bytes += self.used_bytes - before;
        }
        match outcome {
            Err(Shortage::Memory) if is_tighter => Err(Shortage::Namespace(namespace)),
            outcome => outcome,
        }
    }
}

/// Makes sure that the next push to `list` needs no memory; a full one doubles, for which both must fit a moment.
pub(super) fn reserve_one<T>(list: &mut Vec<T>, budget: &mut Budget) -> Result<(), Shortage> {
    let taken = (list.len(), list.capacity());
    reserve_one_of(taken, size_of::<T>(), budget, |more| list.reserve_exact(more))
}

/// The same of any list, of which length and capacity are known, and how it is made longer.
pub(super) fn reserve_one_of(
    (length, capacity): (usize, usize),
    each_bytes: usize,
    budget: &mut Budget,
    reserve: impl FnOnce(usize),
) -> Result<(), Shortage> {
    if length < capacity {
        return Ok(());
    }
    let more = capacity.max(4);
    budget.take((capacity + more) * each_bytes + ALLOCATION_BYTES)?;
    reserve(more);
    budget.give(capacity * each_bytes + if capacity == 0 { 0 } else { ALLOCATION_BYTES });
    Ok(())
}
