//! `grpc-timeout`: at most eight digits and a unit.

use std::fmt;

/// A `grpc-timeout` that is not one to eight digits and one of `H M S m u n`: the call ends with INVALID_ARGUMENT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTimeout;

impl fmt::Display for InvalidTimeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("grpc-timeout is not one to eight digits and one of H M S m u n")
    }
}

impl std::error::Error for InvalidTimeout {}

const DIGITS_MAX: usize = 8;

/// Units from the finest, with their nanoseconds.
const UNITS: [(u8, u64); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// The time in nanoseconds; `u64::MAX` when it is longer than that.
///
/// # Errors
/// [`InvalidTimeout`] for anything but one to eight digits and a unit.
#[inline]
pub fn parse_timeout(value: &[u8]) -> Result<u64, InvalidTimeout> {
    let Some((unit, digits @ [_, ..])) = value.split_last() else {
        return Err(InvalidTimeout);
    };
    if digits.len() > DIGITS_MAX {
        return Err(InvalidTimeout);
    }
    let mut count = 0u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(InvalidTimeout);
        }
        count = count * 10 + u64::from(digit - b'0');
    }
    let (_, unit_ns) = UNITS.iter().find(|(known, _)| known == unit).ok_or(InvalidTimeout)?;
    Ok(count.saturating_mul(*unit_ns))
}

/// Appends `timeout_ns` in the finest unit that eight digits can say, rounded up: the callee never gives up first.
pub fn write_timeout(timeout_ns: u64, out: &mut Vec<u8>) {
    for (unit, unit_ns) in UNITS {
        let count = timeout_ns.div_ceil(unit_ns);
        if count < 10u64.pow(DIGITS_MAX as u32) {
            write_digits(count, out);
            out.push(unit);
            return;
        }
    }
}

/// Appends a number of at most [`DIGITS_MAX`] digits.
fn write_digits(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut first = DIGITS_MAX;
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 || first == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::{InvalidTimeout, parse_timeout, write_timeout};

    #[test]
    fn takes_each_unit_and_saturates() {
        for (text, ns) in [
            ("0n", 0),
            ("7n", 7),
            ("7u", 7_000),
            ("7m", 7_000_000),
            ("7S", 7_000_000_000),
            ("7M", 420_000_000_000),
            ("7H", 25_200_000_000_000),
            ("00000007S", 7_000_000_000),
            ("99999999n", 99_999_999),
            ("99999999H", u64::MAX),
        ] {
            assert_eq!(parse_timeout(text.as_bytes()), Ok(ns), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "S", "1", "1s", "1h", "-1S", "+1S", " 1S", "1S ", "1.5S", "123456789S", "1SS", "é"] {
            assert_eq!(parse_timeout(text.as_bytes()), Err(InvalidTimeout), "{text:?}");
        }
    }

    #[test]
    fn writes_the_finest_unit_that_fits_and_never_less() {
        for (ns, text) in [
            (0, "0n"),
            (99_999_999, "99999999n"),
            (100_000_001, "100001u"),
            (1_500_000_000, "1500000u"),
            (u64::MAX, "5124096H"),
        ] {
            let mut out = Vec::new();
            write_timeout(ns, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
            assert!(parse_timeout(&out).is_ok_and(|parsed| parsed >= ns), "{text}");
        }
    }
}
