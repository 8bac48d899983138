//! The `namespaces` section: which backend serves which interface group of a namespace.

use prism_proto::limits::NAME_BYTES_MAX;

use super::backends::{EVICTIONS, Eviction, MEMORY_BYTES, RETENTION_AGE_NS, RETENTION_BYTES};
use super::problem::{Position, Problems};
use super::section::Section;
use super::tree::Entry;
use super::value::Value;
use super::{bytes, duration};

/// A group of interfaces that one backend serves together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Basic, TTL, scan and batch.
    KeyValue,
    /// Lists.
    List,
    /// Publish and subscribe.
    PubSub,
    /// Streams.
    Stream,
}

impl Group {
    /// Every group, in the order of [`Group::index`].
    pub const ALL: [Self; 4] = [Self::KeyValue, Self::List, Self::PubSub, Self::Stream];

    /// The group as the file names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyValue => "keyvalue",
            Self::List => "list",
            Self::PubSub => "pubsub",
            Self::Stream => "stream",
        }
    }

    /// The group's place in [`Namespace::backends`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A namespace with its backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// The name that requests carry; an empty one in a request means `default`.
    pub name: String,
    /// For each [`Group`] by its index the backend that serves it, as an index into the configuration's backends.
    pub backends: [Option<usize>; 4],
    /// Tighter bounds than the store's own.
    pub bounds: Bounds,
}

impl Namespace {
    /// The backend that serves `group`, as an index into the configuration's backends.
    pub fn backend(&self, group: Group) -> Option<usize> {
        self.backends[group.index()]
    }
}

/// Bounds of one namespace in a memstore; what is `None` is as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// What the namespace may hold over the whole process.
    pub memory_bytes_max: Option<u64>,
    /// What happens at that bound.
    pub eviction: Option<Eviction>,
    /// What each log keeps.
    pub retention_bytes: Option<u64>,
    /// How long each log keeps a record; 0: no limit.
    pub retention_age_ns: Option<u64>,
}

impl Bounds {
    /// The keys that these bounds have in the file, for those that are set.
    pub(crate) fn written(&self) -> Vec<(String, Value)> {
        let size = |bytes| Value::text(bytes::format(bytes));
        let settings = [
            ("memory_bytes_max", self.memory_bytes_max.map(size)),
            ("eviction", self.eviction.map(|policy| Value::text(policy.name()))),
            ("retention_bytes", self.retention_bytes.map(size)),
            ("retention_age", self.retention_age_ns.map(|age| Value::text(duration::format(age)))),
        ];
        settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// A namespace as the file declares it, its references not yet looked up.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) references: References,
    pub(crate) bounds: Bounds,
    /// Where each bound that is set is.
    pub(crate) bound_positions: Vec<(&'static str, Position)>,
}

/// What a namespace says of its backends.
#[derive(Debug)]
pub(crate) enum References {
    /// One backend for all that it offers.
    Whole(Reference),
    /// One for each group that is named.
    Groups(Vec<(Group, Reference)>),
}

/// A backend's name and where it is written.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) position: Position,
}

/// The most namespaces that a file may declare; their number must fit 16 bits.
pub const NAMESPACES_MAX: usize = 10_000;

const _: () = assert!(NAMESPACES_MAX <= u16::MAX as usize);

/// Reads the section in the order of the file.
pub(crate) fn read(section: &Section<'_>, problems: &Problems) -> Vec<Declared> {
    let entries = section.entries();
    if let Some(entry) = entries.get(NAMESPACES_MAX) {
        problems.at(entry.position, format!("namespaces: at most {NAMESPACES_MAX} may be declared"));
    }
    entries.iter().take(NAMESPACES_MAX).filter_map(|entry| declared(entry, problems)).collect()
}

fn declared(entry: &Entry, problems: &Problems) -> Option<Declared> {
    check_name(entry, "namespace", problems);
    let mut section = Section::open(&entry.value, format!("namespaces.{}", entry.key), problems)?;
    let whole = reference(&mut section, "backend");
    let groups = Group::ALL.map(|group| reference(&mut section, group.name()).map(|reference| (group, reference)));
    let groups: Vec<_> = groups.into_iter().flatten().collect();
    let (bounds, bound_positions) = bounds(&mut section);
    let names_group = Group::ALL.iter().find(|group| section.has(group.name()));
    let names_whole = section.has("backend");
    let path = section.path("");
    let path = path.trim_end_matches('.');
    if let (true, Some(group)) = (names_whole, names_group) {
        let group = group.name();
        section.complain(group, format_args!("{path}: `backend` already covers `{group}`; write one or the other"));
    }
    if !names_whole && names_group.is_none() {
        problems.at(entry.position, format!("{path}: needs `backend`, or one of keyvalue, list, pubsub, stream"));
    }
    section.finish();
    let references = match whole {
        Some(reference) => References::Whole(reference),
        None => References::Groups(groups),
    };
    Some(Declared { name: entry.key.clone(), references, bounds, bound_positions })
}

fn reference(section: &mut Section<'_>, key: &'static str) -> Option<Reference> {
    let name = section.text(key)?;
    Some(Reference { name, position: section.position(key) })
}

fn bounds(section: &mut Section<'_>) -> (Bounds, Vec<(&'static str, Position)>) {
    let bounds = Bounds {
        memory_bytes_max: section.bytes("memory_bytes_max", MEMORY_BYTES),
        eviction: section.choice("eviction", &EVICTIONS),
        retention_bytes: section.bytes("retention_bytes", RETENTION_BYTES),
        retention_age_ns: section.duration("retention_age", RETENTION_AGE_NS),
    };
    let keys = ["memory_bytes_max", "eviction", "retention_bytes", "retention_age"];
    let positions = keys.into_iter().filter(|key| section.has(key)).map(|key| (key, section.position(key)));
    (bounds, positions.collect())
}

/// The namespace that is there when the file declares none: `default`, all of it on one backend.
pub(crate) fn implied(backend: &str, position: Position) -> Declared {
    Declared {
        name: "default".to_owned(),
        references: References::Whole(Reference { name: backend.to_owned(), position }),
        bounds: Bounds::default(),
        bound_positions: Vec::new(),
    }
}

/// Reports a name of a backend or namespace that cannot be one.
pub(crate) fn check_name(entry: &Entry, what: &str, problems: &Problems) {
    let name = &entry.key;
    let wrong = if name.is_empty() {
        "may not be empty".to_owned()
    } else if name.len() > NAME_BYTES_MAX {
        format!("may have at most {NAME_BYTES_MAX} bytes")
    } else if name.contains(char::is_control) {
        "may not have control characters".to_owned()
    } else {
        return;
    };
    problems.at(entry.position, format!("the name of a {what} {wrong}"));
}
