//! The embedded store: a partition of the keys in memory for each shard.
