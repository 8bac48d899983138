//! The encoding of `grpc-message`, and the other small texts of gRPC's headers.

use prism_proto::grpc::{is_grpc, parse_timeout, percent, write_timeout};

/// The input is a header's value.
pub fn run(data: &[u8]) {
    let decoded = percent::decode(data);
    assert_eq!(decoded, String::from_utf8_lossy(&plainly_decoded(data)));
    for message in [decoded.as_ref(), String::from_utf8_lossy(data).as_ref()] {
        let mut encoded = Vec::new();
        percent::encode(message, &mut encoded);
        assert!(encoded.iter().all(|byte| (0x20..0x7f).contains(byte)), "{encoded:?}");
        assert!(encoded.len() <= 3 * message.len());
        assert_eq!(percent::decode(&encoded), message);
    }
    timeout(data);
    let base = data.get(..16).is_some_and(|base| base.eq_ignore_ascii_case(b"application/grpc"));
    assert_eq!(is_grpc(data), base && matches!(data.get(16), None | Some(b'+' | b';')));
}

/// The specification's rule, byte by byte: `%` and two digits of sixteen are one byte, anything else is itself.
fn plainly_decoded(data: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < data.len() {
        let pair = data.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let pair = pair.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| data[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(data[at]);
                at += 1;
            }
        }
    }
    out
}

fn timeout(data: &[u8]) {
    let parsed = parse_timeout(data).ok();
    let text = std::str::from_utf8(data).ok().filter(|text| (2..=9).contains(&text.len()) && text.is_ascii());
    let expected = text.and_then(|text| {
        let (digits, unit) = text.split_at(text.len() - 1);
        let unit_ns = match unit {
            "n" => 1_u128,
            "u" => 1_000,
            "m" => 1_000_000,
            "S" => 1_000_000_000,
            "M" => 60_000_000_000,
            "H" => 3_600_000_000_000,
            _ => return None,
        };
        let count = digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse::<u128>().ok())??;
        Some(u64::try_from(count * unit_ns).unwrap_or(u64::MAX))
    });
    assert_eq!(parsed, expected);
    let word = data.first_chunk().map_or(0, |word| u64::from_be_bytes(*word));
    for timeout_ns in [parsed.unwrap_or(0), word, word >> 20] {
        let mut written = Vec::new();
        write_timeout(timeout_ns, &mut written);
        let read = parse_timeout(&written).expect("what we write is well formed");
        // Never less, and not more than the unit that had to be taken makes it.
        assert!(read >= timeout_ns && read - timeout_ns <= timeout_ns / 10_000_000 * 60 * 60, "{timeout_ns} {read}");
    }
}
