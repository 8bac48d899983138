//! What an operation's completion belongs to, packed into the ring's 64 bits of user data.
//!
//! `kind` in the top 8 bits, the low 24 bits of the slot's generation, the slot's index in 32.

/// The kind of operation that a completion answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Another shard's message: look at your inboxes.
    Wake = 1,
    /// Our message to another shard failed; the index is that shard.
    WakeFailed = 2,
    /// The read of this shard's eventfd: the same for threads that have no ring.
    Doorbell = 3,
    /// A multishot accept; the index is the listener.
    Accept = 4,
    /// A multishot receive of a peer.
    Receive = 5,
    /// A send of a peer.
    Send = 6,
    /// A cancellation on behalf of a peer.
    Cancel = 7,
    /// A cancellation that nobody waits for.
    CancelAccept = 8,
    /// A multishot receive of a peer, into long buffers.
    ReceiveLong = 9,
}

/// A kind, a generation and an index as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u64);

const GENERATION_BITS: u32 = 24;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

impl Token {
    pub(crate) fn new(kind: Kind, generation: u32, index: u32) -> Self {
        Self(u64::from(kind as u8) << 56 | u64::from(generation & GENERATION_MASK) << 32 | u64::from(index))
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// `None` for a number that no token has.
    pub(crate) fn kind(self) -> Option<Kind> {
        use Kind::{Accept, Cancel, CancelAccept, Doorbell, Receive, ReceiveLong, Send, Wake, WakeFailed};
        [Wake, WakeFailed, Doorbell, Accept, Receive, Send, Cancel, CancelAccept, ReceiveLong]
            .get(((self.0 >> 56) as usize).wrapping_sub(1))
            .copied()
    }

    pub(crate) fn index(self) -> u32 {
        (self.0 & u64::from(u32::MAX)) as u32
    }

    /// Whether the token was made for this generation, as far as its bits can tell.
    pub(crate) fn is_of(self, generation: u32) -> bool {
        (self.0 >> 32) as u32 & GENERATION_MASK == generation & GENERATION_MASK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_come_back() {
        let kinds = [
            Kind::Wake,
            Kind::WakeFailed,
            Kind::Doorbell,
            Kind::Accept,
            Kind::Receive,
            Kind::Send,
            Kind::Cancel,
            Kind::CancelAccept,
            Kind::ReceiveLong,
        ];
        for kind in kinds {
            for (generation, index) in [(0, 0), (1, u32::MAX), (u32::MAX, 7), (0x0123_4567, 0x89ab_cdef)] {
                let token = Token::from_bits(Token::new(kind, generation, index).to_bits());
                assert_eq!((token.kind(), token.index()), (Some(kind), index));
                assert!(token.is_of(generation) && !token.is_of(generation.wrapping_add(1)));
            }
        }
        assert_eq!((Token::from_bits(0).kind(), Token::from_bits(u64::MAX).kind()), (None, None));
    }
}
