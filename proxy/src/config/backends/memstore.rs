//! Settings of the embedded store.

use std::ops::RangeInclusive;

use prism_proto::limits::SECOND_NS;

use super::Settings;
use crate::config::section::Section;
use crate::config::value::Value;
use crate::config::{bytes, duration};

/// What happens when the store is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// A write fails.
    None,
    /// The S3-FIFO policy picks keys to drop.
    S3Fifo,
    /// The keys that would expire soonest are dropped.
    SoonestExpiry,
}

/// The policies by their names in the file.
pub(crate) const EVICTIONS: [(&str, Eviction); 3] =
    [("none", Eviction::None), ("s3fifo", Eviction::S3Fifo), ("soonest_expiry", Eviction::SoonestExpiry)];

impl Eviction {
    /// The policy as the file names it.
    pub fn name(self) -> &'static str {
        EVICTIONS.iter().find(|(_, policy)| *policy == self).map_or("none", |(name, _)| name)
    }
}

/// The embedded store; its bounds are divided evenly over the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memstore {
    /// Keys, values and all that is kept about them, over the whole process.
    pub memory_bytes_max: u64,
    /// What happens at that bound.
    pub eviction: Eviction,
    /// What each log keeps.
    pub retention_bytes: u64,
    /// How long each log keeps a record; 0: no limit.
    pub retention_age_ns: u64,
}

pub(crate) const MEMORY_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 50;
pub(crate) const RETENTION_BYTES: RangeInclusive<u64> = 64 << 10..=1 << 49;
pub(crate) const RETENTION_AGE_NS: RangeInclusive<u64> = 0..=100 * 365 * 86_400 * SECOND_NS;

impl Memstore {
    /// The store of a file that says nothing about it.
    pub const DEFAULT: Self =
        Self { memory_bytes_max: 1 << 30, eviction: Eviction::None, retention_bytes: 64 << 20, retention_age_ns: 0 };

    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::DEFAULT;
        let memory_bytes_max = section.bytes("memory_bytes_max", MEMORY_BYTES).unwrap_or(default.memory_bytes_max);
        let eviction = section.choice("eviction", &EVICTIONS).unwrap_or(default.eviction);
        let half = memory_bytes_max / 2;
        let retention_bytes = match section.bytes("retention_bytes", RETENTION_BYTES) {
            Some(retention) if retention > half => {
                let (retention, memory) = (bytes::format(retention), bytes::format(memory_bytes_max));
                let message = format!(
                    "{retention} is more than half of memory_bytes_max ({memory}), which is all that logs may use"
                );
                section.report("retention_bytes", message);
                half
            }
            Some(retention) => retention,
            None => default.retention_bytes.min(half),
        };
        let retention_age_ns = section.duration("retention_age", RETENTION_AGE_NS).unwrap_or(default.retention_age_ns);
        Self { memory_bytes_max, eviction, retention_bytes, retention_age_ns }
    }

    pub(super) fn written(&self) -> Settings {
        vec![
            ("memory_bytes_max", Value::text(bytes::format(self.memory_bytes_max))),
            ("eviction", Value::text(self.eviction.name())),
            ("retention_bytes", Value::text(bytes::format(self.retention_bytes))),
            ("retention_age", Value::text(duration::format(self.retention_age_ns))),
        ]
    }
}
