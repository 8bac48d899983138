//! A batch on its connection's shard: its parts on their way and back, and the answer made of them.

use prism_backends::{Failure, FailureKind};
use prism_proto::h2::StreamRef;
use prism_proto::status::{Code, Status};
use prism_proto::view::{self, Batch, BatchEntries, SetView};
use prism_shard::{SlabKey, route};

use super::{Part, Results, execute, result_bytes};
use crate::app::{Lane, Proxy};
use crate::call::{Outcome, Parcel, Whose};
use crate::client::Client;
use crate::dispatch::Origin;
use crate::limits::{BATCH_BYTES_AT_ONCE, BATCH_ENTRIES_AT_ONCE, BATCH_RESULTS_BYTES_KEPT};
use crate::status;

/// A batch whose parts are executed, or wait until there is room for their results.
#[derive(Debug)]
pub(crate) struct Gather {
    origin: Origin,
    batch: Batch,
    entries: usize,
    /// Whose each entry is, in their order; empty when there is one part.
    owners: Vec<u16>,
    /// By the shard that owns them.
    parts: Vec<Slot>,
    /// Parts on their way.
    missing: usize,
    /// What its connection is charged for what came.
    charged_bytes: usize,
}

/// Where a part is.
#[derive(Debug)]
enum Slot {
    /// The shard has none.
    None,
    /// To be executed once there is room for its results.
    Ready(Part),
    Away,
    Came(Results),
    Failed(Status),
}

/// A batch whose arguments are checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'m> {
    pub(crate) batch: Batch,
    pub(crate) namespace: u16,
    /// Slot of the namespace's backend.
    pub(crate) backend: usize,
    pub(crate) entries: usize,
    /// The request.
    pub(crate) message: &'m [u8],
}

impl Gather {
    pub(crate) fn stream(&self) -> StreamRef {
        self.origin.stream
    }

    /// What it takes while it waits.
    pub(crate) fn bytes(&self) -> usize {
        let parts = self.parts.iter().map(|part| match part {
            Slot::Ready(part) => part.entries.len(),
            Slot::Came(results) => results.encoded.len(),
            Slot::None | Slot::Away | Slot::Failed(_) => 0,
        });
        size_of::<Self>() + self.owners.len() * size_of::<u16>() + parts.sum::<usize>()
    }

    /// The room that its results need, as far as that is known.
    pub(crate) fn wanted_bytes(&self) -> usize {
        let parts = self.parts.iter().map(|part| match part {
            Slot::Ready(part) => part.reserved_bytes,
            Slot::Came(results) => results.bytes,
            Slot::None | Slot::Away | Slot::Failed(_) => 0,
        });
        parts.sum::<usize>() + view::batch_summary_bytes(u32::MAX)
    }

    fn is_through(&self) -> bool {
        self.missing == 0 && !self.parts.iter().any(|part| matches!(part, Slot::Ready(_)))
    }

    /// Whose results are missing tells each entry of a write so; a read fails as a whole, for "not found" would be no
    /// answer.
    fn settle_failures(&mut self) -> Result<(), Status> {
        for (owner, part) in self.parts.iter_mut().enumerate() {
            let Slot::Failed(failed) = part else { continue };
            if self.batch == Batch::Get {
                return Err(failed.clone());
            }
            let count = match &self.owners[..] {
                [] => self.entries,
                owners => owners.iter().filter(|other| usize::from(**other) == owner).count(),
            };
            let mut results = Results::default();
            (0..count).for_each(|_| results.push_failure(self.batch, failed, usize::MAX));
            *part = Slot::Came(results);
        }
        Ok(())
    }

