//! What RFC 9113 §8.2 demands of every header field, whoever sent it.

/// RFC 9113 §8.2.1: no NUL, CR or LF, and no white space at either end.
#[inline]
pub(crate) fn is_value(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let (words, rest) = value.as_chunks();
    let mut last = [b'x'; size_of::<u64>()];
    last[..rest.len()].copy_from_slice(rest);
    let found = words.iter().fold(barred(last), |found, word| found | barred(*word));
    found == 0 && !is_space(value.first()) && !is_space(value.last())
}

/// Not 0 if a byte of these is NUL, CR or LF.
#[inline(always)]
fn barred(bytes: [u8; size_of::<u64>()]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; size_of::<u64>()]);
    const CRS: u64 = u64::from_le_bytes([b'\r'; size_of::<u64>()]);
    const LFS: u64 = u64::from_le_bytes([b'\n'; size_of::<u64>()]);
    // Whether any byte is zero: only such a one, or one above it, borrows into a high bit that was not set.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let word = u64::from_le_bytes(bytes);
    zeros(word) | zeros(word ^ CRS) | zeros(word ^ LFS)
}

/// RFC 9113 §8.2.1 and §8.2.2: no upper case, control, space or non-ASCII bytes, no colon; nothing that belongs to a
/// connection of HTTP/1.1.
pub(crate) fn name_fault(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => Some("empty header name"),
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => {
            Some("connection-specific header")
        }
        _ if name.iter().any(u8::is_ascii_uppercase) => Some("upper case in a header name"),
        _ if name.iter().any(|byte| !matches!(byte, 0x21..=0x7e) || *byte == b':') => {
            Some("a header name has a byte that it may not have")
        }
        _ => None,
    }
}

/// `content-length`: digits, and not more than fit.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::is_value;

    #[test]
    fn every_byte_is_judged_wherever_it_stands() {
        for length in 1..=33usize {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut value = vec![b'v'; length];
                    value[at] = byte;
                    let is_space = matches!(byte, b' ' | b'\t') && (at == 0 || at + 1 == length);
                    let is_barred = matches!(byte, 0 | b'\r' | b'\n');
                    assert_eq!(is_value(&value), !is_space && !is_barred, "{byte} at {at} of {length}");
                }
            }
        }
        assert!(is_value(b""));
    }
}
