//! The memory account of one store: bytes are counted before they are allocated, so the bound holds at all times.

/// Bytes that the system's allocator adds to an allocation, roughly.
pub(super) const ALLOCATION_BYTES: usize = 16;

/// Why a write found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortage {
    /// The memory bound stands in the way.
    Memory,
    /// Too many keys share one place of the table; more memory would not help.
    Crowded,
}

/// Bytes held, and the bound on them.
#[derive(Debug)]
pub(super) struct Budget {
    used_bytes: usize,
    bytes_max: usize,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { used_bytes: 0, bytes_max }
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
}

/// Makes sure that the next push to `list` needs no memory; a full one doubles, for which both must fit a moment.
pub(super) fn reserve_one<T>(list: &mut Vec<T>, budget: &mut Budget) -> Result<(), Shortage> {
    if list.len() < list.capacity() {
        return Ok(());
    }
    let (old, more) = (list.capacity(), list.capacity().max(4));
    budget.take((old + more) * size_of::<T>() + ALLOCATION_BYTES)?;
    list.reserve_exact(more);
    budget.give(old * size_of::<T>() + if old == 0 { 0 } else { ALLOCATION_BYTES });
    Ok(())
}
