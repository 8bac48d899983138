//! The commands on lists.

use super::node::{NODE_HEADER_BYTES, Nodes};
use super::run::{Span, element_at, element_bytes, write_element};
use super::{LONG_BYTES, Long, SHORT_HEADER_BYTES, Short};
use crate::limits::{
    KEY_BYTES_MAX, LIST_INLINE_BYTES_MAX, LIST_NODE_BYTES_MAX, LIST_NODE_BYTES_MIN, LIST_NODES_PER_CALL,
    LIST_SHRINK_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::memstore::MemStore;
use crate::memstore::budget::Shortage;
use crate::memstore::place::Place;
use crate::memstore::record::Draft;
use crate::memstore::table::Found;
use crate::memstore::word::Reference;
use crate::{Context, Execution, Failure, FailureKind, Reply, Side};

impl MemStore {
    /// Adds a value at one end of a list; returns how many it has then. Nothing has happened when it fails.
    pub(in crate::memstore) fn push(
        &mut self,
        context: &Context,
        key: &[u8],
        value: &[u8],
        side: Side,
    ) -> Result<i64, Failure> {
        if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
            let sentence = format!("the memstore's keys have at most {KEY_BYTES_MAX} bytes, values {VALUE_BYTES_MAX}");
            return Err(Failure::new(FailureKind::Invalid, sentence));
        }
        self.arena.free_doomed(&mut self.budget, LIST_NODES_PER_CALL);
        self.list(context, key)?;
        let outcome =
            self.with_room(context, value.len() + LIST_NODE_BYTES_MAX, |store| match store.lookup(context, key) {
                Some((found, root)) => store.push_to(context, key, (found, root), value, side),
                None => store.push_first(context, key, value),
            });
        outcome.map_err(|shortage| self.refuse(shortage, "the value is not pushed"))
    }

    /// Takes the value at one end of a list, unless it is longer than `value_bytes_max`.
    pub(in crate::memstore) fn pop(
        &mut self,
        context: &Context,
        key: &[u8],
        side: Side,
        value_bytes_max: usize,
    ) -> Execution<'_> {
        self.arena.free_doomed(&mut self.budget, LIST_NODES_PER_CALL);
        let (found, root) = match self.list(context, key) {
            Ok(Some(list)) => list,
            Ok(None) => return Execution::Done(Reply::Pop(None)),
            Err(failure) => return Execution::Failed(failure),
        };
        match Long::parse(self.arena.record(root).value()) {
            None => self.pop_short(context, (found, root), side, value_bytes_max),
            Some(long) => self.pop_long(context, key, (found, root), long, side, value_bytes_max),
        }
    }

    /// Counts the values of a list.
    pub(in crate::memstore) fn length(&mut self, context: &Context, key: &[u8]) -> Result<i64, Failure> {
        let Some((_, root)) = self.list(context, key)? else { return Ok(0) };
        let payload = self.arena.record(root).value();
        let length = Long::parse(payload).map_or_else(|| u64::from(Short::parse(payload).count), |long| long.length);
        Ok(as_length(length))
    }

    /// The list of a key, if the key is there.
    fn list(&mut self, context: &Context, key: &[u8]) -> Result<Option<(Found, Reference)>, Failure> {
        match self.live(context, key) {
            Some((_, root)) if !self.arena.record(root).is_list() => Err(not_a_list(key)),
            there => Ok(there),
        }
    }

    /// A list of one value.
    fn push_first(&mut self, context: &Context, key: &[u8], value: &[u8]) -> Result<i64, Shortage> {
        let bytes = element_bytes(value);
        let node = if bytes > LIST_INLINE_BYTES_MAX { Some(self.node_of(context.namespace, value)?) } else { None };
        match node {
            None => {
                let payload = self.short(1, bytes);
                write_element(&mut self.scratch[payload], value);
            }
            Some(node) => self.long(1, bytes, Nodes { left: node, right: node }),
        }
        let outcome = self.add_list(context, key);
        match (outcome, node) {
            (Ok(root), Some(_)) => self.arena.mend(root),
            (Err(_), Some(node)) => self.arena.free(&mut self.budget, node),
            (_, None) => {}
        }
        outcome.map(|_| 1)
    }

    fn add_list(&mut self, context: &Context, key: &[u8]) -> Result<Reference, Shortage> {
        let (namespace, place) = (context.namespace, Place::of(context.hash));
        let table = &mut self.tables[usize::from(namespace)];
        self.budget.shared(namespace, |budget| table.make_room(place, budget))?;
        let draft = Draft { namespace, place, key, value: &self.scratch, is_list: true, expiry: None };
        let root = self.arena.allocate(&mut self.budget, namespace, draft.bytes())?;
        table.insert(place, root, false);
        self.arena.write(root, &draft);
        self.counters.keys += 1;
        Ok(root)
    }

    fn push_to(
        &mut self,
        context: &Context,
        key: &[u8],
        (found, root): (Found, Reference),
        value: &[u8],
        side: Side,
    ) -> Result<i64, Shortage> {
        let start = self.arena.record(root).value_start();
        if let Some(long) = Long::parse(&self.arena.slot(root)[start..]) {
            return self.push_long(root, long, value, side);
        }
        let payload = &mut self.arena.slot_mut(root)[start..];
        let mut short = Short::parse(payload);
        let bytes = element_bytes(value);
        let (count, row_bytes) = (short.count + 1, short.span.bytes() + bytes);
        if row_bytes > LIST_INLINE_BYTES_MAX {
            let root = self.lengthen(context, key, (found, root))?;
            let long = self.long_at(root);
            return self.push_long(root, long, value, side);
        }
        let area = &mut payload[SHORT_HEADER_BYTES..];
        if let Some(at) = short.span.extend(area, side, bytes, LIST_INLINE_BYTES_MAX) {
            write_element(&mut area[at], value);
            Short { count, ..short }.write(payload);
            return Ok(i64::from(count));
        }
        let area = self.short(count, row_bytes);
        let (new, old) = match side {
            Side::Left => (0..bytes, bytes..row_bytes),
            Side::Right => (row_bytes - bytes..row_bytes, 0..row_bytes - bytes),
        };
        let row = &self.arena.slot(root)[start + SHORT_HEADER_BYTES..][short.span.start..short.span.end];
        self.scratch[area.clone()][old].copy_from_slice(row);
        write_element(&mut self.scratch[area][new], value);
        self.replace_list(context, key, (found, root))?;
        Ok(i64::from(count))
    }

    fn push_long(&mut self, root: Reference, mut long: Long, value: &[u8], side: Side) -> Result<i64, Shortage> {
        let bytes = element_bytes(value);
        let node = long.end(side);
        let mut span = self.arena.span(node);
        let area = self.arena.area_mut(node);
        // What moves has as much room for others then: so each element has moved little when all is told.
        let move_max = area.len() / 2;
        if move_max <= LIST_NODE_BYTES_MAX
            && let Some(at) = span.extend(area, side, bytes, move_max)
        {
            write_element(&mut area[at], value);
            self.arena.set_span(node, span);
        } else {
            let (namespace, node_bytes) = (self.arena.record(root).namespace(), bytes.max(node_bytes(long.bytes)));
            let node = self.arena.add_node(&mut self.budget, namespace, node_bytes)?;
            let area = self.arena.area_mut(node);
            let start = match side {
                Side::Left => area.len() - bytes,
                Side::Right => 0,
            };
            write_element(&mut area[start..start + bytes], value);
            self.arena.set_span(node, Span { start, end: start + bytes });
            self.arena.attach(root, &mut long, side, node);
        }
        long.length += 1;
        long.bytes += bytes as u64;
        self.set_long(root, long);
        Ok(as_length(long.length))
    }

    /// Makes a short list a long one of one node; returns where its record is then.
    fn lengthen(
        &mut self,
        context: &Context,
        key: &[u8],
        (found, root): (Found, Reference),
    ) -> Result<Reference, Shortage> {
        let payload = self.arena.record(root).value();
        let Short { count, span } = Short::parse(payload);
        let row = payload[SHORT_HEADER_BYTES..][span.start..span.end].to_vec();
        let node = self.arena.add_node(&mut self.budget, context.namespace, row.len())?;
        self.arena.area_mut(node)[..row.len()].copy_from_slice(&row);
        self.arena.set_span(node, Span { start: 0, end: row.len() });
        self.long(count.into(), row.len(), Nodes { left: node, right: node });
        let outcome = self.replace_list(context, key, (found, root));
        if outcome.is_err() {
            self.arena.free(&mut self.budget, node);
        }
        outcome
    }

    /// Puts the list that is in the scratch space in place of the one at `root`, whose nodes are not doomed for that.
    fn replace_list(
        &mut self,
        context: &Context,
        key: &[u8],
        (found, old): (Found, Reference),
    ) -> Result<Reference, Shortage> {
        let expiry = self.arena.record(old).expiry();
        let (namespace, place) = (context.namespace, Place::of(context.hash));
        let draft = Draft { namespace, place, key, value: &self.scratch, is_list: true, expiry };
        let root = if self.arena.fits(old, draft.bytes()) {
            old
        } else {
            self.arena.replace(&mut self.budget, old, draft.bytes())?
        };
        self.arena.write(root, &draft);
        self.arena.mend(root);
        self.tables[usize::from(namespace)].relink(found, root, expiry.is_some());
        self.retime(root, expiry, expiry);
        Ok(root)
    }

    fn pop_short(
        &mut self,
        context: &Context,
        (found, root): (Found, Reference),
        side: Side,
        value_bytes_max: usize,
    ) -> Execution<'_> {
        let start = self.arena.record(root).value_start();
        let payload = &mut self.arena.slot_mut(root)[start..];
        let mut short = Short::parse(payload);
        let (header, area) = payload.split_at_mut(SHORT_HEADER_BYTES);
        let value = &area[short.span.take(area, side)];
        if value.len() > value_bytes_max {
            return Execution::Done(Reply::PopTooLong(value.len()));
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(value);
        short.count -= 1;
        short.write(header);
        if short.count == 0 {
            self.remove(context.namespace, found);
        }
        Execution::Done(Reply::Pop(Some(&self.scratch)))
    }

    fn pop_long(
        &mut self,
        context: &Context,
        key: &[u8],
        (found, root): (Found, Reference),
        mut long: Long,
        side: Side,
        value_bytes_max: usize,
    ) -> Execution<'_> {
        let node = long.end(side);
        let mut span = self.arena.span(node);
        let before = span.bytes();
        let value = span.take(self.arena.area(node), side);
        if value.len() > value_bytes_max {
            return Execution::Done(Reply::PopTooLong(value.len()));
        }
        self.arena.set_span(node, span);
        long.length -= 1;
        long.bytes -= (before - span.bytes()) as u64;
        self.set_long(root, long);
        // Nodes that are doomed here are not freed before the next command, so the value can be read from them.
        if long.length == 0 {
            self.remove(context.namespace, found);
        } else if span.bytes() == 0 {
            self.arena.detach(root, &mut long, side);
            self.set_long(root, long);
        }
        if long.length > 0 && long.nodes.left == long.nodes.right && long.bytes <= LIST_SHRINK_BYTES_MAX as u64 {
            self.shorten(context, key, (found, root), long);
        }
        Execution::Done(Reply::Pop(self.arena.area(node).get(value)))
    }

    /// Makes a long list of one node a short one, if there is memory for that; it may stay as it is.
    fn shorten(&mut self, context: &Context, key: &[u8], list: (Found, Reference), long: Long) {
        let Span { start, end } = self.arena.span(long.nodes.left);
        let area = self.short(long.length as u16, end - start);
        self.scratch[area].copy_from_slice(&self.arena.area(long.nodes.left)[start..end]);
        if self.replace_list(context, key, list).is_ok() {
            self.arena.doom(long.nodes);
        }
    }

    /// Begins a short list in the scratch space; returns where its elements go there.
    fn short(&mut self, count: u16, row_bytes: usize) -> std::ops::Range<usize> {
        self.scratch.clear();
        self.scratch.resize(SHORT_HEADER_BYTES + row_bytes, 0);
        Short { count, span: Span { start: 0, end: row_bytes } }.write(&mut self.scratch);
        SHORT_HEADER_BYTES..SHORT_HEADER_BYTES + row_bytes
    }

    /// Puts what the record of a long list holds into the scratch space.
    fn long(&mut self, length: u64, bytes: usize, nodes: Nodes) {
        self.scratch.clear();
        self.scratch.resize(LONG_BYTES, 0);
        Long { length, bytes: bytes as u64, nodes }.write(&mut self.scratch);
    }

    fn long_at(&self, root: Reference) -> Long {
        Long::parse(self.arena.record(root).value()).expect("the list at this record is long")
    }

    fn set_long(&mut self, root: Reference, long: Long) {
        let start = self.arena.record(root).value_start();
        long.write(&mut self.arena.slot_mut(root)[start..]);
    }

    /// A node that holds one value and that nothing leads to.
    fn node_of(&mut self, namespace: u16, value: &[u8]) -> Result<Reference, Shortage> {
        let bytes = element_bytes(value);
        let node = self.arena.add_node(&mut self.budget, namespace, bytes)?;
        write_element(&mut self.arena.area_mut(node)[..bytes], value);
        self.arena.set_span(node, Span { start: 0, end: bytes });
        debug_assert_eq!(element_at(&self.arena.area(node)[..bytes], Side::Left).0.len(), bytes);
        Ok(node)
    }
}

/// The room of the next node of a list that has so many bytes: a few sizes, so that few pages are begun for them.
fn node_bytes(list_bytes: u64) -> usize {
    let quarter = (list_bytes / 4).clamp(LIST_NODE_BYTES_MIN as u64, LIST_NODE_BYTES_MAX as u64);
    (1 << quarter.ilog2()) - NODE_HEADER_BYTES
}

/// A number of values as the interface has it; no list has more than its memory.
fn as_length(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The key for a person.
fn shown(key: &[u8]) -> String {
    const BYTES_MAX: usize = 128;
    let cut = key.get(..BYTES_MAX).unwrap_or(key);
    let more = if cut.len() < key.len() { "..." } else { "" };
    format!("{:?}{more}", String::from_utf8_lossy(cut))
}

/// A call for values met a list.
#[cold]
pub(in crate::memstore) fn not_a_value(key: &[u8]) -> Failure {
    Failure::new(FailureKind::Precondition, format!("key {} holds a list, not a value", shown(key)))
}

/// A call for lists met a value.
#[cold]
fn not_a_list(key: &[u8]) -> Failure {
    Failure::new(FailureKind::Precondition, format!("key {} holds a value, not a list", shown(key)))
}
