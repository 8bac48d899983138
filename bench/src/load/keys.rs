//! Which key a call is for.

use std::fmt;
use std::str::FromStr;

use super::random::Random;
use super::zipf::Zipf;

/// How calls are spread over the keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeyDistribution {
    /// Each key alike.
    Uniform,
    /// The k-th key in proportion to k^-exponent.
    Zipf(f64),
    /// This share of the keys, the first ones, gets that share of the calls.
    Hotspot(f64, f64),
    /// The key written last most, older ones by Zipf's law; each write goes to the next key.
    Latest,
    /// One after the other.
    Sequential,
}

const FORM: &str = "uniform, zipf:EXPONENT, hotspot:KEYS,CALLS, latest or sequential";

impl FromStr for KeyDistribution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match (name, rest) {
            ("uniform", "") => Ok(Self::Uniform),
            ("latest", "") => Ok(Self::Latest),
            ("sequential", "") => Ok(Self::Sequential),
            ("zipf", _) => match number(rest) {
                Some(exponent) if exponent <= 20.0 => Ok(Self::Zipf(exponent)),
                _ => Err("zipf takes an exponent from 0 to 20, as in zipf:1.0".to_owned()),
            },
            ("hotspot", _) => {
                let shares = rest.split_once(',').and_then(|(keys, calls)| Some((number(keys)?, number(calls)?)));
                match shares {
                    Some((keys, calls)) if keys > 0.0 && keys < 1.0 && calls <= 1.0 => Ok(Self::Hotspot(keys, calls)),
                    _ => {
                        Err("hotspot takes a share of the keys and a share of the calls, as in hotspot:0.2,0.8".into())
                    }
                }
            }
            _ => Err(format!("`{text}` is no distribution of keys: {FORM}")),
        }
    }
}

impl fmt::Display for KeyDistribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => formatter.write_str("uniform"),
            Self::Zipf(exponent) => write!(formatter, "zipf:{exponent}"),
            Self::Hotspot(keys, calls) => write!(formatter, "hotspot:{keys},{calls}"),
            Self::Latest => formatter.write_str("latest"),
            Self::Sequential => formatter.write_str("sequential"),
        }
    }
}

/// The keys of one core's calls, as numbers from 0 to `count` - 1.
#[derive(Debug, Clone)]
pub struct Keys {
    distribution: KeyDistribution,
    count: u64,
    zipf: Zipf,
    hot: u64,
    /// The next key of a sequence, or of a write.
    next: u64,
    step: u64,
    random: Random,
}

impl Keys {
    /// The keys of core `core` of `cores`; at least one key. Sequences of several cores interleave.
    pub fn new(distribution: KeyDistribution, count: u64, core: usize, cores: usize, seed: u64) -> Self {
        let exponent = if let KeyDistribution::Zipf(exponent) = distribution { exponent } else { 1.0 };
        let hot = if let KeyDistribution::Hotspot(share, _) = distribution { share * count as f64 } else { 1.0 };
        Self {
            distribution,
            count,
            zipf: Zipf::new(count, exponent),
            hot: (hot.round() as u64).clamp(1, count),
            next: core as u64 % count,
            step: cores as u64 % count,
            random: Random::fork(seed, 2, core as u64),
        }
    }

    /// The key of the next call.
    #[inline]
    pub fn draw(&mut self, is_write: bool) -> u64 {
        match self.distribution {
            KeyDistribution::Uniform => self.random.below(self.count),
            KeyDistribution::Zipf(_) => self.zipf.sample(&mut self.random) - 1,
            KeyDistribution::Hotspot(_, calls) if self.hot == self.count || self.random.unit() <= calls => {
                self.random.below(self.hot)
            }
            KeyDistribution::Hotspot(..) => self.hot + self.random.below(self.count - self.hot),
            KeyDistribution::Latest if is_write => self.advance(),
            KeyDistribution::Latest => {
                let behind = (self.step + self.zipf.sample(&mut self.random) - 1) % self.count;
                (self.next + self.count - behind) % self.count
            }
            KeyDistribution::Sequential => self.advance(),
        }
    }

    fn advance(&mut self) -> u64 {
        let key = self.next;
        self.next = (self.next + self.step) % self.count;
        key
    }
}

/// What every key's name begins with.
pub(super) const PREFIX: &str = "key-";

/// The bytes of a key's name.
pub(super) const KEY_BYTES: usize = 16;

/// What a list's name begins with: no key holds both a value and a list.
pub(super) const LIST_PREFIX: &str = "lst-";

/// The name of a key: `key-000000000042`, or the same with another prefix of four bytes.
#[inline]
pub(super) fn name(prefix: &str, key: u64) -> [u8; KEY_BYTES] {
    let mut name = *b"key-000000000000";
    name[..4].copy_from_slice(prefix.as_bytes());
    let mut rest = key;
    for digit in name[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str, count: u64, draws: u32) -> Vec<u32> {
        let distribution = text.parse().expect("it is a distribution");
        let mut keys = Keys::new(distribution, count, 0, 1, 3);
        let mut seen = vec![0; count as usize];
        for _ in 0..draws {
            seen[keys.draw(false) as usize] += 1;
        }
        seen
    }

    #[test]
    fn each_distribution_is_what_its_name_says() {
        let uniform = counts("uniform", 100, 100_000);
        assert!(uniform.iter().all(|&seen| (800..1_200).contains(&seen)), "{uniform:?}");
        let hot: u32 = counts("hotspot:0.2,0.8", 100, 100_000)[..20].iter().sum();
        assert!((79_000..81_000).contains(&hot), "{hot}");
        let zipf = counts("zipf:1.0", 100, 100_000);
        assert!((1.9..2.1).contains(&(f64::from(zipf[0]) / f64::from(zipf[1]))), "{zipf:?}");
        assert_eq!(counts("sequential", 100, 1_000), vec![10; 100]);
    }

    #[test]
    fn the_latest_key_is_the_one_written_last() {
        let mut keys = Keys::new(KeyDistribution::Latest, 1_000, 0, 1, 3);
        for _ in 0..50 {
            keys.draw(true);
        }
        let mut seen = vec![0; 1_000];
        for _ in 0..10_000 {
            seen[keys.draw(false) as usize] += 1;
        }
        let most = (0..1_000).max_by_key(|&key| seen[key]);
        assert_eq!(most, Some(49));
    }

    #[test]
    fn sequences_of_several_cores_cover_every_key_once() {
        let mut seen = vec![0; 12];
        for core in 0..3 {
            let mut keys = Keys::new(KeyDistribution::Sequential, 12, core, 3, 0);
            (0..4).for_each(|_| seen[keys.draw(false) as usize] += 1);
        }
        assert_eq!(seen, vec![1; 12]);
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        for text in ["", "zipf", "zipf:", "zipf:-1", "zipf:nan", "hotspot:0.2", "hotspot:1,1", "uniform:1", "gauss"] {
            assert!(text.parse::<KeyDistribution>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_numbers_of_twelve_digits() {
        assert_eq!(&name(PREFIX, 42), b"key-000000000042");
        assert_eq!(&name(LIST_PREFIX, 999_999_999_999), b"lst-999999999999");
    }
}
