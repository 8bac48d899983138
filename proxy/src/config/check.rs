//! Looks up the references between namespaces and backends, and checks what no single section can.

use super::available;
use super::backends::{Backend, BackendKind, Declared as DeclaredBackend, Redis};
use super::bytes;
use super::namespaces::{Declared as DeclaredNamespace, Group, Namespace, Reference, References};
use super::nearest::suggestion;
use super::problem::{Position, Problems};

/// A backend of one namespace: what it is checked against its neighbours by.
struct Use {
    namespace: usize,
    backend: usize,
    position: Position,
}

/// Turns what was declared into what is in force; what is wrong is reported, and then the result means nothing.
pub(crate) fn resolve(
    backends: Vec<DeclaredBackend>,
    namespaces: Vec<DeclaredNamespace>,
    problems: &Problems,
) -> (Vec<Backend>, Vec<Namespace>) {
    let mut uses = Vec::new();
    let mut resolved = Vec::with_capacity(namespaces.len());
    for (index, namespace) in namespaces.into_iter().enumerate() {
        let path = format!("namespaces.{}", namespace.name);
        let mut served = [None; 4];
        let mut note = |backend: usize, position: Position| uses.push(Use { namespace: index, backend, position });
        match &namespace.references {
            References::Whole(reference) => {
                if let Some(backend) = find(&backends, reference, &format!("{path}.backend"), problems) {
                    note(backend, reference.position);
                    let kind = backends[backend].kind.as_ref();
                    let offers = |group| kind.is_none_or(|kind| kind.offers(group));
                    served = Group::ALL.map(|group| offers(group).then_some(backend));
                }
            }
            References::Groups(groups) => {
                for (group, reference) in groups {
                    let path = format!("{path}.{}", group.name());
                    let Some(backend) = find(&backends, reference, &path, problems) else { continue };
                    note(backend, reference.position);
                    check_offer(&backends[backend], *group, reference, &path, problems);
                    served[group.index()] = Some(backend);
                }
            }
        }
        check_bounds(&backends, &namespace, &served, &path, problems);
        resolved.push(Namespace { name: namespace.name, backends: served, bounds: namespace.bounds });
    }
    check_available(&backends, &uses, problems);
    check_overlaps(&backends, &resolved, &uses, problems);
    let backends = backends.into_iter().filter_map(|declared| {
        let kind = declared.kind?;
        Some(Backend { name: declared.name, kind })
    });
    (backends.collect(), resolved)
}

fn find(backends: &[DeclaredBackend], reference: &Reference, path: &str, problems: &Problems) -> Option<usize> {
    let found = backends.iter().position(|backend| backend.name == reference.name);
    if found.is_none() {
        let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        let near = suggestion(&reference.name, &names);
        problems.at(reference.position, format!("{path}: there is no backend `{}`{near}", reference.name));
    }
    found
}

fn check_offer(backend: &DeclaredBackend, group: Group, reference: &Reference, path: &str, problems: &Problems) {
    let Some(kind) = backend.kind.as_ref().filter(|kind| !kind.offers(group)) else { return };
    let offered: Vec<&str> = Group::ALL.into_iter().filter(|group| kind.offers(*group)).map(Group::name).collect();
    let message = format!(
        "{path}: `{}` is of type {}, which offers only {}",
        backend.name,
        kind.type_name(),
        offered.join(" and ")
    );
    problems.at(reference.position, message);
}

/// A namespace's own bound is tighter than that of each store that it lies in, or the same.
fn check_bounds(
    backends: &[DeclaredBackend],
    namespace: &DeclaredNamespace,
    served: &[Option<usize>],
    path: &str,
    problems: &Problems,
) {
    let Some(bytes_max) = namespace.bounds.memory_bytes_max else { return };
    let position = namespace.bound_positions.iter().find(|(key, _)| *key == "memory_bytes_max");
    let exceeded = served.iter().flatten().find_map(|&backend| match &backends[backend].kind {
        Some(BackendKind::Memstore(store)) if bytes_max > store.memory_bytes_max => Some((backend, store)),
        _ => None,
    });
    if let (Some((backend, store)), Some((key, position))) = (exceeded, position) {
        let (bytes_max, store_bytes_max) = (bytes::format(bytes_max), bytes::format(store.memory_bytes_max));
        let name = &backends[backend].name;
        let message = format!("{path}.{key}: {bytes_max} is more than backends.{name}.{key} ({store_bytes_max})");
        problems.at(*position, message);
    }
}

