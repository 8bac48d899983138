//! Remembers the header blocks of requests, whole or with gaps, and what they meant.
//!
//! A client that calls a method again sends the same bytes, but for indices that have moved and for fields that are
//! others with each call, such as the time-out. `hpack/template.rs` recognises such a block.

use super::head::{CallHead, RequestHead, Way};
use super::meaning;
use crate::hpack::{Decoder, Note, Template};
use crate::limits::{LEARNED_ON_END_MAX, MEMO_BLOCK_BYTES_MAX, MEMO_BLOCKS_MAX};

#[derive(Debug)]
struct Known {
    template: Template,
    /// What it means, but for the gaps.
    head: CallHead,
}

/// The longest block that is remembered as it came.
const EXACT_BYTES_MAX: usize = 64;

/// The block with an index in its gap that came last, as it came: it means the same while the table stays.
#[derive(Debug, Clone, Copy)]
struct Exact {
    bytes: [u8; EXACT_BYTES_MAX],
    length: usize,
    generation: u64,
    head: CallHead,
}

/// A block that is looked for.
struct Wanted<'b> {
    /// It, and what follows it.
    bytes: &'b [u8],
    length: usize,
    list_bytes_max: usize,
    way: Way,
}

/// Why there is no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The block is known, and not for this way; nothing was done.
    Unsuited,
    Unknown,
}

/// The blocks of one connection that came last, each with its meaning.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: Vec<Known>,
    /// What was found last, which is likely to come again.
    last: usize,
    /// Whose turn it is to be replaced.
    next: usize,
    /// The call that was decoded last and not known whole.
    call: Option<CallHead>,
    exact: Option<Exact>,
    /// The block that was learned last, or could not be, and how often on end.
    learned: Vec<u8>,
    times: u8,
}

impl Memo {
    /// Decodes `block` if it is known.
    pub(crate) fn find(&mut self, block: &[u8], decoder: &mut Decoder, list_bytes_max: usize) -> Option<CallHead> {
        if let Some(Known { template, head }) = self.known.get(self.last)
            && template.is_as_it_was::<false>(block, block.len(), decoder)
        {
            return Some(*head);
        }
        let wanted = Wanted { bytes: block, length: block.len(), list_bytes_max, way: Way::General };
        self.find_any(&wanted, decoder).ok().copied()
    }

    /// Decodes the block of `length` bytes that `bytes` begins with if it is known and for `way`.
    #[inline(always)]
    pub(crate) fn find_for(
        &mut self,
        way: Way,
        bytes: &[u8],
        length: usize,
        decoder: &mut Decoder,
        list_bytes_max: usize,
    ) -> Result<&CallHead, Missing> {
        if let Some(Known { template, head }) = self.known.get(self.last)
            && template.is_as_it_was::<true>(bytes, length, decoder)
        {
            if !way.is_for(head) {
                return Err(Missing::Unsuited);
            }
            // Looked up once more, as the borrow checker takes the first look for as long as the answer.
            return Ok(&self.known[self.last].head);
        }
        self.find_any(&Wanted { bytes, length, list_bytes_max, way }, decoder)
    }

