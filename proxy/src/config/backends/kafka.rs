//! Settings of a Kafka cluster.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use prism_proto::limits::SECOND_NS;

use super::Settings;
use super::redis::{TIMEOUT_NS, file_written};
use crate::config::duration;
use crate::config::endpoint::{self, Endpoint};
use crate::config::section::Section;
use crate::config::value::Value;

/// A Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to ask for the others.
    pub bootstrap: Vec<Endpoint>,
    /// What the brokers know this client as.
    pub client_id: String,
    /// What every topic's name begins with in Kafka.
    pub topic_prefix: String,
    /// Whether and how topics are created.
    pub topics: Topics,
    /// How the proxy authenticates.
    pub sasl: Sasl,
    /// How batches are compressed.
    pub compression: Compression,
    /// How long one request to a broker may take.
    pub request_timeout_ns: u64,
    /// How long a record may take to be committed, retries included.
    pub delivery_timeout_ns: u64,
}

/// Whether and how topics are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics {
    /// Whether an absent topic is created at its first use.
    pub create: bool,
    /// Partitions of a topic so created.
    pub partitions: u32,
    /// Replicas of each of its partitions.
    pub replication: u32,
}

/// How the proxy authenticates to the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sasl {
    /// The mechanism.
    pub mechanism: SaslMechanism,
    /// The user; empty without a mechanism.
    pub username: String,
    /// The file that holds the password; none without a mechanism.
    pub password_file: Option<PathBuf>,
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// No authentication.
    None,
    /// PLAIN (RFC 4616).
    Plain,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-512 (RFC 5802 with SHA-512).
    ScramSha512,
}

const MECHANISMS: [(&str, SaslMechanism); 4] = [
    ("none", SaslMechanism::None),
    ("plain", SaslMechanism::Plain),
    ("scram-sha-256", SaslMechanism::ScramSha256),
    ("scram-sha-512", SaslMechanism::ScramSha512),
];

/// How record batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

const COMPRESSIONS: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

/// The longest name of a topic (Kafka's `Topic.MAX_NAME_LENGTH`).
const TOPIC_BYTES_MAX: usize = 249;
const PARTITIONS: RangeInclusive<u64> = 1..=10_000;
const REPLICATION: RangeInclusive<u64> = 1..=100;

impl Kafka {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let kafka = Self {
            bootstrap: endpoint::read_list(section, "bootstrap"),
            client_id: section.text("client_id").unwrap_or_else(|| "prism".to_owned()),
            topic_prefix: section.text("topic_prefix").unwrap_or_default(),
            topics: Topics::read(section.section("topics")),
            sasl: Sasl::read(section.section("sasl")),
            compression: section.choice("compression", &COMPRESSIONS).unwrap_or(Compression::None),
            request_timeout_ns: section.duration("request_timeout", TIMEOUT_NS).unwrap_or(5 * SECOND_NS),
            delivery_timeout_ns: section.duration("delivery_timeout", TIMEOUT_NS).unwrap_or(30 * SECOND_NS),
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !kafka.topic_prefix.bytes().all(legal) {
            section.report("topic_prefix", "topics' names have only letters, digits, `.`, `_` and `-`");
        }
        if kafka.topic_prefix.len() >= TOPIC_BYTES_MAX {
            section.report(
                "topic_prefix",
                format_args!("leaves no room: a topic's name has at most {TOPIC_BYTES_MAX} bytes"),
            );
        }
        if kafka.delivery_timeout_ns < kafka.request_timeout_ns {
            let key = if section.has("delivery_timeout") { "delivery_timeout" } else { "request_timeout" };
            section.report(key, "delivery_timeout must be at least request_timeout");
        }
        kafka
    }

    pub(super) fn written(&self) -> Settings {
        vec![
            ("bootstrap", endpoint::written(&self.bootstrap)),
            ("client_id", Value::text(&self.client_id)),
            ("topic_prefix", Value::text(&self.topic_prefix)),
            ("topics", self.topics.written()),
            ("sasl", self.sasl.written()),
            ("compression", Value::text(word(&COMPRESSIONS, self.compression))),
            ("request_timeout", Value::text(duration::format(self.request_timeout_ns))),
            ("delivery_timeout", Value::text(duration::format(self.delivery_timeout_ns))),
        ]
    }
}

impl Topics {
    fn read(section: Option<Section<'_>>) -> Self {
        let mut topics = Self { create: false, partitions: 1, replication: 1 };
        if let Some(mut section) = section {
            topics.create = section.boolean("create").unwrap_or(topics.create);
            topics.partitions = section.small("partitions", PARTITIONS, topics.partitions);
            topics.replication = section.small("replication", REPLICATION, topics.replication);
            section.finish();
        }
        topics
    }

    fn written(self) -> Value {
        Value::map([
            ("create", Value::Bool(self.create)),
            ("partitions", Value::number(self.partitions)),
            ("replication", Value::number(self.replication)),
        ])
    }
}

impl Sasl {
    fn read(section: Option<Section<'_>>) -> Self {
        let mut sasl = Self { mechanism: SaslMechanism::None, username: String::new(), password_file: None };
        let Some(mut section) = section else { return sasl };
        sasl.mechanism = section.choice("mechanism", &MECHANISMS).unwrap_or(sasl.mechanism);
        sasl.username = section.text("username").unwrap_or_default();
        sasl.password_file = section.path_of_file("password_file");
        if sasl.mechanism == SaslMechanism::None {
            if !sasl.username.is_empty() || sasl.password_file.is_some() {
                section.report("mechanism", "a username and password_file need a mechanism other than none");
            }
        } else if sasl.username.is_empty() || sasl.password_file.is_none() {
            section.report("mechanism", "needs a username and a password_file");
        }
        section.finish();
        sasl
    }

    fn written(&self) -> Value {
        Value::map([
            ("mechanism", Value::text(word(&MECHANISMS, self.mechanism))),
            ("username", Value::text(&self.username)),
            ("password_file", file_written(self.password_file.as_ref())),
        ])
    }
}

/// The word of the file for `value`.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, candidate)| *candidate == value).map_or("none", |(word, _)| word)
}