/// Backends that are declared and not used may be of any type, so that a file can be written ahead.
fn check_available(backends: &[DeclaredBackend], uses: &[Use], problems: &Problems) {
    for (index, backend) in backends.iter().enumerate() {
        let Some(kind) = &backend.kind else { continue };
        if !uses.iter().any(|used| used.backend == index) {
            continue;
        }
        let name = &backend.name;
        if !available::runs(kind) {
            let message = format!(
                "backends.{name}: type {} is not available in this version; available: {}",
                kind.type_name(),
                available::TYPES
            );
            problems.at(backend.type_position, message);
        }
    }
}

/// Refuses two namespaces that would see each other's keys or topics in one store outside the proxy.
fn check_overlaps(backends: &[DeclaredBackend], namespaces: &[Namespace], uses: &[Use], problems: &Problems) {
    let name = |used: &Use| namespaces[used.namespace].name.as_str();
    // The first use of each backend stands for all: any other namespace on it is reported against that one.
    let mut firsts: Vec<&Use> = Vec::new();
    for used in uses {
        let Some(kind) = &backends[used.backend].kind else { continue };
        match firsts.iter().find(|first| first.backend == used.backend) {
            None => firsts.push(used),
            Some(first) if first.namespace != used.namespace && prefix(kind).is_some() => {
                let message = format!(
                    "namespaces.{}: shares backend `{}` with namespace `{}`, and so its keys; give each a backend \
                     with a prefix of its own",
                    name(used),
                    backends[used.backend].name,
                    name(first)
                );
                problems.at(used.position, message);
            }
            Some(_) => {}
        }
    }
    for (later, used) in firsts.iter().enumerate() {
        let earlier = firsts[..later].iter().find(|first| {
            first.namespace != used.namespace && overlap(&backends[first.backend], &backends[used.backend])
        });
        if let Some(earlier) = earlier {
            let message = format!(
                "backends.{}: its prefix overlaps that of backend `{}` on the same store; namespaces `{}` and `{}` \
                 would share keys",
                backends[used.backend].name,
                backends[earlier.backend].name,
                name(earlier),
                name(used)
            );
            problems.at(backends[used.backend].prefix_position, message);
        }
    }
}

/// The prefix of a backend whose store knows nothing of namespaces.
fn prefix(kind: &BackendKind) -> Option<&str> {
    match kind {
        BackendKind::Redis(redis) => Some(&redis.key_prefix),
        BackendKind::Kafka(kafka) => Some(&kafka.topic_prefix),
        BackendKind::Memstore(_) | BackendKind::Plugin(_) => None,
    }
}

fn overlap(first: &DeclaredBackend, second: &DeclaredBackend) -> bool {
    let (Some(first), Some(second)) = (&first.kind, &second.kind) else { return false };
    let same_store = match (first, second) {
        (BackendKind::Redis(first), BackendKind::Redis(second)) => is_same_redis(first, second),
        (BackendKind::Kafka(first), BackendKind::Kafka(second)) => {
            first.bootstrap.iter().any(|broker| second.bootstrap.contains(broker))
        }
        _ => false,
    };
    let (Some(first), Some(second)) = (prefix(first), prefix(second)) else { return false };
    same_store && (first.starts_with(second) || second.starts_with(first))
}

fn is_same_redis(first: &Redis, second: &Redis) -> bool {
    first.database == second.database && first.endpoints.iter().any(|endpoint| second.endpoints.contains(endpoint))
}
