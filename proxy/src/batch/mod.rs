//! Batches: many entries of one request, executed by their owners part by part and answered together.
//!
//! A part is the entries of one shard as the request has them, so nothing is decoded into something else on the way,
//! and its results are encoded where they come about: what is left to do at the end is to put them into their order.

mod ahead;
mod client;
mod gather;
#[cfg(test)]
mod tests;

use prism_backends::{Backend as _, Command, Context, Execution, Failure, FailureKind, KeyHasher, Reply};
use prism_proto::status::Status;
use prism_proto::view::{self, Batch, SetView};

pub(crate) use client::ClientBatches;
pub(crate) use gather::{Checked, Gather};

use crate::backends::Instance;
use crate::limits::{AHEAD_CALLS, BATCH_BYTES_AT_ONCE, BATCH_ENTRIES_AT_ONCE, PULL_BYTES_PER_WORK};
use crate::status;

/// The entries of a batch that one shard owns.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) batch: Batch,
    /// Index of the namespace in the registry.
    pub(crate) namespace: u16,
    /// Monotonic time after which it is not to be begun; 0: none.
    pub(crate) deadline_ns: u64,
    /// The entries as in their request, and how far they have been executed.
    pub(crate) entries: Vec<u8>,
    done_bytes: usize,
    /// How long the results may be. Longer ones are counted and not kept.
    pub(crate) results_bytes_max: usize,
    /// What its connection was charged for them.
    pub(crate) reserved_bytes: usize,
    pub(crate) results: Results,
}

/// What came of some entries, encoded as their response has them.
#[derive(Debug, Default)]
pub(crate) struct Results {
    encoded: Vec<u8>,
    /// The length of all results, whether or not they were kept.
    pub(crate) bytes: usize,
    /// How many entries were found, or succeeded.
    pub(crate) good: u32,
}

impl Results {
    /// Forgets all; the memory stays.
    fn clear(&mut self) {
        self.encoded.clear();
        (self.bytes, self.good) = (0, 0);
    }

    #[inline]
    fn push(&mut self, bytes: usize, bytes_max: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes += view::batch_result_bytes(bytes);
        if self.bytes <= bytes_max {
            view::write_batch_result(bytes, &mut self.encoded, write);
        }
    }

    #[inline]
    fn push_reply(&mut self, reply: Reply<'_>, bytes_max: usize) {
        match reply {
            Reply::Get(value) => {
                self.good += u32::from(value.is_some());
                let bytes = view::get_response_bytes(value);
                self.push(bytes, bytes_max, |out| view::write_get_response(value, out));
            }
            Reply::Delete(found) => {
                self.good += 1;
                let bytes = view::delete_response_bytes(found);
                self.push(bytes, bytes_max, |out| view::write_delete_response(found, out));
            }
            _ => {
                self.good += 1;
                self.push(view::set_response_bytes(), bytes_max, view::write_set_response);
            }
        }
    }

    /// An entry that failed, or that nobody could be asked to execute.
    #[cold]
    fn push_failure(&mut self, batch: Batch, failed: &Status, bytes_max: usize) {
        let error = format!("{}: {}", failed.code.name(), failed.message);
        let bytes = view::batch_failure_bytes(error.len());
        self.push(bytes, bytes_max, |out| view::write_batch_failure(batch, &error, out));
    }
}

/// The length of a result that is not a value: what a reply takes at most when nothing fails.
pub(crate) fn result_bytes(batch: Batch) -> usize {
    let bytes = match batch {
        Batch::Set => view::set_response_bytes(),
        // A value's is not known before.
        Batch::Get => view::get_response_bytes(None),
        Batch::Delete => view::delete_response_bytes(true),
    };
    view::batch_result_bytes(bytes)
}

