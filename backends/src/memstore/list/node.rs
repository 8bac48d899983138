//! Nodes of long lists, in slots of the arena: each knows its neighbours, and the outer ones the list's record.
//!
//! ```text
//! header (see record.rs) | previous u64 | next u64 | start u32 | end u32 | area
//! ```
//!
//! So a node, and a record, can be moved like any other: what leads to it is in the slots that it leads to. The nodes
//! of a list that is gone are doomed: chained one to another they wait until their memory is given back, a few at a
//! time.

use super::run::Span;
use super::{Long, parse};
use crate::Side;
use crate::memstore::arena::{Arena, Mark};
use crate::memstore::budget::{Budget, Shortage};
use crate::memstore::record::{HEADER_BYTES, write_node};
use crate::memstore::word::Reference;

const SPAN_AT: usize = HEADER_BYTES + 16;
/// Bytes of a node before its area.
pub(super) const NODE_HEADER_BYTES: usize = SPAN_AT + 8;
const ROOT: u64 = 1 << 62;
const DOOMED: u64 = 1 << 63;
const NOTHING: u64 = u64::MAX;

/// What a node leads to on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The next node there.
    Node(Reference),
    /// There is none: the record of the list.
    Root(Reference),
    /// Neither: it is the first that is doomed.
    Doomed,
    /// The last that is doomed.
    Nothing,
}

impl Link {
    fn to_bits(self) -> u64 {
        match self {
            Self::Node(reference) => reference.to_bits(),
            Self::Root(reference) => ROOT | reference.to_bits(),
            Self::Doomed => DOOMED,
            Self::Nothing => NOTHING,
        }
    }

    fn from_bits(bits: u64) -> Self {
        match bits {
            NOTHING => Self::Nothing,
            DOOMED => Self::Doomed,
            bits if bits & ROOT != 0 => Self::Root(Reference::from_bits(bits & !ROOT)),
            bits => Self::Node(Reference::from_bits(bits)),
        }
    }
}

/// The first and the last node of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::memstore) struct Nodes {
    pub(super) left: Reference,
    pub(super) right: Reference,
}

fn link_at(side: Side) -> usize {
    match side {
        Side::Left => HEADER_BYTES,
        Side::Right => HEADER_BYTES + 8,
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Left => Side::Right,
        Side::Right => Side::Left,
    }
}

impl Arena {
    /// A node with room for `bytes`, with nothing in it, that nothing leads to.
    pub(super) fn add_node(
        &mut self,
        budget: &mut Budget,
        namespace: u16,
        bytes: usize,
    ) -> Result<Reference, Shortage> {
        let node = self.allocate(budget, namespace, NODE_HEADER_BYTES + bytes)?;
        let slot = self.slot_mut(node);
        slot[HEADER_BYTES..NODE_HEADER_BYTES].fill(0);
        write_node(slot, namespace);
        Ok(node)
    }

    pub(super) fn link_of(&self, node: Reference, side: Side) -> Link {
        let bits = self.slot(node)[link_at(side)..].first_chunk().expect("a node has links");
        Link::from_bits(u64::from_le_bytes(*bits))
    }

    pub(super) fn set_link(&mut self, node: Reference, side: Side, link: Link) {
        self.slot_mut(node)[link_at(side)..][..8].copy_from_slice(&link.to_bits().to_le_bytes());
    }

    pub(super) fn span(&self, node: Reference) -> Span {
        let (start, rest) = self.slot(node)[SPAN_AT..].split_first_chunk().expect("a node has a span");
        let end = rest.first_chunk().expect("a node has a span");
        Span { start: u32::from_le_bytes(*start) as usize, end: u32::from_le_bytes(*end) as usize }
    }

    pub(super) fn set_span(&mut self, node: Reference, span: Span) {
        let span_bytes = &mut self.slot_mut(node)[SPAN_AT..NODE_HEADER_BYTES];
        span_bytes[..4].copy_from_slice(&(span.start as u32).to_le_bytes());
        span_bytes[4..].copy_from_slice(&(span.end as u32).to_le_bytes());
    }

    pub(super) fn area(&self, node: Reference) -> &[u8] {
        &self.slot(node)[NODE_HEADER_BYTES..]
    }

    pub(super) fn area_mut(&mut self, node: Reference) -> &mut [u8] {
        &mut self.slot_mut(node)[NODE_HEADER_BYTES..]
    }

    /// Adds a node at one end of a list.
    pub(super) fn attach(&mut self, root: Reference, long: &mut Long, side: Side, node: Reference) {
        let neighbour = long.end(side);
        self.set_link(node, side, Link::Root(root));
        self.set_link(node, other(side), Link::Node(neighbour));
        self.set_link(neighbour, side, Link::Node(node));
        *long.end_mut(side) = node;
    }

