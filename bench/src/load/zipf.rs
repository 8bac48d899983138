//! Zipf's distribution by rejection-inversion (Hörmann, Derflinger 1996): exact for every exponent, 1 included, in
//! constant time and without a table.

use super::random::Random;

/// Ranks from 1 to `count`, the probability of rank k in proportion to k^-exponent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zipf {
    count: f64,
    exponent: f64,
    /// The integral of the hat at its ends, and what is accepted without looking further.
    integral_first: f64,
    integral_last: f64,
    accepted: f64,
}

impl Zipf {
    /// The distribution over `count` ranks, at least 1; the exponent is not negative.
    pub fn new(count: u64, exponent: f64) -> Self {
        let count = count as f64;
        let mut zipf = Self { count, exponent, integral_first: 0.0, integral_last: 0.0, accepted: 0.0 };
        zipf.integral_first = zipf.integral(1.5) - 1.0;
        zipf.integral_last = zipf.integral(count + 0.5);
        zipf.accepted = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    /// The next rank, from 1 on.
    #[inline]
    pub fn sample(&self, random: &mut Random) -> u64 {
        loop {
            let at = self.integral_last + random.unit() * (self.integral_first - self.integral_last);
            let point = self.inverse(at);
            let rank = (point + 0.5).floor().clamp(1.0, self.count);
            if rank - point <= self.accepted || at >= self.integral(rank + 0.5) - self.density(rank) {
                return rank as u64;
            }
        }
    }

    fn density(&self, point: f64) -> f64 {
        (-self.exponent * point.ln()).exp()
    }

    /// The integral of the density from 1 on: (x^(1-e) - 1) / (1-e), and ln x where e is 1.
    fn integral(&self, point: f64) -> f64 {
        let log = point.ln();
        expm1_over(log * (1.0 - self.exponent)) * log
    }

    fn inverse(&self, at: f64) -> f64 {
        // Rounding may lead just below the domain of the logarithm.
        let scaled = (at * (1.0 - self.exponent)).max(-1.0);
        (log1p_over(scaled) * at).exp()
    }
}

/// (e^x - 1) / x, and its limit near 0.
fn expm1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.exp_m1() / x } else { 1.0 + x / 2.0 }
}

/// ln(1 + x) / x, and its limit near 0.
fn log1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.ln_1p() / x } else { 1.0 - x / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi-square of samples against the theory, ranks that are expected less than ten times put together; and the
    /// degrees of freedom.
    fn chi_square(sampled: &Zipf, count: u64, exponent: f64, samples: u32) -> (f64, f64) {
        let mut random = Random::new(5);
        let mut seen = vec![0_u32; count as usize];
        for _ in 0..samples {
            seen[sampled.sample(&mut random) as usize - 1] += 1;
        }
        let weights: Vec<f64> = (1..=count).map(|rank| (rank as f64).powf(-exponent)).collect();
        let total: f64 = weights.iter().sum();
        let (mut sum, mut classes, mut expected, mut found) = (0.0, 0.0, 0.0, 0.0);
        for (weight, seen) in weights.iter().zip(&seen) {
            expected += weight / total * f64::from(samples);
            found += f64::from(*seen);
            if expected >= 10.0 {
                sum += (found - expected) * (found - expected) / expected;
                classes += 1.0;
                (expected, found) = (0.0, 0.0);
            }
        }
        (sum, classes - 1.0)
    }

    #[test]
    fn samples_follow_the_theory_for_any_exponent() {
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.000_000_001, 1.2, 2.0, 4.0] {
            for count in [2, 10, 1_000, 100_000] {
                let (sum, freedom) = chi_square(&Zipf::new(count, exponent), count, exponent, 1_000_000);
                // Four standard deviations of the chi-square distribution above its mean, and some for few classes.
                let bound = freedom + 4.0 * (2.0 * freedom).sqrt() + 8.0;
                assert!(sum < bound, "exponent {exponent}, {count} ranks: {sum} with {freedom} degrees of freedom");
            }
        }
    }

    #[test]
    fn another_exponent_is_told_apart() {
        let (sum, freedom) = chi_square(&Zipf::new(1_000, 1.02), 1_000, 1.0, 1_000_000);
        assert!(sum > freedom + 8.0 * (2.0 * freedom).sqrt(), "{sum} with {freedom} degrees of freedom");
    }

    #[test]
    fn one_rank_is_always_the_first() {
        let mut random = Random::new(1);
        assert!((0..100).all(|_| Zipf::new(1, 1.0).sample(&mut random) == 1));
    }
}
