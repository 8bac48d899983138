//! What a reload of the file cannot change.

use super::backends::BackendKind;
use super::effective::Effective;

/// The keys that differ between two configurations and take effect only after a restart, in a fixed order.
///
/// Everything else (limits, log level, backends and namespaces) may be put in force while the process runs.
pub fn changes_needing_restart(old: &Effective, new: &Effective) -> Vec<String> {
    let mut changes = Vec::new();
    let mut note = |changed: bool, key: &str| {
        if changed {
            changes.push(key.to_owned());
        }
    };
    note(old.listen != new.listen, "listen");
    note(old.cores != new.cores, "cores");
    note(old.spin_us != new.spin_us, "shard.spin_us");
    note(old.log.format != new.log.format, "log.format");
    for backend in &new.backends {
        let earlier = old.backends.iter().find(|earlier| earlier.name == backend.name);
        if let (BackendKind::Memstore(new), Some(BackendKind::Memstore(old))) =
            (&backend.kind, earlier.map(|earlier| &earlier.kind))
        {
            let changed = old.memory_bytes_max != new.memory_bytes_max;
            note(changed, &format!("backends.{}.memory_bytes_max", backend.name));
        }
    }
    changes
}

/// The configuration that a reload puts in force: the new one, with what only a restart can change as it is running.
pub fn reloaded(running: &Effective, new: Effective) -> Effective {
    let mut merged = new;
    merged.listen.clone_from(&running.listen);
    merged.cores.clone_from(&running.cores);
    merged.spin_us = running.spin_us;
    merged.log.format = running.log.format;
    for (index, backend) in merged.backends.iter_mut().enumerate() {
        let earlier = running.backends.iter().find(|earlier| earlier.name == backend.name);
        if let (BackendKind::Memstore(new), Some(BackendKind::Memstore(old))) =
            (&mut backend.kind, earlier.map(|earlier| &earlier.kind))
        {
            new.memory_bytes_max = old.memory_bytes_max;
            // The relation that was checked against the new size holds against the old one too.
            new.retention_bytes = new.retention_bytes.min(old.memory_bytes_max / 2);
            for namespace in merged.namespaces.iter_mut().filter(|used| used.backends.contains(&Some(index))) {
                let bound = &mut namespace.bounds.memory_bytes_max;
                *bound = bound.map(|bytes_max| bytes_max.min(old.memory_bytes_max));
            }
        }
    }
    merged
}
