//! Writes the configuration in force as a file that reads back to the same.

use super::cores;
use super::effective::Effective;
use super::namespaces::{Group, Namespace};
use super::value::Value;
use super::{limits, log};

/// The configuration as YAML, secrets masked.
pub fn print(effective: &Effective) -> String {
    let listen = effective.listen.iter().map(|address| Value::text(address.to_string())).collect();
    let backends = effective.backends.iter().map(|backend| (backend.name.clone(), backend.kind.written())).collect();
    let namespaces = effective.namespaces.iter().map(|namespace| namespace_written(namespace, effective)).collect();
    let document = Value::map([
        ("listen", Value::List(listen)),
        ("cores", Value::text(cores::format(&effective.cores))),
        ("shard", Value::map([("spin_us", Value::number(effective.spin_us))])),
        ("limits", limits::written(&effective.limits)),
        ("log", log::written(&effective.log)),
        ("backends", Value::Map(backends)),
        ("namespaces", Value::Map(namespaces)),
    ]);
    serde_saphyr::to_string(&document).expect("a tree of texts, numbers and mappings is always YAML")
}

/// One namespace with the backend of each group, or a single one when that covers all that it offers.
fn namespace_written(namespace: &Namespace, effective: &Effective) -> (String, Value) {
    let name = |index: usize| Value::text(&effective.backends[index].name);
    let whole = namespace.backends.iter().flatten().next().copied().filter(|first| {
        let offers = |group| effective.backends[*first].kind.offers(group).then_some(*first);
        Group::ALL.map(offers) == namespace.backends
    });
    let mut entries: Vec<(String, Value)> = match whole {
        Some(index) => vec![("backend".to_owned(), name(index))],
        None => Group::ALL
            .into_iter()
            .filter_map(|group| Some((group.name().to_owned(), name(namespace.backend(group)?))))
            .collect(),
    };
    entries.extend(namespace.bounds.written());
    (namespace.name.clone(), Value::Map(entries))
}
