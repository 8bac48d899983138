//! The `backends` section: named stores and servers, each of one type.

mod kafka;
mod memstore;
mod plugin;
mod redis;

pub use kafka::{Compression, Kafka, Sasl, SaslMechanism, Topics};
pub(crate) use memstore::{EVICTIONS, MEMORY_BYTES, RETENTION_AGE_NS, RETENTION_BYTES};
pub use memstore::{Eviction, Memstore};
pub use plugin::Plugin;
pub use redis::Redis;

use super::namespaces::Group;
use super::problem::{Position, Problems};
use super::section::Section;
use super::tree::{Content, Entry};
use super::value::Value;

/// A backend by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// The name by which namespaces refer to it.
    pub name: String,
    /// Its type and settings.
    pub kind: BackendKind,
}

/// The type of a backend with its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum BackendKind {
    /// The embedded store.
    Memstore(Memstore),
    /// A Redis server or Cluster.
    Redis(Redis),
    /// A Kafka cluster.
    Kafka(Kafka),
    /// A process that speaks the proxy's own interfaces.
    Plugin(Plugin),
}

impl BackendKind {
    /// The type as the file names it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Memstore(_) => "memstore",
            Self::Redis(_) => "redis",
            Self::Kafka(_) => "kafka",
            Self::Plugin(_) => "plugin",
        }
    }

    /// Whether this type can offer the group; a plugin may offer any, and declares which when it starts.
    pub fn offers(&self, group: Group) -> bool {
        match self {
            Self::Memstore(_) | Self::Plugin(_) => true,
            Self::Redis(_) => matches!(group, Group::KeyValue | Group::List),
            Self::Kafka(_) => matches!(group, Group::PubSub | Group::Stream),
        }
    }

    /// The settings as the file has them.
    pub(crate) fn written(&self) -> Value {
        let settings = match self {
            Self::Memstore(memstore) => memstore.written(),
            Self::Redis(redis) => redis.written(),
            Self::Kafka(kafka) => kafka.written(),
            Self::Plugin(plugin) => plugin.written(),
        };
        let mut entries = vec![("type".to_owned(), Value::text(self.type_name()))];
        entries.extend(settings.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Value::Map(entries)
    }
}

/// The keys of a section with their values.
pub(crate) type Settings = Vec<(&'static str, Value)>;

/// A backend as the file declares it; one that is wrong still has its name, so that references to it are not
/// reported too.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Where its type is named.
    pub(crate) type_position: Position,
    /// Where its key prefix is, or the whole entry if it has none.
    pub(crate) prefix_position: Position,
    pub(crate) kind: Option<BackendKind>,
}

/// The most backends that a file may declare.
const BACKENDS_MAX: usize = 256;

/// Reads the section in the order of the file.
pub(crate) fn read(section: &Section<'_>, problems: &Problems) -> Vec<Declared> {
    let entries = section.entries();
    if let Some(entry) = entries.get(BACKENDS_MAX) {
        problems.at(entry.position, format!("backends: at most {BACKENDS_MAX} may be declared"));
    }
    entries.iter().take(BACKENDS_MAX).map(|entry| declared(entry, problems)).collect()
}

fn declared(entry: &Entry, problems: &Problems) -> Declared {
    let path = format!("backends.{}", entry.key);
    super::namespaces::check_name(entry, "backend", problems);
    let broken = Declared {
        name: entry.key.clone(),
        type_position: entry.position,
        prefix_position: entry.position,
        kind: None,
    };
    if entry.value.content == Content::Null {
        problems.at(entry.position, format!("{path}: needs a type: {}", TYPES.join(", ")));
        return broken;
    }
    let Some(mut section) = Section::open(&entry.value, path, problems) else { return broken };
    let type_position = section.position("type");
    let types: Vec<(&str, &str)> = TYPES.iter().map(|name| (*name, *name)).collect();
    if !section.has("type") {
        section.complain("type", format_args!("{} is needed: one of {}", section.path("type"), TYPES.join(", ")));
        return broken;
    }
    let prefix_position = section.position(if section.has("topic_prefix") { "topic_prefix" } else { "key_prefix" });
    let Some(type_name) = section.choice("type", &types) else { return Declared { type_position, ..broken } };
    let kind = match type_name {
        "memstore" => Some(BackendKind::Memstore(Memstore::read(&mut section))),
        "redis" => Some(BackendKind::Redis(Redis::read(&mut section))),
        "kafka" => Some(BackendKind::Kafka(Kafka::read(&mut section))),
        _ => Plugin::read(&mut section).map(BackendKind::Plugin),
    };
    section.finish();
    Declared { type_position, prefix_position, kind, ..broken }
}

/// The types that a file may name, whether or not this version can run them.
const TYPES: [&str; 4] = ["memstore", "redis", "kafka", "plugin"];
