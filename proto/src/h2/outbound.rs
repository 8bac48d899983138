//! What a stream has yet to send: message bytes that wait for a window, and how it will end.

use crate::status::Status;

/// How a stream ends once nothing waits any more.
#[derive(Debug, Default)]
pub(crate) enum Ending {
    /// Not known yet.
    #[default]
    Open,
    /// Status OK and no other trailer.
    Ok,
    /// Anything else, kept until what waits has gone.
    Trailers(Box<Trailers>),
}

/// A status and the application's trailers.
#[derive(Debug)]
pub(crate) struct Trailers {
    pub(crate) status: Status,
    pub(crate) metadata: Vec<(String, String)>,
}

/// Bytes that have gone which are not worth moving the rest for.
const FORGET_BYTES_MIN: usize = 1 << 10;

/// The sending half of a stream.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    waiting: Vec<u8>,
    /// Bytes of `waiting` that have gone.
    sent: usize,
    pub(crate) ending: Ending,
    /// The response headers are out.
    pub(crate) has_headers: bool,
    /// The stream stands in the connection's queue.
    pub(crate) is_queued: bool,
    /// The application has been told that nothing may be sent, and wants to hear when that changes.
    pub(crate) is_starved: bool,
    /// It stands in the line of those that wait for the connection's window, or for room, to be told.
    pub(crate) is_in_line: bool,
}

impl Outbound {
    /// Bytes that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.len() - self.sent
    }

    /// Bytes that the buffer of what waits takes, those included that have gone.
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.waiting.len()
    }

    /// The memory of that buffer.
    #[cfg(test)]
    pub(crate) fn buffer_capacity(&self) -> usize {
        self.waiting.capacity()
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.waiting[self.sent..]
    }

    /// The buffer that what has to wait is appended to.
    pub(crate) fn waiting_mut(&mut self) -> &mut Vec<u8> {
        // A stream that is never quite empty must not keep what has long gone.
        if self.sent > self.waiting.len() / 2 {
            self.forget_sent();
        }
        &mut self.waiting
    }

    /// Whether the buffer has yet to be given.
    pub(crate) fn lacks_buffer(&self) -> bool {
        self.waiting.capacity() == 0
    }

    /// The first `bytes` of what waited have gone. Returns the buffer once it is empty.
    pub(crate) fn consume(&mut self, bytes: usize) -> Option<Vec<u8>> {
        self.sent += bytes;
        if self.sent < self.waiting.len() {
            // Whoever leaves a window one byte short must not hold the memory of a whole message.
            if self.sent > self.waiting.len() / 2 && self.sent > FORGET_BYTES_MIN {
                self.forget_sent();
                self.waiting.shrink_to_fit();
            }
            return None;
        }
        Some(self.take())
    }

    fn forget_sent(&mut self) {
        self.waiting.drain(..self.sent);
        self.sent = 0;
    }

    /// Gives up what waits; the emptied buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.sent = 0;
        let mut buffer = std::mem::take(&mut self.waiting);
        buffer.clear();
        buffer
    }
}
