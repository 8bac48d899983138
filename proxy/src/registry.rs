//! What is configured, made ready for the shards: namespaces found by name, each with the backend of each interface.
//!
//! Immutable and shared by all shards. A reload makes a new one in which names that stay keep their index, so that
//! calls under way between shards still mean the same.

use std::collections::HashMap;

use prism_proto::limits::Limits;

use crate::config::{Backend, Bounds, Effective, Group};

/// A namespace that a request may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    /// Its name.
    pub name: String,
    /// Slots of the backends of each [`Group`] by its index, where there is one.
    slots: [Option<usize>; 4],
    /// The backend's name, for error messages.
    pub backend: String,
    /// Its own bounds in a memstore.
    pub bounds: Bounds,
}

impl Namespace {
    /// Slot of the backend that serves `group`.
    #[inline]
    pub(crate) fn slot(&self, group: Group) -> Option<usize> {
        self.slots[group.index()]
    }
}

/// Limits, namespaces and backends in force.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    /// The limits in force.
    pub limits: Limits,
    /// The backends by slot; a slot whose backend a reload took away is empty.
    backends: Vec<Option<Backend>>,
    /// The namespaces by index, likewise.
    namespaces: Vec<Option<Namespace>>,
    by_name: HashMap<Box<[u8]>, u16>,
    default: Option<u16>,
}

/// The namespace that an empty name means.
const DEFAULT_NAMESPACE: &[u8] = b"default";

impl Registry {
    /// Compiles a configuration; what `before` had under the same name keeps its place.
    pub(crate) fn new(config: &Effective, before: Option<&Self>) -> Self {
        let mut registry = Self {
            limits: config.limits,
            backends: before.map_or_else(Vec::new, |old| vec![None; old.backends.len()]),
            namespaces: before.map_or_else(Vec::new, |old| vec![None; old.namespaces.len()]),
            by_name: before.map_or_else(HashMap::new, |old| old.by_name.clone()),
            default: None,
        };
        let slots: Vec<usize> = config.backends.iter().map(|backend| registry.place_backend(backend, before)).collect();
        for declared in &config.namespaces {
            let keyvalue = declared.backend(Group::KeyValue);
            let named = keyvalue.or_else(|| declared.backends.iter().flatten().next().copied());
            let namespace = Namespace {
                name: declared.name.clone(),
                slots: declared.backends.map(|backend| backend.map(|index| slots[index])),
                backend: named.map_or_else(String::new, |index| config.backends[index].name.clone()),
                bounds: declared.bounds,
            };
            registry.place_namespace(namespace);
        }
        registry.default = registry.by_name.get(DEFAULT_NAMESPACE).copied();
        registry
    }

    fn place_backend(&mut self, backend: &Backend, before: Option<&Self>) -> usize {
        let same = |old: &Option<Backend>| old.as_ref().is_some_and(|old| old.name == backend.name);
        let slot = before.and_then(|old| old.backends.iter().position(same)).unwrap_or(self.backends.len());
        if slot == self.backends.len() {
            self.backends.push(None);
        }
        self.backends[slot] = Some(backend.clone());
        slot
    }

    fn place_namespace(&mut self, namespace: Namespace) {
        let next = self.namespaces.len();
        let index = *self
            .by_name
            .entry(namespace.name.as_bytes().into())
            .or_insert_with(|| u16::try_from(next).expect("the configuration bounds the number of namespaces"));
        if usize::from(index) == next {
            self.namespaces.push(None);
        }
        self.namespaces[usize::from(index)] = Some(namespace);
    }

    /// The namespace with this name, and its index; an empty name means `default`.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<(u16, &Namespace)> {
        let index = if name.is_empty() { self.default? } else { *self.by_name.get(name)? };
        Some((index, self.namespace(index)?))
    }

    /// The namespace at an index, unless a reload took it away.
    #[inline]
    pub(crate) fn namespace(&self, index: u16) -> Option<&Namespace> {
        self.namespaces.get(usize::from(index))?.as_ref()
    }

    /// The name at an index, also of a namespace that a reload took away.
    pub(crate) fn name(&self, index: u16) -> &str {
        let name = self.by_name.iter().find(|(_, known)| **known == index);
        name.and_then(|(name, _)| std::str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// How many indexes are in use, gaps included.
    pub(crate) fn indexes(&self) -> u16 {
        u16::try_from(self.namespaces.len()).expect("the configuration bounds the number of namespaces")
    }

    /// All namespaces in force.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.iter().flatten()
    }

    /// The backends by slot.
    pub(crate) fn backends(&self) -> &[Option<Backend>] {
        &self.backends
    }
}
