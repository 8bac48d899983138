//! Lists of cores as `taskset` writes them: `0-7`, `0,2,4-6` or one number.

use std::collections::HashSet;
use std::fmt::Write as _;

/// The highest core number that a list may name, as the kernel's largest configuration has them.
const CORE_MAX: usize = 8_191;

/// What a list of cores looks like, for error messages.
pub(crate) const FORM: &str = "a list of cores such as 0-7 or 0,2,4-6";

/// Parses a list into core numbers in the order given.
///
/// # Errors
/// A sentence that says what is wrong: no list, a range that runs backwards, a core named twice.
pub fn parse(text: &str) -> Result<Vec<usize>, String> {
    let mut cores = Vec::new();
    let mut seen = HashSet::new();
    for part in text.split(',') {
        let part = part.trim();
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first, text)?, number(last, text)?),
            None => number(part, text).map(|core| (core, core))?,
        };
        if first > last {
            return Err(format!("the range {part} runs backwards"));
        }
        for core in first..=last {
            if !seen.insert(core) {
                return Err(format!("core {core} is named twice"));
            }
            cores.push(core);
        }
    }
    Ok(cores)
}

fn number(text: &str, whole: &str) -> Result<usize, String> {
    let digits = text.trim();
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<usize>() {
        Ok(core) if valid && core <= CORE_MAX => Ok(core),
        Ok(core) if valid => Err(format!("core {core} does not exist: the highest number possible is {CORE_MAX}")),
        _ => Err(format!("`{}` is not {FORM}", shown(whole))),
    }
}

/// What the operator typed, cut to a length that an error message can hold.
fn shown(text: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 60;
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

/// Writes cores as a list, with runs of neighbours as ranges; parses back to the same cores in the same order.
pub fn format(cores: &[usize]) -> String {
    let mut text = String::new();
    let mut rest = cores;
    while let [first, ..] = rest {
        let run = rest.iter().zip(*first..).take_while(|(core, expected)| *core == expected).count();
        let separator = if text.is_empty() { "" } else { "," };
        let written = match run {
            1 => write!(text, "{separator}{first}"),
            _ => write!(text, "{separator}{first}-{}", first + run - 1),
        };
        written.expect("writing to a String cannot fail");
        rest = &rest[run..];
    }
    text
}

/// The cores that this process may run on, in ascending order; the first alone if the kernel does not say.
pub fn allowed() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else { return vec![0] };
    (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// Says which of `cores` are not among `allowed`, naming those that are.
pub(crate) fn check(cores: &[usize], allowed: &[usize]) -> Result<(), String> {
    let missing: Vec<usize> = cores.iter().copied().filter(|core| !allowed.contains(core)).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [core] => Err(format!("core {core} does not exist or is not allowed; allowed: {}", format(allowed))),
        _ => Err(format!("cores {} do not exist or are not allowed; allowed: {}", format(&missing), format(allowed))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_their_order() {
        for (text, cores) in [
            ("0", vec![0]),
            ("0-3", vec![0, 1, 2, 3]),
            ("0,2,4-6", vec![0, 2, 4, 5, 6]),
            (" 4 - 5 , 1 ", vec![4, 5, 1]),
            ("8191", vec![8191]),
        ] {
            assert_eq!(parse(text), Ok(cores), "{text}");
        }
    }

    #[test]
    fn wrong_lists_say_what_is_wrong() {
        for (text, message) in [
            ("", "`` is not a list of cores such as 0-7 or 0,2,4-6"),
            ("a", "`a` is not a list of cores such as 0-7 or 0,2,4-6"),
            ("0,,1", "`0,,1` is not a list of cores such as 0-7 or 0,2,4-6"),
            ("-1", "`-1` is not a list of cores such as 0-7 or 0,2,4-6"),
            ("+1", "`+1` is not a list of cores such as 0-7 or 0,2,4-6"),
            ("1-2-3", "`1-2-3` is not a list of cores such as 0-7 or 0,2,4-6"),
            ("3-1", "the range 3-1 runs backwards"),
            ("0-2,1", "core 1 is named twice"),
            ("8192", "core 8192 does not exist: the highest number possible is 8191"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn cores_not_allowed_are_named_with_the_allowed_ones() {
        assert_eq!(check(&[0, 1], &[0, 1, 4]), Ok(()));
        let message = "core 2 does not exist or is not allowed; allowed: 0-1,4";
        assert_eq!(check(&[0, 2], &[0, 1, 4]), Err(message.to_owned()));
        let message = "cores 2-3,9 do not exist or are not allowed; allowed: 0-1,4";
        assert_eq!(check(&[2, 3, 9], &[0, 1, 4]), Err(message.to_owned()));
    }

    #[test]
    fn this_process_may_run_somewhere() {
        let allowed = allowed();
        assert_eq!(check(&allowed, &allowed), Ok(()));
        assert!(!allowed.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn a_written_list_is_read_back(set in proptest::collection::hash_set(0_usize..100, 1..20)) {
            let cores: Vec<usize> = set.into_iter().collect();
            proptest::prop_assert_eq!(parse(&format(&cores)), Ok(cores));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
