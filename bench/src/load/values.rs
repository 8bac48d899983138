//! The values that are written: each key has its own, so that what is read can be checked without a memory of writes.

use std::fmt;
use std::str::FromStr;

use super::random::{Random, scatter};
use super::zipf::Zipf;

/// How long values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueBytes {
    /// All alike, or each from the first to the second, both included.
    Range(usize, usize),
    /// From 1 byte to 64 KiB, the short ones most, by Zipf's law with exponent 1.
    Zipf,
}

/// The longest value: a message of 4 MiB holds it with its key.
const VALUE_BYTES_MAX: usize = (4 << 20) - (4 << 10);
/// The longest value by Zipf's law.
const ZIPF_BYTES_MAX: u64 = 64 << 10;

impl FromStr for ValueBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<usize>().ok().filter(|bytes| *bytes <= VALUE_BYTES_MAX);
        if text == "zipf" {
            return Ok(Self::Zipf);
        }
        let bounds = match text.split_once("..") {
            Some((least, most)) => number(least).zip(number(most)),
            None => number(text).map(|bytes| (bytes, bytes)),
        };
        match bounds {
            Some((least, most)) if least <= most => Ok(Self::Range(least, most)),
            _ => Err(format!("`{text}` is no length of values: 64, 16..1024 or zipf, at most {VALUE_BYTES_MAX}")),
        }
    }
}

impl fmt::Display for ValueBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(least, most) if least == most => least.fmt(formatter),
            Self::Range(least, most) => write!(formatter, "{least}..{most}"),
            Self::Zipf => formatter.write_str("zipf"),
        }
    }
}

/// Where values are cut from: every key at its own place.
const SOURCE_BYTES: usize = 1 << 20;

/// The value of every key.
#[derive(Debug)]
pub struct Values {
    lengths: ValueBytes,
    zipf: Zipf,
    seed: u64,
    source: Box<[u8]>,
}

impl Values {
    /// The values of a seed.
    pub fn new(lengths: ValueBytes, seed: u64) -> Self {
        let longest = match lengths {
            ValueBytes::Range(_, most) => most,
            ValueBytes::Zipf => ZIPF_BYTES_MAX as usize,
        };
        let mut random = Random::fork(seed, 3, 0);
        let words = (SOURCE_BYTES + longest).div_ceil(8);
        let source = (0..words).flat_map(|_| random.bits().to_le_bytes()).collect();
        Self { lengths, zipf: Zipf::new(ZIPF_BYTES_MAX, 1.0), seed, source }
    }

    /// The value of a key.
    #[inline]
    pub fn of(&self, key: u64) -> &[u8] {
        let bits = scatter(key ^ self.seed);
        let bytes = match self.lengths {
            ValueBytes::Range(least, most) if least == most => least,
            ValueBytes::Range(least, most) => least + Random::new(bits).below((most - least + 1) as u64) as usize,
            ValueBytes::Zipf => self.zipf.sample(&mut Random::new(bits)) as usize,
        };
        let at = bits as usize % SOURCE_BYTES;
        &self.source[at..at + bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_value_and_another_key_another() {
        let values = Values::new(ValueBytes::Range(64, 64), 1);
        assert_eq!(values.of(5), Values::new(ValueBytes::Range(64, 64), 1).of(5));
        let all: std::collections::HashSet<&[u8]> = (0..1_000).map(|key| values.of(key)).collect();
        assert!(all.len() > 995, "{}", all.len());
    }

    #[test]
    fn lengths_are_within_their_bounds() {
        let values = Values::new(ValueBytes::Range(16, 20), 1);
        let lengths: std::collections::BTreeSet<usize> = (0..1_000).map(|key| values.of(key).len()).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [16, 17, 18, 19, 20]);
        let values = Values::new(ValueBytes::Zipf, 1);
        assert!((0..10_000).all(|key| (1..=64 << 10).contains(&values.of(key).len())));
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for text in ["", "-1", "5..4", "1...2", "99999999", "zipf:1"] {
            assert!(text.parse::<ValueBytes>().is_err(), "{text}");
        }
        assert_eq!("16..1024".parse(), Ok(ValueBytes::Range(16, 1024)));
    }
}
