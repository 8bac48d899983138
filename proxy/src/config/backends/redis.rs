//! Settings of a Redis server or Cluster.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use prism_proto::limits::{NAME_BYTES_MAX, SECOND_NS};

use super::Settings;
use crate::config::duration;
use crate::config::endpoint::{self, Endpoint};
use crate::config::section::Section;
use crate::config::value::Value;

/// A Redis server or Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// The server, or seeds of the Cluster.
    pub endpoints: Vec<Endpoint>,
    /// Whether the endpoints belong to a Cluster.
    pub cluster: bool,
    /// The ACL user; empty: Redis's default user.
    pub username: String,
    /// The file that holds the password, read when connecting; none: no authentication.
    pub password_file: Option<PathBuf>,
    /// The logical database; 0 in a Cluster.
    pub database: u32,
    /// What every key begins with in Redis.
    pub key_prefix: String,
    /// Connections that each shard opens to each server.
    pub connections_per_shard: u32,
    /// How long a call may take before it fails.
    pub timeout_ns: u64,
}

const DATABASE: RangeInclusive<u64> = 0..=16_383;
const CONNECTIONS_PER_SHARD: RangeInclusive<u64> = 1..=64;
pub(super) const TIMEOUT_NS: RangeInclusive<u64> = SECOND_NS / 1_000..=3_600 * SECOND_NS;

impl Redis {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let endpoints = endpoint::read_list(section, "endpoints");
        let redis = Self {
            endpoints,
            cluster: section.boolean("cluster").unwrap_or(false),
            username: section.text("username").unwrap_or_default(),
            password_file: section.path_of_file("password_file"),
            database: section.small("database", DATABASE, 0),
            key_prefix: section.text("key_prefix").unwrap_or_default(),
            connections_per_shard: section.small("connections_per_shard", CONNECTIONS_PER_SHARD, 1),
            timeout_ns: section.duration("timeout", TIMEOUT_NS).unwrap_or(SECOND_NS),
        };
        redis.check(section);
        redis
    }

    fn check(&self, section: &Section<'_>) {
        if !self.username.is_empty() && self.password_file.is_none() {
            section.report("username", "a user needs a password_file");
        }
        if self.cluster && self.database != 0 {
            section.report("database", "a Cluster has only database 0");
        }
        if self.cluster && self.key_prefix.contains(['{', '}']) {
            let message = "braces in a Cluster's key prefix would put every key into one hash slot";
            section.report("key_prefix", message);
        }
        if self.key_prefix.len() > NAME_BYTES_MAX {
            section.report("key_prefix", format_args!("has more than {NAME_BYTES_MAX} bytes"));
        }
    }

    pub(super) fn written(&self) -> Settings {
        vec![
            ("endpoints", endpoint::written(&self.endpoints)),
            ("cluster", Value::Bool(self.cluster)),
            ("username", Value::text(&self.username)),
            ("password_file", file_written(self.password_file.as_ref())),
            ("database", Value::number(self.database)),
            ("key_prefix", Value::text(&self.key_prefix)),
            ("connections_per_shard", Value::number(self.connections_per_shard)),
            ("timeout", Value::text(duration::format(self.timeout_ns))),
        ]
    }
}

/// The name of a file, empty when there is none.
pub(super) fn file_written(path: Option<&PathBuf>) -> Value {
    Value::text(path.map(|path| path.display().to_string()).unwrap_or_default())
}