    /// The results of all parts, in the order of the request.
    fn write(&self, out: &mut Vec<u8>) {
        if self.owners.is_empty() {
            for part in &self.parts {
                if let Slot::Came(results) = part {
                    out.extend_from_slice(&results.encoded);
                }
            }
            return;
        }
        let encoded = self.parts.iter().map(|part| match part {
            Slot::Came(results) => &results.encoded[..],
            _ => &[],
        });
        let mut parts: Vec<BatchEntries<'_>> = encoded.map(view::batch_entries).collect();
        for owner in &self.owners {
            let result = parts.get_mut(usize::from(*owner)).and_then(Iterator::next);
            out.extend_from_slice(result.map_or(&[], |result| result.raw));
        }
    }

    fn good(&self) -> u32 {
        let good = |part: &Slot| if let Slot::Came(results) = part { results.good } else { 0 };
        self.parts.iter().map(good).sum()
    }
}

/// What follows the results.
fn summary(batch: Batch, good: u32, entries: usize) -> u32 {
    match batch {
        Batch::Get => good,
        Batch::Set | Batch::Delete => u32::from(good as usize == entries),
    }
}

#[cold]
fn too_long(bytes: usize, bytes_max: usize) -> Status {
    let message = format!(
        "the reply of the batch would have {bytes} bytes: at most {bytes_max} are allowed (limits.message_bytes_max); \
         ask for less at a time"
    );
    Status::new(Code::ResourceExhausted, message)
}

impl Proxy {
    /// Executes a batch, at once if it is small and all of it is this shard's.
    #[inline]
    pub(crate) fn batch(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        checked: Checked<'_>,
    ) -> Result<(), Status> {
        let Checked { batch, entries, message, .. } = checked;
        let reserved_bytes = entries * result_bytes(batch);
        let bytes_max = self.registry.limits.message_bytes_max;
        if reserved_bytes > bytes_max {
            return Err(too_long(reserved_bytes, bytes_max));
        }
        client.connection.spend(entries);
        let is_small = entries <= BATCH_ENTRIES_AT_ONCE && message.len() <= BATCH_BYTES_AT_ONCE;
        if lane.shards > 1 || !is_small || !client.has_room_for_batch(reserved_bytes) {
            let results_bytes = if batch == Batch::Get { client.batch_bytes(entries) } else { reserved_bytes };
            return self.split(lane, client, origin, checked, results_bytes);
        }
        let mut results = std::mem::take(&mut self.batch_results);
        results.clear();
        let outcome = self.batch_at_once(lane, client, origin, checked, &mut results);
        if results.encoded.capacity() <= BATCH_RESULTS_BYTES_KEPT {
            self.batch_results = results;
        }
        outcome
    }

    #[inline]
    fn batch_at_once(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        checked: Checked<'_>,
        results: &mut Results,
    ) -> Result<(), Status> {
        let Checked { batch, namespace, backend, entries, message } = checked;
        let bytes_max = self.registry.limits.message_bytes_max;
        let Some(instance) = self.backends.get_mut(backend) else { return Err(status::from_failure(taken_away())) };
        let mut rest = message;
        while !rest.is_empty() {
            let what = (batch, namespace, lane.now_ns);
            let (_, done_bytes) = execute((instance, &self.hasher), what, rest, results, bytes_max);
            rest = &rest[done_bytes..];
        }
        let summary = summary(batch, results.good, entries);
        let bytes = results.bytes + view::batch_summary_bytes(summary);
        if bytes > bytes_max {
            return Err(too_long(bytes, bytes_max));
        }
        if batch == Batch::Get && !client.has_room_for_batch(bytes) {
            return self.split(lane, client, origin, checked, results.bytes);
        }
        client.connection.reply(origin.stream, bytes, |out| {
            out.extend_from_slice(&results.encoded);
            view::write_batch_summary(summary, out);
        });
        Ok(())
    }

