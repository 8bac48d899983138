//! The percent-encoding of `grpc-message`.

use std::borrow::Cow;

/// Whether a byte stands for itself: the specification's `%x20-%x24 / %x26-%x7E`.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'$' | b'&'..=b'~')
}

/// Appends `message` to `out`, percent-encoded.
pub fn encode(message: &str, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = message.as_bytes();
    while let Some(position) = rest.iter().position(|&byte| !is_plain(byte)) {
        out.extend_from_slice(&rest[..position]);
        let byte = rest[position];
        out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]]);
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
}

/// Decodes a `grpc-message`. Nothing is refused, as the specification asks: an escape that is none stands for itself,
/// and what is not UTF-8 becomes U+FFFD.
pub fn decode(encoded: &[u8]) -> Cow<'_, str> {
    if !encoded.contains(&b'%') {
        return String::from_utf8_lossy(encoded);
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        let escaped =
            if first == b'%' { behind.split_first_chunk().and_then(|(pair, _)| parse_hex(pair)) } else { None };
        if escaped.is_some() {
            rest = &behind[2..];
        }
        bytes.push(escaped.unwrap_or(first));
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse_hex(pair: &[u8; 2]) -> Option<u8> {
    let high = char::from(pair[0]).to_digit(16)?;
    let low = char::from(pair[1]).to_digit(16)?;
    u8::try_from(high << 4 | low).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use proptest::prelude::*;

    #[test]
    fn encodes_what_is_not_plain() {
        let mut out = Vec::new();
        encode("a b~$%&\n\u{7f}é", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "a b~$%25&%0A%7F%C3%A9");
    }

    #[test]
    fn decodes_what_is_not_well_formed() {
        for (encoded, message) in [("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%%41", "%A"), ("%ff", "\u{fffd}")] {
            assert_eq!(decode(encoded.as_bytes()), message);
        }
        assert_eq!(decode(b"\xff"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn comes_back(message in any::<String>()) {
            let mut out = Vec::new();
            encode(&message, &mut out);
            prop_assert!(out.iter().all(|byte| (0x20..0x7f).contains(byte)));
            prop_assert_eq!(decode(&out), message);
        }
    }
}
