//! Durations, lists of cores and sizes of time as people write them.

/// Units of time with their nanoseconds.
const UNITS: [(&str, f64); 6] = [("ms", 1e6), ("us", 1e3), ("ns", 1.0), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Reads `10s`, `1.5ms` or `250us` as nanoseconds; a zero needs no unit.
pub(super) fn duration_ns(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a duration such as 30s, 1.5ms or 5m");
    let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = Some(digits).filter(|_| is_number).and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    if unit.is_empty() && number == 0.0 {
        return Ok(0);
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    // A year, and below it every nanosecond is exact enough.
    Some(number * factor).filter(|ns| *ns <= 365.0 * 86_400e9).map(|ns| ns.round() as u64).ok_or_else(wrong)
}

/// Writes nanoseconds with the unit that fits, to three digits.
pub(super) fn show_ns(nanoseconds: f64) -> String {
    let (number, unit) = match nanoseconds {
        ns if ns >= 1e9 => (ns / 1e9, "s"),
        ns if ns >= 1e6 => (ns / 1e6, "ms"),
        ns if ns >= 1e3 => (ns / 1e3, "us"),
        ns => (ns, "ns"),
    };
    match number {
        number if number >= 100.0 || number == 0.0 => format!("{number:.0} {unit}"),
        number if number >= 10.0 => format!("{number:.1} {unit}"),
        number => format!("{number:.2} {unit}"),
    }
}

/// Reads `0-3` or `0,2,4-6`.
pub(super) fn cores(text: &str) -> Result<Vec<usize>, String> {
    const CORE_MAX: usize = 8_191;
    let wrong = || format!("`{text}` is not a list of cores such as 0-7 or 0,2,4-6");
    let number = |part: &str| part.trim().parse::<usize>().ok().filter(|core| *core <= CORE_MAX).ok_or_else(wrong);
    let mut cores = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(format!("the range {part} runs backwards"));
        }
        for core in first..=last {
            if cores.contains(&core) {
                return Err(format!("core {core} is named twice"));
            }
            cores.push(core);
        }
    }
    Ok(cores)
}

/// Writes cores with commas.
pub(super) fn show_cores(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, ns) in
            [("0", 0), ("10s", 10_000_000_000), ("1.5ms", 1_500_000), ("7us", 7_000), ("2m", 120_000_000_000)]
        {
            assert_eq!(duration_ns(text), Ok(ns), "{text}");
        }
        for text in ["", "s", "10", "-1s", "1h30m", "10 s", "1e3s", "inf", ".", "1.2.3s", "99999h"] {
            assert!(duration_ns(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_shown_to_three_digits() {
        let shown = [0.0, 999.0, 1_234.0, 12_345.0, 123_456.0, 1.5e9].map(show_ns);
        assert_eq!(shown, ["0 ns", "999 ns", "1.23 us", "12.3 us", "123 us", "1.50 s"]);
    }

    #[test]
    fn cores_are_read() {
        assert_eq!(cores("0,2,4-6"), Ok(vec![0, 2, 4, 5, 6]));
        for text in ["", "a", "0,,1", "3-1", "0-2,1", "8192"] {
            assert!(cores(text).is_err(), "{text}");
        }
    }
}