    /// Splits a batch by the owners of its keys. The results are thought to have so many bytes.
    #[inline(never)]
    fn split(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        checked: Checked<'_>,
        results_bytes: usize,
    ) -> Result<(), Status> {
        let Checked { batch, namespace, entries, message, .. } = checked;
        let part = || (Part::new(batch, namespace, origin.deadline_ns), 0);
        let mut parts: Vec<(Part, usize)> = (0..lane.shards).map(|_| part()).collect();
        let mut owners = Vec::with_capacity(if lane.shards > 1 { entries } else { 0 });
        for entry in view::batch_entries(message) {
            let owner = if lane.shards > 1 {
                let key = match batch {
                    Batch::Set => SetView::decode(entry.content).map(|set| set.key.as_bytes()).unwrap_or_default(),
                    Batch::Get | Batch::Delete => entry.content,
                };
                let owner = route::owner(self.hasher.hash(namespace, key), lane.shards) as u16;
                owners.push(owner);
                usize::from(owner)
            } else {
                0
            };
            let (part, count) = &mut parts[owner];
            part.entries.extend_from_slice(entry.raw);
            *count += 1;
        }
        let bytes_max = self.registry.limits.message_bytes_max;
        let results_bytes = results_bytes.min(bytes_max);
        let parts = parts.into_iter().map(|(mut part, count)| {
            // What is thought of all is divided evenly.
            part.reserved_bytes = results_bytes * count / entries.max(1);
            part.results_bytes_max = if batch == Batch::Get { part.reserved_bytes } else { bytes_max };
            if count == 0 { Slot::None } else { Slot::Ready(part) }
        });
        let parts = parts.collect();
        let gather = Gather { origin, batch, entries, owners, parts, missing: 0, charged_bytes: 0 };
        if client.has_waiting_batches() {
            client.keep_batch(Box::new(gather), false);
            return Ok(());
        }
        self.go_on_with_batch(lane, client, Box::new(gather));
        Ok(())
    }

    /// Does what can be done for a batch none of whose parts is on its way.
    fn go_on_with_batch(&mut self, lane: &mut Lane<'_>, client: &mut Client, mut gather: Box<Gather>) {
        loop {
            let stream = gather.stream();
            if let Err(status) = gather.settle_failures() {
                return client.connection.finish(stream, &status, &[]);
            }
            let bytes_max = self.registry.limits.message_bytes_max;
            let wanted_bytes = gather.wanted_bytes();
            let slack = view::batch_summary_bytes(u32::MAX);
            if wanted_bytes > bytes_max + slack {
                return client.connection.finish(stream, &too_long(wanted_bytes - slack, bytes_max), &[]);
            }
            if !client.connection.has_room_for_reply(wanted_bytes) {
                return client.keep_batch(gather, true);
            }
            if gather.is_through() {
                return answer(client, &gather, bytes_max);
            }
            match self.start(lane, client, gather) {
                Some(through) => gather = through,
                None => return,
            }
        }
    }

    /// Has the parts executed that wait for that; the batch, if all have been already.
    fn start(&mut self, lane: &mut Lane<'_>, client: &mut Client, gather: Box<Gather>) -> Option<Box<Gather>> {
        let (origin, stream) = (gather.origin, gather.stream());
        let key = match self.batches.insert(gather) {
            Ok(key) => key,
            Err(_) => {
                let calls_max = self.registry.limits.calls_per_shard_max;
                client.connection.finish(stream, &status::too_many_calls(calls_max), &[]);
                return None;
            }
        };
        for owner in 0..lane.shards {
            let gather = self.batches.get_mut(key)?;
            let slot = &mut gather.parts[owner as usize];
            let part = match std::mem::replace(slot, Slot::Away) {
                Slot::Ready(part) => part,
                other => {
                    *slot = other;
                    continue;
                }
            };
            gather.missing += 1;
            let origin = Origin { whose: Whose::Part(key, owner as u16), ..origin };
            if let Err(status) = self.send_part(lane, client, origin, owner, part)
                && let Some(gather) = self.batches.get_mut(key)
            {
                gather.parts[owner as usize] = Slot::Failed(status);
                gather.missing -= 1;
            }
        }
        if self.batches.get(key)?.missing > 0 {
            return None;
        }
        self.batches.remove(key)
    }

