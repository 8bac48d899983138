//! Sizes: `4MiB`, `1GiB`, `16KiB`, `500kB` or a plain number of bytes.

/// Units, the longest factor first; the decimal ones are there because people write them.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// What a size looks like, for error messages.
pub(crate) const FORM: &str = "a size such as 4MiB, 16KiB or a number of bytes";

/// Parses a size in bytes; `None` when it is not one or does not fit.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits_end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let number: u64 = digits.parse().ok()?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Some(number);
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

/// Writes a size so that it reads well and parses back to the same number.
pub(crate) fn format(bytes: u64) -> String {
    for (name, factor) in UNITS {
        if factor.is_power_of_two() && factor > 1 && bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{}{name}", bytes / factor);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1_024),
            ("16KiB", 16_384),
            ("16kib", 16_384),
            ("4MiB", 4 << 20),
            ("4 MiB", 4 << 20),
            ("1GiB", 1 << 30),
            ("2TiB", 2 << 40),
            ("500kB", 500_000),
            ("3MB", 3_000_000),
            ("7B", 7),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "-1", "1.5GiB", "4M", "4 4", "4MiBs", "0x10", "99999999TiB", "18446744073709551616"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_written_size_is_read_back(bytes: u64) {
            proptest::prop_assert_eq!(parse(&format(bytes)), Some(bytes));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn round_sizes_are_written_with_their_unit() {
        assert_eq!(format(4 << 20), "4MiB");
        assert_eq!(format(1_025), "1025");
        assert_eq!(format(0), "0");
    }
}
