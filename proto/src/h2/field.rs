//! What RFC 9113 §8.2 demands of every header field, whoever sent it.

/// RFC 9113 §8.2.1: no NUL, CR or LF, and no white space at either end.
#[inline]
pub(crate) fn is_value(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !is_space(value.first()) && !is_space(value.last()) && !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
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
