//! Lists: a short one is one record, as compact as a value; a long one is a chain of nodes, of which the record knows
//! the first and the last.
//!
//! ```text
//! short: count u16 | start u16 | end u16 | area
//! long: 0xFFFF | length u64 | bytes u64 | left u64 | right u64
//! ```
//!
//! Either end takes and gives an element with work that does not depend on the list's length: bounded moving within one
//! record or node, and now and then a new node, whose size is a part of what the list has already.

mod commands;
mod node;
mod run;

pub(super) use commands::not_a_value;
use node::Nodes;
use run::Span;

use super::word::Reference;
use crate::Side;

/// In place of the count: the list is long.
const LONG: u16 = u16::MAX;
const SHORT_HEADER_BYTES: usize = 6;
const LONG_BYTES: usize = 34;

/// Bytes of the list that begins at the front of `payload`, without the free part of its area.
pub(super) fn list_bytes(payload: &[u8]) -> usize {
    if count(payload) == LONG { LONG_BYTES } else { SHORT_HEADER_BYTES + usize::from(number(payload, 4)) }
}

fn number(payload: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(*payload[at..].first_chunk().expect("a list has a header"))
}

fn count(payload: &[u8]) -> u16 {
    number(payload, 0)
}

/// What a short list is besides its elements.
#[derive(Debug, Clone, Copy)]
struct Short {
    count: u16,
    span: Span,
}

impl Short {
    fn parse(payload: &[u8]) -> Self {
        let span = Span { start: number(payload, 2).into(), end: number(payload, 4).into() };
        Self { count: count(payload), span }
    }

    fn write(self, payload: &mut [u8]) {
        let numbers = [self.count, self.span.start as u16, self.span.end as u16];
        for (at, number) in numbers.into_iter().enumerate() {
            payload[2 * at..2 * at + 2].copy_from_slice(&number.to_le_bytes());
        }
    }
}

/// What the record of a long list holds.
#[derive(Debug, Clone, Copy)]
struct Long {
    length: u64,
    /// Of all elements with their lengths.
    bytes: u64,
    nodes: Nodes,
}

/// The long list in `payload`, unless it is a short one.
fn parse(payload: &[u8]) -> Option<Long> {
    Long::parse(payload)
}

impl Long {
    fn parse(payload: &[u8]) -> Option<Self> {
        if count(payload) != LONG {
            return None;
        }
        let number = |index: usize| {
            u64::from_le_bytes(*payload[2 + 8 * index..].first_chunk().expect("a long list has four numbers"))
        };
        let nodes = Nodes { left: Reference::from_bits(number(2)), right: Reference::from_bits(number(3)) };
        Some(Self { length: number(0), bytes: number(1), nodes })
    }

    fn write(self, payload: &mut [u8]) {
        payload[..2].copy_from_slice(&LONG.to_le_bytes());
        let numbers = [self.length, self.bytes, self.nodes.left.to_bits(), self.nodes.right.to_bits()];
        for (index, number) in numbers.into_iter().enumerate() {
            payload[2 + 8 * index..][..8].copy_from_slice(&number.to_le_bytes());
        }
    }

    fn end(&self, side: Side) -> Reference {
        match side {
            Side::Left => self.nodes.left,
            Side::Right => self.nodes.right,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut Reference {
        match side {
            Side::Left => &mut self.nodes.left,
            Side::Right => &mut self.nodes.right,
        }
    }
}
