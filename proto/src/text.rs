//! Text borrowed from a message: bytes that were checked to be UTF-8 once.
//!
//! The hot path wants a key's bytes (to hash, compare and store) and never its characters. Keeping checked bytes
//! lets plain ASCII, which nearly every key is, pass with a few instructions instead of a walk over every byte.

use std::fmt;

/// UTF-8 that stays bytes until somebody wants to read it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// The text, if `bytes` are UTF-8.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (is_ascii(bytes) || str::from_utf8(bytes).is_ok()).then_some(Self(bytes))
    }

    /// The bytes; always valid UTF-8.
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The characters. Checks again, so it is meant for messages to people rather than for the hot path.
    pub const fn as_str(self) -> &'a str {
        match str::from_utf8(self.0) {
            Ok(text) => text,
            Err(_) => panic!("every way to make a text has checked it"),
        }
    }

    /// The length in bytes.
    #[inline]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self(text.as_bytes())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), out)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), out)
    }
}

/// Looks at eight bytes at a time; the last eight may overlap those before.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    match bytes.last_chunk::<8>() {
        Some(last) => {
            let (words, _) = bytes.as_chunks::<8>();
            let seen = words.iter().fold(u64::from_ne_bytes(*last), |seen, word| seen | u64::from_ne_bytes(*word));
            seen & HIGH_BITS == 0
        }
        None => bytes.iter().fold(0, |seen, byte| seen | byte) < 0x80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_ascii_is_seen_wherever_it_is() {
        for length in 0..40 {
            let ascii = vec![b'k'; length];
            assert!(is_ascii(&ascii));
            for at in 0..length {
                let mut bytes = ascii.clone();
                bytes[at] = 0xff;
                assert!(!is_ascii(&bytes), "{at} of {length}");
                assert_eq!(Text::new(&bytes), None);
            }
        }
    }

    #[test]
    fn text_is_what_std_takes_for_utf8() {
        for bytes in ["", "k", "schlüssel", "鍵-鍵-鍵", "\u{10ffff}"].map(str::as_bytes) {
            let text = Text::new(bytes).expect("a string's bytes are UTF-8");
            assert_eq!(text.as_str().as_bytes(), bytes);
            assert_eq!(format!("{text} {text:?}"), format!("{0} {0:?}", text.as_str()));
        }
        // A surrogate, an overlong form, a cut character.
        for bytes in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"schl\xc3"] {
            assert_eq!(Text::new(bytes), None);
        }
    }
}