/// Executes entries one after the other, as many as may be done at once; returns how many, and how many bytes of the
/// request those are.
#[inline]
fn execute(
    (instance, hasher): (&mut Instance, &KeyHasher),
    (batch, namespace, now_ns): (Batch, u16, u64),
    bytes: &[u8],
    results: &mut Results,
    results_bytes_max: usize,
) -> (usize, usize) {
    let mut entries = view::batch_entries(bytes);
    let (before, mut count) = (results.bytes, 0);
    let is_large = instance.is_large();
    loop {
        if is_large && count % AHEAD_CALLS == 0 {
            let rest = view::batch_entries(&bytes[bytes.len() - entries.rest_bytes()..]);
            ahead::look((instance, hasher), (batch, namespace), rest.map(|entry| entry.content));
        }
        let Some(entry) = entries.next() else { break };
        count += 1;
        let command = match batch {
            Batch::Get => Command::Get { key: entry.content },
            Batch::Delete => Command::Delete { key: entry.content },
            Batch::Set => {
                let Ok(set) = SetView::decode(entry.content) else { continue };
                Command::Set { key: set.key.as_bytes(), value: set.value, ttl_seconds: set.ttl_seconds }
            }
        };
        let context = Context { now_ns, namespace, hash: hasher.hash(namespace, command.key()), call: 0 };
        match instance.execute(&context, &command) {
            Execution::Done(reply) => results.push_reply(reply, results_bytes_max),
            // A list is no value.
            Execution::Failed(failure) if batch == Batch::Get && failure.kind == FailureKind::Precondition => {
                results.push_reply(Reply::Get(None), results_bytes_max);
            }
            Execution::Failed(failure) => {
                results.push_failure(batch, &status::from_failure(failure), results_bytes_max);
            }
            Execution::Parked => {
                let failure = Failure::new(FailureKind::Internal, "the backend parked an entry of a batch");
                results.push_failure(batch, &status::from_failure(failure), results_bytes_max);
            }
        }
        let done_bytes = bytes.len() - entries.rest_bytes() + results.bytes - before;
        if count == BATCH_ENTRIES_AT_ONCE || done_bytes >= BATCH_BYTES_AT_ONCE {
            break;
        }
    }
    (count, bytes.len() - entries.rest_bytes())
}

impl Part {
    pub(crate) fn new(batch: Batch, namespace: u16, deadline_ns: u64) -> Self {
        let (entries, results) = (Vec::new(), Results::default());
        let (done_bytes, results_bytes_max, reserved_bytes) = (0, 0, 0);
        Self { batch, namespace, deadline_ns, entries, done_bytes, results_bytes_max, reserved_bytes, results }
    }

    /// Executes some of it; returns whether it is done, and how much this was: an entry is one, and so are
    /// [`PULL_BYTES_PER_WORK`] of entries and results. The results are kept if they are not longer than they may be,
    /// else the entries, to be executed again.
    pub(crate) fn step(&mut self, instance: &mut Instance, hasher: &KeyHasher, now_ns: u64) -> (bool, usize) {
        let rest = &self.entries[self.done_bytes..];
        let what = (self.batch, self.namespace, now_ns);
        let before = self.results.bytes;
        let (count, bytes) = execute((instance, hasher), what, rest, &mut self.results, self.results_bytes_max);
        self.done_bytes += bytes;
        let is_done = self.done_bytes == self.entries.len();
        if is_done && self.is_too_long() {
            self.results.encoded = Vec::new();
        } else if is_done {
            self.entries = Vec::new();
        }
        (is_done, 1 + count + (bytes + self.results.bytes - before) / PULL_BYTES_PER_WORK)
    }

    /// Whether its results found no room. They may be longer than was thought only when they are values, or tell of
    /// failures, which are kept.
    pub(crate) fn is_too_long(&self) -> bool {
        self.batch == Batch::Get && self.results.bytes > self.results_bytes_max
    }

    /// The same part, to be executed anew with room for the results that it had.
    fn again(mut self) -> Self {
        self.results_bytes_max = self.results_bytes_max.max(self.results.bytes);
        self.reserved_bytes = self.results_bytes_max;
        self.results = Results::default();
        self.done_bytes = 0;
        self
    }
}
