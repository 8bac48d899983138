//! Whose turn it is to have a page made: the connections of this shard with their pulls, and the other shards with what
//! they ask for, one page each, round and round.
//!
//! So many pulls of one connection get no more of the shard than one of another, and in one turn the shard does no more
//! than a bounded amount of work for all of them: a call that comes meanwhile is served in the next turn.

use std::collections::VecDeque;

use prism_shard::PeerId;

use crate::batch::Part;
use crate::call::Errand;

/// Somebody who wants a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Customer {
    /// A connection of this shard.
    Peer(PeerId),
    /// Another shard.
    Shard(u32),
}

/// What a shard is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    Page(Errand),
    /// A part of a batch, and the call's slot at the sender.
    Part(u64, Part),
}

/// The line of one shard.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    line: VecDeque<Customer>,
    /// What each shard has asked for: no more than it has calls parked.
    asks: Vec<VecDeque<Ask>>,
    /// Those who could not be served in this turn.
    later: Vec<Customer>,
    /// The most work that was ever done in one turn.
    pub(super) most_work: usize,
}

impl Desk {
    /// Adds a customer, who is not in the line.
    pub(super) fn add(&mut self, customer: Customer) {
        self.line.push_back(customer);
    }

    /// Another shard asks for a page.
    pub(crate) fn ask_page(&mut self, from: u32, errand: Errand) {
        self.asks_of(from).push_back(Ask::Page(errand));
    }

    /// A shard, maybe this one, asks for a part of a batch.
    pub(crate) fn ask_part(&mut self, from: u32, call: u64, part: Part) {
        self.asks_of(from).push_back(Ask::Part(call, part));
    }

    /// A part was not done in one turn: it goes on when its shard's comes again.
    pub(super) fn go_on_with_part(&mut self, from: u32, call: u64, part: Part) {
        self.asks_of(from).push_front(Ask::Part(call, part));
    }

    /// What a shard asks for, which is about to be more: it stands in the line.
    fn asks_of(&mut self, from: u32) -> &mut VecDeque<Ask> {
        let index = from as usize;
        if self.asks.len() <= index {
            self.asks.resize_with(index + 1, VecDeque::new);
        }
        if self.asks[index].is_empty() {
            self.line.push_back(Customer::Shard(from));
        }
        &mut self.asks[index]
    }

    /// The next in the line, who leaves it.
    pub(super) fn next(&mut self) -> Option<Customer> {
        self.line.pop_front()
    }

    /// What a shard has asked for next; the shard goes to the end of the line if there is more.
    pub(super) fn next_ask(&mut self, from: u32) -> Option<Ask> {
        let asks = self.asks.get_mut(from as usize)?;
        let ask = asks.pop_front();
        if !asks.is_empty() {
            self.line.push_back(Customer::Shard(from));
        }
        ask
    }

    /// One who cannot be served before the next turn.
    pub(super) fn put_off(&mut self, customer: Customer) {
        self.later.push(customer);
    }

    /// The turn is over; true when somebody waits for the next one.
    pub(super) fn end_turn(&mut self) -> bool {
        self.line.extend(self.later.drain(..));
        !self.line.is_empty()
    }
}
