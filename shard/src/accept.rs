//! The listeners, all served by one shard: it accepts, and others get their share handed over.
//!
//! One acceptor that places on the least loaded shard spreads a few long-lived connections evenly, which a hash over
//! the shards does not.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::limits::{ACCEPT_REST_NS, ACCEPTED_WAITING_MAX};
use crate::ring::{Completion, Ring};
use crate::token::{Kind, Token};

struct Listener {
    socket: OwnedFd,
    armed: bool,
    cancelled: bool,
}

/// The listeners, and the connections that wait for room.
pub(crate) struct Acceptor {
    /// `None` where a listener has been closed.
    listeners: Vec<Option<Listener>>,
    waiting: VecDeque<OwnedFd>,
    rest_until_ns: u64,
    closing: bool,
}

/// What an accept completion means for the turn loop.
pub(crate) enum Accepted {
    /// A connection to place.
    Connection(OwnedFd),
    /// Out of descriptors or memory: accepting rests.
    Exhausted,
    /// Nothing to do.
    Nothing,
}

impl Acceptor {
    pub(crate) fn new(sockets: Vec<OwnedFd>) -> Self {
        let listeners =
            sockets.into_iter().map(|socket| Some(Listener { socket, armed: false, cancelled: false })).collect();
        Self { listeners, waiting: VecDeque::new(), rest_until_ns: 0, closing: false }
    }

    /// A listener has a connection, or its accept ends.
    pub(crate) fn on_accept(&mut self, completion: &Completion, now_ns: u64) -> Accepted {
        if !completion.more()
            && let Some(Some(listener)) = self.listeners.get_mut(completion.token.index() as usize)
        {
            listener.armed = false;
            listener.cancelled = false;
        }
        if completion.result >= 0 {
            // SAFETY: the kernel made this descriptor for us just now, and nobody else knows it.
            return Accepted::Connection(unsafe { OwnedFd::from_raw_fd(completion.result) });
        }
        match -completion.result {
            errno @ (libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS) => {
                let error = std::io::Error::from_raw_os_error(errno);
                tracing::warn!(%error, rest_ms = ACCEPT_REST_NS / 1_000_000, "cannot accept: accepting rests");
                self.rest_until_ns = now_ns + ACCEPT_REST_NS;
                Accepted::Exhausted
            }
            // Cancelled, or the client has gone between its connection and our accept.
            _ => Accepted::Nothing,
        }
    }

    /// Keeps a connection beyond the bound until one closes; too many of these are closed at once.
    pub(crate) fn keep_waiting(&mut self, connection: OwnedFd) {
        if self.waiting.len() < ACCEPTED_WAITING_MAX && !self.closing {
            self.waiting.push_back(connection);
        }
    }

    /// The connection that has waited longest.
    pub(crate) fn take_waiting(&mut self) -> Option<OwnedFd> {
        self.waiting.pop_front()
    }

    /// Whether connections wait for room.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// No more connections: the listeners close when the kernel has given their accepts back.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.waiting.clear();
    }

    /// Whether every listener is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.listeners.iter().all(Option::is_none)
    }

    /// Arms or cancels the accepts, as there is room for so many more connections. A multishot accept takes all that
    /// are queued, so near the bound each listener accepts one at a time.
    pub(crate) fn settle(&mut self, ring: &mut Ring, room: usize, now_ns: u64) {
        let room = room.saturating_sub(self.waiting.len());
        let wanted = room > 0 && now_ns >= self.rest_until_ns && !self.closing;
        for (index, place) in self.listeners.iter_mut().enumerate() {
            let Some(listener) = place else { continue };
            let token = Token::new(Kind::Accept, 0, index as u32);
            if wanted && !listener.armed {
                ring.accept(listener.socket.as_raw_fd(), room > ACCEPTED_WAITING_MAX, token);
                listener.armed = true;
            } else if !wanted && listener.armed && !listener.cancelled {
                ring.cancel(token, Token::new(Kind::CancelAccept, 0, index as u32));
                listener.cancelled = true;
            }
            if self.closing && !listener.armed {
                *place = None;
            }
        }
    }
}
