//! One message as it arrives: the five bytes of its prefix, then its bytes, cut anywhere.
//!
//! Memory follows what has come, not what the prefix promises.

use crate::grpc::Prefix;
use crate::grpc::prefix::PREFIX_BYTES;
use crate::limits::{BUFFER_AHEAD_MAX, LARGE_MESSAGE_BYTES, LARGE_MESSAGE_SPARE_BYTES, Limits};
use crate::status::{Code, Status};

/// Why a message is refused; the call fails and the connection lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The flag byte is neither 0 nor 1.
    InvalidFlag(u8),
    /// Compressed, although no encoding was agreed upon.
    Compressed,
    /// Compressed, but not with the encoding that was agreed upon.
    Corrupt,
    /// Compressed, and its content is longer than `limits.message_bytes_max`.
    InflatedTooLong,
    /// Longer than `limits.message_bytes_max`.
    TooLong(u32),
}

impl Refusal {
    /// The status that ends the call.
    pub(crate) fn status(self, limits: &Limits) -> Status {
        match self {
            Self::InvalidFlag(flag) => {
                Status::new(Code::Internal, format!("the compressed flag of a message is {flag}, neither 0 nor 1"))
            }
            Self::Corrupt => Status::new(Code::Internal, "a compressed message is not one whole gzip stream"),
            Self::InflatedTooLong => Status::new(
                Code::ResourceExhausted,
                format!(
                    "a message inflates to more than limits.message_bytes_max ({} bytes)",
                    limits.message_bytes_max
                ),
            ),
            Self::Compressed => Status::new(Code::Internal, "a compressed message without grpc-encoding"),
            Self::TooLong(bytes) => Status::new(
                Code::ResourceExhausted,
                format!(
                    "a message of {bytes} bytes is longer than limits.message_bytes_max ({} bytes)",
                    limits.message_bytes_max
                ),
            ),
        }
    }
}

/// How far a message larger than the stream's window may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Admission {
    /// It fits the window that every stream has.
    #[default]
    NotNeeded,
    /// It waits until there is room for its declared length.
    Waiting,
    /// There is room.
    Admitted,
}

/// How far a message had come at a time; the default is that nobody has looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) at_ns: u64,
    pub(crate) bytes: usize,
}

/// The message that is being received on a stream.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    prefix: [u8; PREFIX_BYTES],
    prefix_bytes: u8,
    length: usize,
    bytes: Vec<u8>,
    /// Whether messages may be compressed.
    takes_compressed: bool,
    pub(crate) admission: Admission,
    /// When and how far this message was found to have come on; set once others wait for its room.
    pub(crate) mark: Mark,
}

/// Checks a prefix; the length of the message, as it is sent.
#[inline]
fn check(prefix: &[u8; PREFIX_BYTES], takes_compressed: bool, message_bytes_max: usize) -> Result<usize, Refusal> {
    let prefix = Prefix::parse(prefix).map_err(|error| Refusal::InvalidFlag(error.0))?;
    if prefix.compressed && !takes_compressed {
        return Err(Refusal::Compressed);
    }
    if prefix.length as usize > message_bytes_max {
        return Err(Refusal::TooLong(prefix.length));
    }
    Ok(prefix.length as usize)
}

/// The message at the beginning of `bytes`, when all of it is there. One that is compressed is refused.
#[inline]
pub(crate) fn whole(bytes: &[u8], message_bytes_max: usize) -> Result<Option<&[u8]>, Refusal> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    Ok(rest.get(..check(prefix, false, message_bytes_max)?))
}

impl Inbound {
    /// Nothing has come; whether messages may be compressed.
    pub(crate) fn new(takes_compressed: bool) -> Self {
        Self { takes_compressed, ..Self::default() }
    }

    /// Whether messages may be compressed.
    pub(crate) fn takes_compressed(&self) -> bool {
        self.takes_compressed
    }

    /// Whether this message is compressed, as far as is known.
    pub(crate) fn is_compressed(&self) -> bool {
        self.has_prefix() && self.prefix[0] == 1
    }

