//! One call's stream: its state (RFC 9113 §5.1) and all that is kept for it.

use crate::h2::flow::{SendWindow, StreamReceiveWindow};
use crate::h2::inbound::Inbound;
use crate::h2::outbound::Outbound;
use crate::h2::server::head::Encoding;
use crate::method::MethodId;

/// The state of a stream that a client has opened, as the server sees it.
///
/// ```text
///            HEADERS              END_STREAM received
///   (idle) ----------> Open -------------------------> HalfClosedRemote
///                        |                                    |
///                        | END_STREAM sent,                   | END_STREAM sent
///                        | then RST_STREAM(NO_ERROR)          |
///                        v                                    v
///                     (closed) <------------------------- (closed)
///                        RST_STREAM sent or received, in any state
/// ```
///
/// Idle and closed streams are not kept: an identifier above the last one seen is idle, any other that is not in the
/// table is closed. "Half-closed (local)" does not last, because a call that is answered before its request has ended
/// is reset at once with NO_ERROR (§8.1), which asks the client to stop sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Both sides may send.
    Open,
    /// The request has ended; only the answer is missing.
    HalfClosedRemote,
}

/// What ends a stream on our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// END_STREAM says it all.
    Done,
    /// The client still sends: RST_STREAM(NO_ERROR) follows.
    ResetToo,
}

impl State {
    /// The request of a new stream, which may have ended with its HEADERS.
    pub(crate) fn new(end_stream: bool) -> Self {
        if end_stream { Self::HalfClosedRemote } else { Self::Open }
    }

    /// Whether DATA and trailers may still come.
    pub(crate) fn is_receiving(self) -> bool {
        self == Self::Open
    }

    /// END_STREAM was received.
    pub(crate) fn end_received(&mut self) {
        debug_assert!(self.is_receiving(), "frames after END_STREAM are refused first");
        *self = Self::HalfClosedRemote;
    }

    /// END_STREAM was sent.
    pub(crate) fn end_sent(self) -> Close {
        match self {
            Self::Open => Close::ResetToo,
            Self::HalfClosedRemote => Close::Done,
        }
    }
}

/// What is kept for an open stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The identifier; 0 marks a free slot.
    pub(crate) id: u32,
    pub(crate) state: State,
    pub(crate) method: MethodId,
    /// Whether the method has a client stream.
    pub(crate) is_client_streaming: bool,
    /// Whether the application has heard of the call.
    pub(crate) is_announced: bool,
    /// The request is complete and waits until there is room for its reply.
    pub(crate) is_parked: bool,
    /// The answer is complete, only not sent yet: what the client still sends is dropped.
    pub(crate) is_answered: bool,
    /// What the request said of encodings.
    pub(crate) encoding: Encoding,
    pub(crate) deadline_ns: Option<u64>,
    /// What a `content-length` still promises.
    pub(crate) content_bytes_left: Option<u64>,
    pub(crate) receive_window: StreamReceiveWindow,
    pub(crate) send_window: SendWindow,
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
}

/// A call that has come whole and is not answered yet: what a [`Stream`] in its state has beside defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh {
    pub(crate) id: u32,
    pub(crate) method: MethodId,
    pub(crate) encoding: Encoding,
    pub(crate) deadline_ns: Option<u64>,
    pub(crate) send_window: SendWindow,
}

/// A call whose HEADERS have come and nothing else: what a [`Stream`] in its state has beside defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) call: Fresh,
    /// What a `content-length` promises.
    pub(crate) content_bytes: Option<u64>,
    pub(crate) receive_window: StreamReceiveWindow,
}

impl From<Begun> for Stream {
    fn from(begun: Begun) -> Self {
        Self {
            state: State::Open,
            is_announced: false,
            content_bytes_left: begun.content_bytes,
            receive_window: begun.receive_window,
            ..Self::from(begun.call)
        }
    }
}

impl From<Fresh> for Stream {
    fn from(fresh: Fresh) -> Self {
        Self {
            id: fresh.id,
            state: State::HalfClosedRemote,
            method: fresh.method,
            is_client_streaming: false,
            is_announced: true,
            is_parked: false,
            is_answered: false,
            encoding: fresh.encoding,
            deadline_ns: fresh.deadline_ns,
            content_bytes_left: None,
            // Nothing more may come, however wide it is.
            receive_window: StreamReceiveWindow::new(0),
            send_window: fresh.send_window,
            inbound: Inbound::default(),
            outbound: Outbound::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_before_the_request_has_ended_resets_the_rest() {
        let mut state = State::new(false);
        assert!(state.is_receiving());
        assert_eq!(state.end_sent(), Close::ResetToo);
        state.end_received();
        assert!(!state.is_receiving());
        assert_eq!(state.end_sent(), Close::Done);
        assert_eq!(State::new(true), State::HalfClosedRemote);
    }
}
