//! One socket with its machine: which operations are with the kernel, and what is to be done next.

use std::os::fd::OwnedFd;

/// Names a peer of one shard; a peer that is gone is not found by it, whoever has its place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerId(u64);

impl PeerId {
    pub(crate) fn new(index: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(index))
    }

    /// The id as a number, for parcels and logs.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The id that [`PeerId::to_bits`] gave; any other number names no peer or another one.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn index(self) -> u32 {
        (self.0 & u64::from(u32::MAX)) as u32
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Where a peer stands.
///
/// ```text
///          accepted, adopted
/// Vacant ───────────────────► Open ── end of input ──► Ending
///   ▲                          │ │                        │
///   │                 finished,│ │error, close()          │all sent, error, close()
///   │                  all sent│ │                        │
///   │                          ▼ └──────────┐             │
///   │                      Lingering        │             │
///   │                          │ end of input, error,     │
///   │                          ▼ time out   ▼             ▼
///   └──── nothing with the kernel ────── Closing ◄────────┘
/// ```
/// The application is told when a peer leaves Open or Ending for Lingering or Closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody is here.
    Vacant,
    /// It is read and written.
    Open,
    /// The other side has stopped sending; what we have is still sent.
    Ending,
    /// We have sent everything and said so; what comes in is thrown away until the other side closes.
    Lingering,
    /// The kernel gives its operations back; then the socket is closed.
    Closing,
}

/// The place of one peer. It holds output only while that is being sent.
pub(crate) struct Slot<M> {
    pub(crate) generation: u32,
    pub(crate) phase: Phase,
    /// There unless vacant.
    pub(crate) socket: Option<OwnedFd>,
    /// There while open or ending, but for the moment in which the application makes it.
    pub(crate) machine: Option<M>,
    /// The bytes that the kernel has for sending; not to be touched while `send_armed`.
    pub(crate) sending: Vec<u8>,
    /// How many of them are sent.
    pub(crate) sent: usize,
    /// Cancellations whose completion has not come.
    pub(crate) cancels: u8,
    pub(crate) receive_armed: bool,
    pub(crate) receive_cancelled: bool,
    /// It is to be read into long buffers, and the receive that is armed does so.
    pub(crate) is_long: bool,
    pub(crate) is_armed_long: bool,
    pub(crate) send_armed: bool,
    /// All operations of the socket have been cancelled.
    pub(crate) all_cancelled: bool,
    /// It is in the list of peers to look at, at the end of the turn.
    pub(crate) dirty: bool,
    pub(crate) paused_by_application: bool,
    pub(crate) paused_by_output: bool,
    /// The application goes on with it in the next turn.
    pub(crate) to_call_again: bool,
    /// It counts as a connection of this shard.
    pub(crate) accepted: bool,
}

impl<M> Slot<M> {
    pub(crate) fn vacant() -> Self {
        Self {
            generation: 0,
            phase: Phase::Vacant,
            socket: None,
            machine: None,
            sending: Vec::new(),
            sent: 0,
            cancels: 0,
            receive_armed: false,
            receive_cancelled: false,
            is_long: false,
            is_armed_long: false,
            send_armed: false,
            all_cancelled: false,
            dirty: false,
            paused_by_application: false,
            paused_by_output: false,
            to_call_again: false,
            accepted: false,
        }
    }

    /// Whether it is open or ending.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Ending)
    }

    /// Whether the kernel has operations of this socket.
    pub(crate) fn is_armed(&self) -> bool {
        self.receive_armed || self.send_armed || self.cancels > 0
    }

    /// Whether bytes are wanted from the socket.
    pub(crate) fn wants_input(&self) -> bool {
        match self.phase {
            Phase::Open => !self.paused_by_application && !self.paused_by_output,
            Phase::Lingering => true,
            Phase::Vacant | Phase::Ending | Phase::Closing => false,
        }
    }
}

const _: () = {
    // With the machine, an idle connection stays far below 2 KiB in this crate.
    assert!(size_of::<Slot<()>>() <= 128);
};