    /// Whether nothing of a message has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.prefix_bytes == 0
    }

    /// Whether a whole message is here.
    pub(crate) fn is_complete(&self) -> bool {
        self.has_prefix() && self.bytes.len() == self.length
    }

    /// Bytes that are held.
    pub(crate) fn held_bytes(&self) -> usize {
        usize::from(self.prefix_bytes) + self.bytes.len()
    }

    /// Bytes that the message still lacks, as far as is known.
    pub(crate) fn missing_bytes(&self) -> usize {
        if self.has_prefix() { self.length - self.bytes.len() } else { PREFIX_BYTES - usize::from(self.prefix_bytes) }
    }

    /// Bytes of the whole, prefix included, as far as is known.
    pub(crate) fn total_bytes(&self) -> usize {
        PREFIX_BYTES + self.length
    }

    /// Whether the buffer for the message's bytes has yet to be given.
    pub(crate) fn lacks_buffer(&self) -> bool {
        self.bytes.capacity() == 0
    }

    /// Gives an empty buffer.
    pub(crate) fn provide(&mut self, buffer: Vec<u8>) {
        debug_assert!(buffer.is_empty() && self.bytes.is_empty());
        self.bytes = buffer;
    }

    /// The buffer that the whole message needs, when there is room for all of it and `bytes` more of it do not fit its
    /// own.
    #[inline]
    pub(crate) fn outgrows(&self, bytes: usize) -> Option<usize> {
        let after = self.bytes.len() + bytes.min(self.missing_bytes());
        (self.admission == Admission::Admitted && after > self.bytes.capacity()).then_some(self.whole_buffer_bytes())
    }

    /// The buffer for all of the message.
    fn whole_buffer_bytes(&self) -> usize {
        self.length + if self.length < LARGE_MESSAGE_BYTES { 0 } else { LARGE_MESSAGE_SPARE_BYTES }
    }

    /// Goes on in another buffer, which is empty; the one that it had.
    pub(crate) fn move_to(&mut self, mut buffer: Vec<u8>) -> Vec<u8> {
        buffer.extend_from_slice(&self.bytes);
        std::mem::replace(&mut self.bytes, buffer)
    }

    /// Takes what belongs to this message from the beginning of `bytes`; how much that was.
    pub(crate) fn absorb(&mut self, bytes: &[u8], message_bytes_max: usize) -> Result<usize, Refusal> {
        let mut rest = bytes;
        if !self.has_prefix() {
            let present = usize::from(self.prefix_bytes);
            let (part, behind) = rest.split_at(rest.len().min(PREFIX_BYTES - present));
            self.prefix[present..present + part.len()].copy_from_slice(part);
            self.prefix_bytes += part.len() as u8;
            rest = behind;
            if !self.has_prefix() {
                return Ok(bytes.len());
            }
            self.length = check(&self.prefix, self.takes_compressed, message_bytes_max)?;
        }
        let part = &rest[..rest.len().min(self.length - self.bytes.len())];
        self.reserve(part.len());
        self.bytes.extend_from_slice(part);
        Ok(bytes.len() - rest.len() + part.len())
    }

    /// The whole message as it was sent; the next one may begin.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.bytes);
        *self = Self::new(self.takes_compressed);
        bytes
    }

    fn has_prefix(&self) -> bool {
        usize::from(self.prefix_bytes) == PREFIX_BYTES
    }

    /// Doubles the buffer as bytes come, but never beyond the message. An admitted one, which is counted whole, gets
    /// all that it needs once a good part of it has come.
    fn reserve(&mut self, bytes: usize) {
        let needed = self.bytes.len() + bytes;
        if needed > self.bytes.capacity() {
            let is_admitted = self.admission == Admission::Admitted;
            let whole = if is_admitted { self.whole_buffer_bytes() } else { self.length };
            let is_ahead = is_admitted && needed >= whole.div_ceil(BUFFER_AHEAD_MAX);
            let ahead = if is_ahead { whole } else { self.bytes.capacity() * 2 };
            let capacity = needed.max(ahead.min(whole));
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cut_anywhere_is_whole_again() {
        let bytes = [&[0, 0, 0, 0, 4][..], b"abcd", &[0, 0, 0, 0, 0]].concat();
        for cut in 0..=bytes.len() {
            let (mut messages, mut inbound) = (Vec::new(), Inbound::default());
            for mut part in [&bytes[..cut], &bytes[cut..]] {
                while !part.is_empty() {
                    let taken = inbound.absorb(part, 4).expect("well formed");
                    part = &part[taken..];
                    if inbound.is_complete() {
                        messages.push(inbound.take());
                    }
                }
            }
            assert_eq!(messages, [b"abcd".to_vec(), Vec::new()], "cut at {cut}");
            assert!(inbound.is_empty());
        }
    }

    #[test]
    fn the_prefix_alone_refuses_a_message() {
        let mut inbound = Inbound::default();
        assert_eq!(inbound.absorb(&[0, 0, 0, 0], 4), Ok(4));
        assert_eq!(inbound.missing_bytes(), 1);
        assert_eq!(inbound.absorb(&[5], 4), Err(Refusal::TooLong(5)));
        assert_eq!(Inbound::default().absorb(&[2, 0, 0, 0, 0], 4), Err(Refusal::InvalidFlag(2)));
        assert_eq!(whole(&[1, 0, 0, 0, 0], 4), Err(Refusal::Compressed));
        assert_eq!(whole(&[0, 0, 0, 0, 1], 4), Ok(None));
    }

    #[test]
    fn memory_follows_what_has_come() {
        let mut inbound = Inbound::default();
        inbound.absorb(&[0, 0, 0x40, 0, 0, 1, 2, 3], 4 << 20).expect("well formed");
        assert!(inbound.bytes.capacity() < 64, "{}", inbound.bytes.capacity());
        assert_eq!((inbound.held_bytes(), inbound.total_bytes()), (8, (4 << 20) + 5));
    }
    #[test]
    fn an_admitted_message_gets_its_whole_buffer_after_an_eighth() {
        let part = [1; 16 << 10];
        let mut inbound = Inbound { admission: Admission::Admitted, ..Inbound::default() };
        inbound.absorb(&[0, 0, 0x10, 0, 0], 4 << 20).expect("well formed");
        let mut moves = 0;
        while !inbound.is_complete() {
            let before = inbound.bytes.capacity();
            inbound.absorb(&part, 4 << 20).expect("well formed");
            let (length, capacity) = (inbound.bytes.len(), inbound.bytes.capacity());
            assert!(capacity <= length * BUFFER_AHEAD_MAX, "{capacity} for {length}");
            moves += usize::from(capacity != before);
        }
        assert!(moves <= 5, "{moves}");
        let spare = inbound.bytes.capacity() - inbound.bytes.len();
        assert!((LARGE_MESSAGE_SPARE_BYTES..2 * LARGE_MESSAGE_SPARE_BYTES).contains(&spare), "{spare}");
        let mut inbound = Inbound { admission: Admission::Admitted, ..Inbound::default() };
        inbound.absorb(&[0, 0, 0, 0, 6, 1, 2], 6).expect("well formed");
        assert_eq!(inbound.move_to(Vec::with_capacity(6)), [1, 2]);
        assert_eq!(inbound.outgrows(100), None);
        inbound.absorb(&[3, 4, 5, 6], 6).expect("well formed");
        assert_eq!(inbound.take(), [1, 2, 3, 4, 5, 6]);
    }
}
