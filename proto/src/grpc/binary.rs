//! Metadata whose name ends in `-bin`: its value is base64, with or without padding, or a list of such.

use super::base64;

/// Whether a value can be decoded. Nothing here reads metadata, but who sends what nobody can read should hear of it,
/// as from gRPC's C core, which is as strict: the standard alphabet, padding whole or absent, and no bits left over.
/// Several values may be joined by commas, as the gRPC protocol asks.
pub fn is_valid(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').all(|part| is_base64(part.trim_ascii()))
}

fn is_base64(text: &[u8]) -> bool {
    let digits = match text {
        [digits @ .., b'=', b'='] if text.len().is_multiple_of(4) => digits,
        [digits @ .., b'='] if text.len().is_multiple_of(4) => digits,
        digits => digits,
    };
    let unused_bits = match digits.len() % 4 {
        0 => 0,
        2 => 0b1111,
        3 => 0b11,
        _ => return false,
    };
    digits.iter().all(|digit| base64::value(*digit).is_some())
        && digits.last().and_then(|last| base64::value(*last)).is_none_or(|last| last & unused_bits == 0)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn padding_may_be_there_or_not() {
        for good in
            ["", "AAAA", "AA==", "AA", "AAA=", "AAA", "+/+/", "AAECAwQFBgc=", "AAECAwQFBgc", "AA==,AAE", "AA, AAAA"]
        {
            assert!(is_valid(good.as_bytes()), "{good:?}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_not_valid() {
        for bad in [
            "A", "AAAAA", "A===", "=", "==", "AA=", "AAAA=", "AA==AA==", "AB==", "AB", "AAB", "-_-_", "A A=", "!",
            "AA==,!",
        ] {
            assert!(!is_valid(bad.as_bytes()), "{bad:?}");
        }
    }
}