    /// Dooms the node at one end of a list that has another.
    pub(super) fn detach(&mut self, root: Reference, long: &mut Long, side: Side) {
        let node = long.end(side);
        let Link::Node(neighbour) = self.link_of(node, other(side)) else { return };
        self.set_link(neighbour, side, Link::Root(root));
        *long.end_mut(side) = neighbour;
        self.doom(Nodes { left: node, right: node });
    }

    /// The nodes of the record at `reference`, if it is that of a long list.
    pub(in crate::memstore) fn nodes(&self, reference: Reference) -> Option<Nodes> {
        let record = self.record(reference);
        if !record.is_list() {
            return None;
        }
        Long::parse(record.value()).map(|long| long.nodes)
    }

    /// Has nodes that belong to no list any more wait until they are freed.
    pub(in crate::memstore) fn doom(&mut self, nodes: Nodes) {
        self.set_link(nodes.left, Side::Left, Link::Doomed);
        match self.doomed.replace(nodes.left) {
            Some(first) => {
                self.set_link(nodes.right, Side::Right, Link::Node(first));
                self.set_link(first, Side::Left, Link::Node(nodes.right));
            }
            None => self.set_link(nodes.right, Side::Right, Link::Nothing),
        }
    }

    /// Frees at most so many doomed nodes; false when there are none.
    pub(in crate::memstore) fn free_doomed(&mut self, budget: &mut Budget, nodes_max: usize) -> bool {
        let has_some = self.doomed.is_some();
        for _ in 0..nodes_max {
            let Some(node) = self.doomed else { break };
            self.doomed = match self.link_of(node, Side::Right) {
                Link::Node(next) => Some(next),
                _ => None,
            };
            self.free(budget, node);
        }
        if let Some(first) = self.doomed {
            self.set_link(first, Side::Left, Link::Doomed);
        }
        has_some
    }

    /// The record or node that was moved to `reference` is made known to those that lead to it.
    pub(in crate::memstore) fn mend(&mut self, reference: Reference) {
        if !self.record(reference).is_node() {
            // The queue of those on probation means the slot where it was.
            self.unmark(reference, Mark::Probation);
            if let Some(Nodes { left, right }) = self.nodes(reference) {
                self.set_link(left, Side::Left, Link::Root(reference));
                self.set_link(right, Side::Right, Link::Root(reference));
            }
            return;
        }
        for side in [Side::Left, Side::Right] {
            match self.link_of(reference, side) {
                Link::Node(neighbour) => self.set_link(neighbour, other(side), Link::Node(reference)),
                Link::Root(root) => {
                    let start = self.record(root).value_start();
                    let payload = &mut self.slot_mut(root)[start..];
                    if let Some(mut long) = parse(payload) {
                        *long.end_mut(side) = reference;
                        long.write(payload);
                    }
                }
                Link::Doomed => self.doomed = Some(reference),
                Link::Nothing => {}
            }
        }
    }

    /// How many nodes the record at `reference` has, which all lead to their neighbours and back.
    #[cfg(test)]
    pub(in crate::memstore) fn audit_nodes(&self, reference: Reference) -> usize {
        let Some(Nodes { left, right }) = self.nodes(reference) else { return 0 };
        assert_eq!(self.link_of(left, Side::Left), Link::Root(reference));
        self.audit_chain(left, right, Link::Root(reference))
    }

    /// How many nodes are doomed.
    #[cfg(test)]
    pub(in crate::memstore) fn audit_doomed(&self) -> usize {
        let Some(first) = self.doomed else { return 0 };
        assert_eq!(self.link_of(first, Side::Left), Link::Doomed);
        let next = |node: &Reference| match self.link_of(*node, Side::Right) {
            Link::Node(next) => Some(next),
            _ => None,
        };
        let last = std::iter::successors(Some(first), next).last().unwrap_or(first);
        self.audit_chain(first, last, Link::Nothing)
    }

    #[cfg(test)]
    fn audit_chain(&self, first: Reference, last: Reference, end: Link) -> usize {
        let (mut node, mut count) = (first, 1);
        assert!(self.record(node).is_node());
        while let Link::Node(next) = self.link_of(node, Side::Right) {
            assert!(self.record(next).is_node() && self.link_of(next, Side::Left) == Link::Node(node));
            (node, count) = (next, count + 1);
        }
        assert_eq!((node, self.link_of(node, Side::Right)), (last, end));
        count
    }
}
