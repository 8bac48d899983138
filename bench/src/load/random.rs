//! Repeatable randomness: the same seed gives the same schedule, keys and sizes in every version and on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): small, quick, and good enough for arrivals and keys, which tests show.
#[derive(Debug, Clone)]
pub struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64: scatters the bits of a number.
pub(crate) const fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Random {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(scatter(seed))
    }

    /// An independent sequence for each purpose and core.
    pub const fn fork(seed: u64, purpose: u64, number: u64) -> Self {
        Self(scatter(scatter(seed ^ purpose.wrapping_mul(STEP)).wrapping_add(number.wrapping_mul(STEP))))
    }

    /// 64 random bits.
    #[inline]
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        scatter(self.0)
    }

    /// Uniform in (0, 1]: never 0, so that its logarithm is finite.
    #[inline]
    pub const fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform below `bound`, which is not 0 (Lemire 2019, without the rejection: the bias is below bound / 2^64).
    #[inline]
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }
}