    /// Sends a part to its owner, which may be this shard: there too it waits for its turn.
    fn send_part(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        owner: u32,
        part: Part,
    ) -> Result<(), Status> {
        let charged_bytes = part.entries.len() + part.reserved_bytes;
        let call = self.park(lane, client, origin, charged_bytes)?;
        if owner == lane.shard {
            self.desk.ask_part(owner, call.to_bits(), part);
        } else if lane.mesh.send(owner, Parcel::Part { call: call.to_bits(), part }).is_err() {
            self.unpark(client, call);
            return Err(status::mesh_full(owner));
        }
        Ok(())
    }

    /// A part has come back.
    pub(crate) fn batch_part_came(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        (key, owner): (SlabKey, u16),
        outcome: Outcome,
    ) {
        let Some(gather) = self.batches.get_mut(key) else { return };
        let slot = match outcome {
            Outcome::Part(part) if part.is_too_long() => Slot::Ready(part.again()),
            Outcome::Part(part) => Slot::Came(part.results),
            Outcome::Failed(failure) => Slot::Failed(status::from_failure(failure)),
            Outcome::Done(_) | Outcome::TooLong(..) | Outcome::Unsubscribed => {
                return debug_assert!(false, "it is no answer to a part");
            }
        };
        gather.parts[usize::from(owner)] = slot;
        gather.missing -= 1;
        client.connection.discharge(gather.charged_bytes);
        gather.charged_bytes = gather.bytes();
        if gather.missing > 0 {
            return client.connection.charge(gather.charged_bytes);
        }
        let Some(gather) = self.batches.remove(key) else { return };
        if client.connection.is_open(gather.stream()) {
            self.go_on_with_batch(lane, client, gather);
        }
    }

    /// The connection of a batch is gone.
    pub(crate) fn forget_batch(&mut self, key: SlabKey) {
        self.batches.remove(key);
    }

    /// Goes on with the batches of a connection for whose results there is room now.
    #[cold]
    pub(crate) fn feed_batches(&mut self, lane: &mut Lane<'_>, client: &mut Client) {
        while let Some(gather) = client.next_batch() {
            self.go_on_with_batch(lane, client, gather);
        }
    }

    /// Executes a part as far as one turn may; the outcome once it is done, and how much was done.
    pub(crate) fn execute_part(&mut self, now_ns: u64, mut part: Part) -> (Result<Outcome, Part>, usize) {
        let is_begun = part.done_bytes > 0;
        if !is_begun && part.deadline_ns != 0 && part.deadline_ns <= now_ns {
            let failure = Failure::new(FailureKind::Expired, status::expired().message);
            return (Ok(Outcome::Failed(failure)), 1);
        }
        let slot = self.registry.namespace(part.namespace);
        let slot = slot.and_then(|namespace| namespace.slot(crate::config::Group::KeyValue));
        let Some(instance) = slot.and_then(|slot| self.backends.get_mut(slot)) else {
            return (Ok(Outcome::Failed(taken_away())), 1);
        };
        let (is_done, work) = part.step(instance, &self.hasher, now_ns);
        (if is_done { Ok(Outcome::Part(part)) } else { Err(part) }, work)
    }
}

fn taken_away() -> Failure {
    Failure::new(FailureKind::Unavailable, "the namespace was taken away by a reload")
}

fn answer(client: &mut Client, gather: &Gather, bytes_max: usize) {
    let Gather { batch, entries, .. } = *gather;
    let summary = summary(batch, gather.good(), entries);
    let results_bytes = gather.wanted_bytes() - view::batch_summary_bytes(u32::MAX);
    let bytes = results_bytes + view::batch_summary_bytes(summary);
    if bytes > bytes_max {
        return client.connection.finish(gather.stream(), &too_long(bytes, bytes_max), &[]);
    }
    if batch == Batch::Get {
        client.learn_batch_bytes(results_bytes, entries);
    }
    client.connection.reply(gather.stream(), bytes, |out| {
        gather.write(out);
        view::write_batch_summary(summary, out);
    });
}
