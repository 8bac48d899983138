//! What the store says that it holds, against what is there.

use super::*;
use crate::memstore::table::Table;

impl MemStore {
    /// Checks that everything allocated is counted, once, and that what leads to something is led back to.
    /// `empty_bytes` is what a store without anything in it counts.
    pub(super) fn audit(&self, empty_bytes: usize) {
        let (mut records, mut timers, mut nodes, mut nodes_of_lists) = (0, 0, 0, 0);
        let arena_bytes = self.arena.audit(|reference, record| {
            if record.is_node() {
                nodes += 1;
                return;
            }
            records += 1;
            nodes_of_lists += self.arena.audit_nodes(reference);
            let table = &self.tables[usize::from(record.namespace())];
            let found = table.find(record.place(), |other| (other == reference).then_some(()));
            let (_, word, ()) = found.expect("a record is in its table");
            assert_eq!(word.expires(), record.expiry().is_some());
            if let Some(expiry) = record.expiry() {
                timers += 1;
                assert_eq!(self.wheel.reference_of(expiry.timer), reference);
            }
        });
        let entries: usize = self.tables.iter().map(Table::entries).sum();
        assert_eq!((records, entries as u64), (entries, self.counters.keys));
        assert_eq!((timers, nodes), (self.wheel.timers(), nodes_of_lists + self.arena.audit_doomed()));
        let tables: usize = self.tables.iter().map(Table::held_bytes).sum();
        let caches: usize = self.caches.iter().flatten().map(|cache| cache.held_bytes()).sum();
        assert_eq!(self.logs.held_bytes(), self.logs.audit());
        let counted = empty_bytes + arena_bytes + tables + caches + self.wheel.audit() + self.logs.held_bytes();
        assert_eq!(self.budget.used_bytes(), counted);
    }
}
