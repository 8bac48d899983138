//! The registry of backends: one arm for each type, one instance for each shard.

use prism_backends::memstore::{self, MemStore, Retention};
use prism_backends::{Backend, Command, Context, Execution, Failure, Interfaces, PlacedSet};

use crate::config::{self, BackendKind};
use crate::registry::Registry;

/// A configured backend's part on one shard.
#[derive(Debug)]
pub(crate) enum Instance {
    /// The embedded store.
    Memory(MemStore),
}

impl Instance {
    /// The part of a backend that one of `shards` shards has; `None` for a type that this version cannot run, which the
    /// configuration lets nobody use.
    fn new(backend: &config::Backend, namespaces: u16, shards: u32) -> Option<Self> {
        match &backend.kind {
            BackendKind::Memstore(memstore) => {
                let bytes = memstore.memory_bytes_max / u64::from(shards);
                Some(Self::Memory(MemStore::new(memstore::Config {
                    name: backend.name.clone(),
                    memory_bytes_max: usize::try_from(bytes).unwrap_or(usize::MAX),
                    namespaces,
                })))
            }
            BackendKind::Redis(_) | BackendKind::Kafka(_) | BackendKind::Plugin(_) => None,
        }
    }
}

impl Backend for Instance {
    fn interfaces(&self) -> Interfaces {
        match self {
            Self::Memory(store) => store.interfaces(),
        }
    }

    #[inline]
    fn execute<'s>(&'s mut self, context: &Context, command: &Command<'_>) -> Execution<'s> {
        match self {
            Self::Memory(store) => store.execute(context, command),
        }
    }

    fn adopt(&mut self, context: &Context, set: &PlacedSet, message: &mut Vec<u8>) -> Option<Result<(), Failure>> {
        match self {
            Self::Memory(store) => Backend::adopt(store, context, set, message),
        }
    }

    fn tend(&mut self, now_ns: u64) -> bool {
        match self {
            Self::Memory(store) => store.tend(now_ns),
        }
    }

    #[inline]
    fn prefetch_entry(&self, namespace: u16, hash: u64) {
        match self {
            Self::Memory(store) => store.prefetch_entry(namespace, hash),
        }
    }

    #[inline]
    fn prefetch_record(&self, namespace: u16, hash: u64) {
        match self {
            Self::Memory(store) => store.prefetch_record(namespace, hash),
        }
    }

    #[inline]
    fn is_large(&self) -> bool {
        match self {
            Self::Memory(store) => store.is_large(),
        }
    }
}

/// What a memstore keeps of the logs of each namespace, by its index: what the namespace says, or else the store. It is
/// not divided over the shards, for a log lies on one of them.
fn retentions(registry: &Registry, memstore: &config::Memstore) -> Vec<Retention> {
    let retention = |index| {
        let bounds = registry.namespace(index).map(|namespace| namespace.bounds).unwrap_or_default();
        let bytes_max = bounds.retention_bytes.unwrap_or(memstore.retention_bytes);
        Retention {
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            age_max_ns: bounds.retention_age_ns.unwrap_or(memstore.retention_age_ns),
        }
    };
    (0..registry.indexes()).map(retention).collect()
}

/// What happens to the keys of each namespace at a memstore's bound, by its index: what the namespace says, or else the
/// store.
fn evictions(registry: &Registry, memstore: &config::Memstore) -> Vec<memstore::Eviction> {
    let eviction = |index| {
        let bounds = registry.namespace(index).map(|namespace| namespace.bounds).unwrap_or_default();
        match bounds.eviction.unwrap_or(memstore.eviction) {
            config::Eviction::None => memstore::Eviction::None,
            config::Eviction::S3Fifo => memstore::Eviction::S3Fifo,
            config::Eviction::SoonestExpiry => memstore::Eviction::SoonestExpiry,
        }
    };
    (0..registry.indexes()).map(eviction).collect()
}

/// Each namespace's own bound on this shard, by its index: an even part, as of the store's.
fn bounds(registry: &Registry, shards: u32) -> Vec<memstore::Bound> {
    let bound = |index| {
        let Some(namespace) = registry.namespace(index) else { return memstore::Bound::default() };
        let bytes_max = namespace.bounds.memory_bytes_max.map(|bytes_max| bytes_max / u64::from(shards));
        let bytes_max = bytes_max.map(|bytes_max| usize::try_from(bytes_max).unwrap_or(usize::MAX));
        memstore::Bound { name: namespace.name.to_string(), bytes_max }
    };
    (0..registry.indexes()).map(bound).collect()
}

/// The backends of one shard, by the registry's slots.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    slots: Vec<Option<Instance>>,
}

impl Instances {
    /// Brings the instances in line with a registry: what is new starts, what is gone ends, what stays is kept.
    ///
    /// A memstore keeps the keys of a namespace that was taken away until it ends: if the namespace comes back, so do
    /// they.
    pub(crate) fn follow(&mut self, registry: &Registry, shards: u32) {
        let namespaces = registry.indexes();
        self.slots.resize_with(registry.backends().len(), || None);
        for (slot, backend) in self.slots.iter_mut().zip(registry.backends()) {
            match (slot.as_mut(), backend) {
                (_, None) => *slot = None,
                (Some(Instance::Memory(store)), Some(_)) => store.extend_namespaces(namespaces),
                (None, Some(backend)) => *slot = Instance::new(backend, namespaces, shards),
            }
            if let (Some(Instance::Memory(store)), Some(BackendKind::Memstore(memstore))) =
                (slot.as_mut(), backend.as_ref().map(|backend| &backend.kind))
            {
                store.set_retention(&retentions(registry, memstore));
                store.set_evictions(&evictions(registry, memstore));
                store.set_bounds(&bounds(registry, shards));
            }
        }
    }

    /// The instance in a slot that a namespace names.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Instance> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// The same, only to be looked at.
    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&Instance> {
        self.slots.get(slot)?.as_ref()
    }

    /// Whether one of them is so large that prefetching pays.
    #[inline]
    pub(crate) fn are_large(&self) -> bool {
        self.slots.iter().flatten().any(Instance::is_large)
    }

    /// What the memstores hold and have done, all together.
    pub(crate) fn memory(&self) -> memstore::Counters {
        let stores = self.slots.iter().flatten().map(|Instance::Memory(store)| store.counters());
        stores.fold(memstore::Counters::default(), memstore::Counters::plus)
    }

    /// A bounded piece of background work in each; true when more waits.
    pub(crate) fn tend(&mut self, now_ns: u64) -> bool {
        self.slots.iter_mut().flatten().fold(false, |more, instance| instance.tend(now_ns) | more)
    }
}