    #[inline(never)]
    fn find_any(&mut self, wanted: &Wanted<'_>, decoder: &mut Decoder) -> Result<&CallHead, Missing> {
        if wanted.length > MEMO_BLOCK_BYTES_MAX {
            return Err(Missing::Unknown);
        }
        let generation = decoder.generation();
        if self.exact.as_ref().is_some_and(|exact| {
            exact.generation == generation
                && exact.length == wanted.length
                && wanted.bytes.starts_with(&exact.bytes[..exact.length])
        }) {
            let head = self.exact.as_ref().map(|exact| &exact.head);
            return head.filter(|head| wanted.way.is_for(head)).ok_or(Missing::Unsuited);
        }
        let mut place = self.last;
        for _ in 0..self.known.len() {
            let Some(Known { template, head }) = self.known.get(place) else { break };
            let is_refused = !wanted.way.is_for(head);
            let Wanted { bytes, length, list_bytes_max, .. } = *wanted;
            if let Some(note) = template.indexed::<RequestHead>(bytes, length, decoder, list_bytes_max) {
                if let Some(call) = with_gaps(head, &[note]) {
                    self.last = place;
                    if let Some(block) = bytes.get(..length).filter(|block| block.len() <= EXACT_BYTES_MAX) {
                        let mut exact = Exact { bytes: [0; EXACT_BYTES_MAX], length, generation, head: call };
                        exact.bytes[..length].copy_from_slice(block);
                        self.exact = Some(exact);
                    }
                    return if is_refused { Err(Missing::Unsuited) } else { Ok(self.call.insert(call)) };
                }
            } else if !template.begins(wanted.bytes, decoder) {
            } else if !template.has_gaps() {
                if template.is_whole_of(wanted.length) {
                    self.last = place;
                    return if is_refused { Err(Missing::Unsuited) } else { Ok(&self.known[place].head) };
                }
            } else {
                let (mut is_recognised, call) = (false, &mut self.call);
                let judge = |notes: &[Note]| {
                    *call = with_gaps(head, notes);
                    is_recognised = call.is_some();
                    is_recognised && !is_refused
                };
                decoder.fill::<RequestHead>(template, wanted.bytes, wanted.length, wanted.list_bytes_max, judge);
                if is_recognised {
                    self.last = place;
                    return self.call.as_ref().filter(|_| !is_refused).ok_or(Missing::Unsuited);
                }
            }
            place = if place + 1 == self.known.len() { 0 } else { place + 1 };
        }
        Err(Missing::Unknown)
    }

    /// Gives back all memory: it is learned again.
    pub(crate) fn trim(&mut self) {
        *self = Self::default();
    }

    /// The place of a call that was decoded without the memo.
    #[inline]
    pub(crate) fn put(&mut self, call: CallHead) -> &CallHead {
        self.call.insert(call)
    }

    /// `block`, which was decoded last, means `head`; `insertions` had been made into the table before it.
    pub(crate) fn learn(&mut self, block: &[u8], insertions: u64, decoder: &mut Decoder, mut head: CallHead) {
        if block.len() > MEMO_BLOCK_BYTES_MAX || !self.is_worth_learning(block) {
            return;
        }
        let Some(draft) = decoder.draft::<RequestHead>(block, insertions) else { return };
        if draft.notes().iter().any(|note| meaning::timeout_ns(*note).is_some()) {
            head.timeout_ns = None;
        }
        if self.known.len() < MEMO_BLOCKS_MAX {
            self.last = self.known.len();
            self.known.push(Known { template: Template::default(), head });
        } else {
            self.last = self.next;
            self.next = (self.next + 1) % MEMO_BLOCKS_MAX;
        }
        let known = &mut self.known[self.last];
        known.head = head;
        decoder.finish(&draft, block, &mut known.template);
    }
}

impl Memo {
    /// A block that was not recognised although it has just been learned, time and again, will not be: learning costs
    /// more than decoding, and a client that sends such blocks in a flood is not to be helped by it.
    fn is_worth_learning(&mut self, block: &[u8]) -> bool {
        if self.learned != block {
            self.learned.clear();
            self.learned.extend_from_slice(block);
            self.times = 0;
        }
        self.times = self.times.saturating_add(1);
        self.times <= LEARNED_ON_END_MAX
    }
}

/// What a block means whose gaps have fields of which these were noted; none if only the general way can tell.
#[inline(always)]
fn with_gaps(head: &CallHead, notes: &[Note]) -> Option<CallHead> {
    let mut head = *head;
    for note in notes {
        if let Some(timeout_ns) = meaning::timeout_ns(*note)
            && head.timeout_ns.replace(timeout_ns).is_some()
        {
            return None;
        }
    }
    Some(head)
}

#[cfg(test)]
mod tests;
