//! What a connection holds, in bytes, and the buffers that it uses again.

use crate::h2::inbound::Admission;
use crate::limits::{Limits, SPARE_BUFFER_BYTES_MAX, SPARE_BUFFERS_MAX};
use crate::status::{Code, Status};

/// Bytes that are held for the streams of one connection.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Held {
    /// Parts of messages that fit every stream's window.
    unadmitted: usize,
    /// Parts of messages that were admitted.
    admitted: usize,
    /// What the admitted messages will be when they are whole.
    declared: usize,
    /// Buffers of replies that wait for a window.
    waiting: usize,
}

impl Held {
    /// What is held now.
    pub(crate) fn bytes(&self) -> usize {
        self.unadmitted + self.admitted + self.waiting
    }

    /// The same, with admitted messages counted whole.
    pub(crate) fn promised_bytes(&self) -> usize {
        self.unadmitted + self.declared + self.waiting
    }

    /// What the admitted messages will be when they are whole.
    pub(crate) fn declared_bytes(&self) -> usize {
        self.declared
    }

    /// More of a message has come.
    pub(crate) fn assembled(&mut self, admission: Admission, bytes: usize) {
        match admission {
            Admission::Admitted => self.admitted += bytes,
            Admission::NotNeeded | Admission::Waiting => self.unadmitted += bytes,
        }
    }

    /// A message of `total` bytes, of which `held` are here, is admitted.
    pub(crate) fn admit(&mut self, held: usize, total: usize) {
        self.unadmitted -= held;
        self.admitted += held;
        self.declared += total;
    }

    /// A message has gone: delivered or given up.
    pub(crate) fn forget(&mut self, admission: Admission, held: usize, total: usize) {
        match admission {
            Admission::Admitted => {
                self.admitted -= held;
                self.declared -= total;
            }
            Admission::NotNeeded | Admission::Waiting => self.unadmitted -= held,
        }
    }

    /// Reply bytes that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting
    }

    /// Reply bytes begin to wait.
    pub(crate) fn wait(&mut self, bytes: usize) {
        self.waiting += bytes;
    }

    /// Reply bytes wait no longer.
    pub(crate) fn waited(&mut self, bytes: usize) {
        self.waiting -= bytes;
    }

    /// A buffer of waiting reply bytes had `before` bytes and has `after`.
    pub(crate) fn rebuffered(&mut self, before: usize, after: usize) {
        self.waiting = self.waiting - before + after;
    }
}

/// The connection holds as much as it may.
pub(crate) fn buffer_full(limits: &Limits) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "this connection holds as much as limits.connection_buffer_bytes_max ({} bytes) allows",
            limits.connection_buffer_bytes_max
        ),
    )
}

/// Empty buffers of messages that were assembled or had to wait, few and not large.
#[derive(Debug, Default)]
pub(crate) struct Spares(Vec<Vec<u8>>);

impl Spares {
    /// An empty buffer, with memory when one is spare.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < SPARE_BUFFERS_MAX && (1..=SPARE_BUFFER_BYTES_MAX).contains(&buffer.capacity()) {
            buffer.clear();
            self.0.push(buffer);
        }
    }

    /// Gives all of them up.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}
