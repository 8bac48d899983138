//! Durations: `10s`, `100ms`, `5m`; a zero needs no unit, every other number does.

/// Units with their nanoseconds, the longest first.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// What a duration looks like, for error messages.
pub(crate) const FORM: &str = "a duration such as 10s, 100ms or 5m";

/// Parses a duration into nanoseconds; `None` when it is not one or does not fit.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits_end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let number: u64 = digits.parse().ok()?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        // A number without a unit would be taken for seconds by one reader and milliseconds by another.
        return (number == 0).then_some(0);
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

/// Writes a duration in nanoseconds so that it reads well and parses back to the same number.
pub(crate) fn format(nanoseconds: u64) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    for (name, factor) in UNITS {
        if nanoseconds.is_multiple_of(factor) {
            return format!("{}{name}", nanoseconds / factor);
        }
    }
    format!("{nanoseconds}ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("10s", 10_000_000_000),
            ("100ms", 100_000_000),
            ("5m", 300_000_000_000),
            ("2h", 7_200_000_000_000),
            ("1d", 86_400_000_000_000),
            ("7us", 7_000),
            ("9ns", 9),
        ] {
            assert_eq!(parse(text), Some(nanoseconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "10", "-1s", "1.5s", "1h30m", "10 seconds", "10S", "999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_written_duration_is_read_back(nanoseconds: u64) {
            proptest::prop_assert_eq!(parse(&format(nanoseconds)), Some(nanoseconds));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
