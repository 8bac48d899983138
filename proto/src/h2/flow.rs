//! Window arithmetic of RFC 9113 §5.2 and §6.9: what we may send, and what we have allowed the peer to send.
//!
//! It only counts. Who is granted how much is decided where messages are assembled (`inbound.rs`), and what waits for a
//! window is sent by `transmit.rs`.

/// The largest flow-control window (RFC 9113 §6.9.1).
pub(crate) const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;
/// The window that both sides begin with (RFC 9113 §6.9.2).
pub(crate) const INITIAL_WINDOW_BYTES: u32 = 65_535;

/// A window would exceed [`WINDOW_BYTES_MAX`], or a peer has sent more than it was allowed: FLOW_CONTROL_ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowError;

/// What we may still send; negative after the peer has shrunk its initial window under a stream in use (RFC 9113
/// §6.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendWindow(i32);

impl SendWindow {
    /// A window of `bytes`, at most [`WINDOW_BYTES_MAX`].
    pub(crate) fn new(bytes: u32) -> Self {
        Self(i32::try_from(bytes.min(WINDOW_BYTES_MAX)).expect("the largest window fits 31 bits"))
    }

    /// Bytes that may be sent now.
    pub(crate) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// Counts `bytes` as sent; the caller has asked [`Self::available`] first.
    pub(crate) fn take(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.available(), "more was sent than the window allows");
        self.0 -= i32::try_from(bytes).unwrap_or(i32::MAX);
    }

    /// A WINDOW_UPDATE of `bytes`.
    pub(crate) fn grow(&mut self, bytes: u32) -> Result<(), WindowError> {
        self.shift(i64::from(bytes))
    }

    /// A change of SETTINGS_INITIAL_WINDOW_SIZE by `difference`; the window may go negative, but not too high.
    pub(crate) fn shift(&mut self, difference: i64) -> Result<(), WindowError> {
        self.0 = i32::try_from(i64::from(self.0) + difference).map_err(|_| WindowError)?;
        Ok(())
    }
}

/// What the peer may still send on the whole connection, and what of it has been read since the last grant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceiveWindow {
    size: u32,
    available: u32,
    consumed: u32,
}

impl ReceiveWindow {
    /// A window that is to have `size` bytes; the peer knows of [`INITIAL_WINDOW_BYTES`] until [`Self::open`].
    pub(crate) fn new(size: u32) -> Self {
        Self { size: size.clamp(INITIAL_WINDOW_BYTES, WINDOW_BYTES_MAX), available: INITIAL_WINDOW_BYTES, consumed: 0 }
    }

    /// The first grant, which lifts the protocol's initial window to ours; 0: none needed.
    pub(crate) fn open(&mut self) -> u32 {
        let grant = self.size - self.available;
        self.available = self.size;
        grant
    }

    /// The peer has sent a DATA payload of `bytes`, padding included. Returns the grant that is due: nothing until half
    /// of the window has been used, so that a grant is one small frame for many.
    pub(crate) fn receive(&mut self, bytes: u32) -> Result<Option<u32>, WindowError> {
        self.available = self.available.checked_sub(bytes).ok_or(WindowError)?;
        self.consumed += bytes;
        if self.consumed < self.size / 2 {
            return Ok(None);
        }
        let grant = std::mem::take(&mut self.consumed);
        self.available += grant;
        Ok(Some(grant))
    }

    /// Whether a payload of `bytes` fits the window and makes no grant due.
    #[inline]
    pub(crate) fn is_silent(&self, bytes: u32) -> bool {
        bytes <= self.available && self.consumed + bytes < self.size / 2
    }

    /// [`Self::receive`] for such a payload.
    #[inline]
    pub(crate) fn receive_silently(&mut self, bytes: u32) {
        debug_assert!(self.is_silent(bytes));
        self.available -= bytes;
        self.consumed += bytes;
    }
}

/// What the peer may still send on one stream; negative while our smaller initial window has reached it only after the
/// larger one was used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamReceiveWindow(i64);

impl StreamReceiveWindow {
    /// A window of `bytes`.
    pub(crate) fn new(bytes: u32) -> Self {
        Self(i64::from(bytes))
    }

    /// Bytes that the peer may send now.
    pub(crate) fn available(self) -> i64 {
        self.0
    }

    /// The peer has sent a DATA payload of `bytes`, padding included.
    pub(crate) fn receive(&mut self, bytes: u32) -> Result<(), WindowError> {
        let left = self.0 - i64::from(bytes);
        if bytes > 0 && left < 0 {
            return Err(WindowError);
        }
        self.0 = left;
        Ok(())
    }

    /// Lifts the window to `target` bytes and returns what has to be granted for that; at most the largest window.
    pub(crate) fn raise_to(&mut self, target: i64) -> u32 {
        let target = target.min(i64::from(WINDOW_BYTES_MAX));
        let grant = u32::try_from((target - self.0).clamp(0, i64::from(WINDOW_BYTES_MAX))).unwrap_or(0);
        self.0 += i64::from(grant);
        grant
    }

    /// Our SETTINGS_INITIAL_WINDOW_SIZE, `difference` above the former one, has been acknowledged.
    pub(crate) fn shift(&mut self, difference: i64) {
        self.0 += difference;
    }
}

#[cfg(test)]
mod tests;
