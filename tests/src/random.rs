//! Repeatable randomness: the seed is printed, and `PRISM_TEST_SEED` sets it.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to pick operations and bytes.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Seeded by `PRISM_TEST_SEED` or the clock; the seed is printed, so that a failing test shows it.
    #[expect(clippy::print_stdout, reason = "the seed belongs in the output of a failed test")]
    pub fn seeded() -> Self {
        let seed = env::var("PRISM_TEST_SEED").ok().map(|seed| seed.parse().expect("PRISM_TEST_SEED is a number"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        let seed = seed.unwrap_or_else(|| now.as_secs() ^ u64::from(now.subsec_nanos()) << 20);
        println!("PRISM_TEST_SEED={seed}");
        Self(seed)
    }

    /// Always the same sequence for the same seed.
    pub const fn fixed(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent sequence, the same for the same seed and `number`.
    pub fn fork(&self, number: u64) -> Self {
        let mut fork = Self(self.0 ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        fork.next();
        fork
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so an iterator would say too much")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}
