//! The keyed hash of a key: one serves both the choice of the owner shard and the table there.

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// Hashes keys with a secret that is drawn at start-up, so that nobody can choose keys that collide.
///
/// All shards of a process use copies of one, for they must agree on who owns a key. The hash is for this process
/// alone: it is never stored or sent.
#[derive(Debug, Clone, Copy)]
pub struct KeyHasher {
    seed: u64,
    shared_seed: &'static SharedSeed,
}

impl KeyHasher {
    /// A hasher whose secret comes from the system's randomness. The part of the secret that is expensive to prepare is
    /// the same for all hashers of the process; the rest is drawn anew.
    pub fn random() -> Self {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        // The standard library seeds this from the operating system.
        let draw = || RandomState::new().hash_one(0u8);
        Self { seed: draw(), shared_seed: SHARED.get_or_init(|| SharedSeed::from_u64(draw())) }
    }

    /// A hasher that gives the same hashes in every process; for tests and measurements only.
    pub fn fixed(seed: u64) -> Self {
        Self { seed, shared_seed: SharedSeed::global_fixed() }
    }

    /// The hash of a key in a namespace; all of its bits depend on all bits of both.
    #[inline]
    pub fn hash(&self, namespace: u16, key: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, self.shared_seed);
        hasher.write(key);
        // Written last on purpose: the number goes through one more multiplication with the secret, and so does what
        // came before. That is the mixing which the fast variant lacks when it ends with bytes.
        hasher.write_u16(namespace);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prism_shard::route::owner;

    fn sequential(index: u32) -> Vec<u8> {
        format!("user:{index:08}").into_bytes()
    }

    /// The largest share of `counts` relative to the mean.
    fn imbalance(counts: &[u32]) -> f64 {
        let mean = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        f64::from(*counts.iter().max().expect("there are some")) / mean
    }

    #[test]
    fn flipping_any_bit_of_the_key_flips_half_of_the_hash() {
        let hasher = KeyHasher::fixed(1);
        let mut flips = [0u32; 64];
        let mut samples = 0;
        for index in 0..200 {
            let mut key = sequential(index);
            let before = hasher.hash(0, &key);
            for bit in 0..key.len() * 8 {
                key[bit / 8] ^= 1 << (bit % 8);
                let changed = before ^ hasher.hash(0, &key);
                key[bit / 8] ^= 1 << (bit % 8);
                for (position, count) in flips.iter_mut().enumerate() {
                    *count += (changed >> position & 1) as u32;
                }
                samples += 1;
            }
        }
        for (position, count) in flips.iter().enumerate() {
            let share = f64::from(*count) / f64::from(samples);
            assert!((0.48..0.52).contains(&share), "bit {position} flips with {share}");
        }
    }

    #[test]
    fn namespaces_are_hashed_apart() {
        let hasher = KeyHasher::fixed(2);
        let mut counts = [0u32; 65];
        for namespace in 0..2000u16 {
            let changed = hasher.hash(namespace, b"key") ^ hasher.hash(namespace + 1, b"key");
            counts[changed.count_ones() as usize] += 1;
        }
        assert_eq!(counts[..10].iter().sum::<u32>(), 0, "{counts:?}");
        assert!(counts[24..=40].iter().sum::<u32>() > 1900, "{counts:?}");
    }

    #[test]
    fn sequential_keys_spread_evenly_over_shards_and_within_one() {
        let hasher = KeyHasher::random();
        for shards in 2..=16u32 {
            let mut by_shard = vec![0u32; shards as usize];
            let (mut by_low_bits, mut by_home) = (vec![0u32; 64], vec![0u32; 128]);
            for index in 0..100_000 {
                let hash = hasher.hash(0, &sequential(index));
                let shard = owner(hash, shards);
                by_shard[shard as usize] += 1;
                if shard == shards / 2 {
                    by_low_bits[(hash as u32 >> 26) as usize] += 1;
                    by_home[(hash >> 32) as usize % 128] += 1;
                }
            }
            // Beyond five standard deviations of the smallest mean, 49 keys in a bucket.
            assert!(imbalance(&by_shard) < 1.08, "{shards} shards: {by_shard:?}");
            assert!(imbalance(&by_low_bits) < 1.75, "{shards} shards: {by_low_bits:?}");
            assert!(imbalance(&by_home) < 1.9, "{shards} shards: {by_home:?}");
        }
    }

    #[test]
    fn copies_agree_and_random_ones_do_not() {
        let hasher = KeyHasher::random();
        let copy = hasher;
        assert_eq!(hasher.hash(3, b"key"), copy.hash(3, b"key"));
        assert_ne!(hasher.hash(3, b"key"), KeyHasher::random().hash(3, b"key"));
    }
}
