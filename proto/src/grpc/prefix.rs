//! The five bytes before each message: a flag and the length.

/// Bytes of a prefix.
pub const PREFIX_BYTES: usize = 5;

/// The prefix of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Whether the message is compressed with `grpc-encoding`.
    pub compressed: bool,
    /// Bytes of the message.
    pub length: u32,
}

/// A flag that is neither 0 nor 1: the call ends with INTERNAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidFlag(pub u8);

impl Prefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// [`InvalidFlag`] when the first byte is neither 0 nor 1.
    #[inline(always)]
    pub const fn parse(bytes: &[u8; PREFIX_BYTES]) -> Result<Self, InvalidFlag> {
        if bytes[0] > 1 {
            return Err(InvalidFlag(bytes[0]));
        }
        let length = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
        Ok(Self { compressed: bytes[0] == 1, length })
    }

    /// The prefix as it is sent.
    #[inline(always)]
    pub const fn to_bytes(&self) -> [u8; PREFIX_BYTES] {
        let length = self.length.to_be_bytes();
        [self.compressed as u8, length[0], length[1], length[2], length[3]]
    }

    /// Appends the prefix to `out`.
    #[inline(always)]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidFlag, Prefix};

    #[test]
    fn reads_what_it_writes() {
        for prefix in [Prefix { compressed: false, length: 0 }, Prefix { compressed: true, length: 0x0102_0304 }] {
            assert_eq!(Prefix::parse(&prefix.to_bytes()), Ok(prefix));
        }
        assert_eq!(Prefix { compressed: true, length: 0x0102_0304 }.to_bytes(), [1, 1, 2, 3, 4]);
        assert_eq!(Prefix::parse(&[2, 0, 0, 0, 0]), Err(InvalidFlag(2)));
    }
}
