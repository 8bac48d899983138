//! The store's commands on logs, and finding room for a record.

use std::fmt::Display;

use super::MemStore;
use super::budget::Shortage;
use super::log::{Address, Appended, Bounds, Reading, Refusal, Retention};
use crate::command::{LogCommand, LogReply};
use crate::limits::{LOG_DROPS_MAX, LOGS_MAX, PAGE_BYTES, RECLAIM_ATTEMPTS, RECLAIM_ATTEMPTS_PER_PAGE};
use crate::{Context, Execution, Failure, FailureKind, Record, Reply};

impl MemStore {
    /// What the logs of each namespace keep from now on, by [`Context::namespace`].
    pub fn set_retention(&mut self, retentions: &[Retention]) {
        self.logs.set_retention(&mut self.budget, retentions);
    }

    #[inline(never)]
    pub(super) fn execute_log<'s>(
        &'s mut self,
        context: &Context,
        topic: &[u8],
        command: &LogCommand<'_>,
    ) -> Execution<'s> {
        let address = Address { namespace: context.namespace, hash: context.hash, topic };
        let outcome = match *command {
            LogCommand::Append { ref record } => self.append(context, &address, record).map(LogReply::Appended),
            LogCommand::Trim { before } => self.trim(&address, before).map(LogReply::Trimmed),
            LogCommand::Bounds => Ok(LogReply::Bounds(self.logs.bounds(&address))),
            LogCommand::Create => self.create(context, &address).map(LogReply::Bounds),
            LogCommand::Read { from, ref extent } => Ok(match self.logs.read(&address, from, extent) {
                Reading::Records(records) => {
                    self.log_page.fill(records);
                    LogReply::Page(&self.log_page)
                }
                Reading::Outside(bounds) => LogReply::Outside(bounds),
                Reading::TooLong(bytes) => LogReply::TooLong(bytes),
            }),
        };
        match outcome {
            Ok(reply) => Execution::Done(Reply::Log(reply)),
            Err(failure) => Execution::Failed(failure),
        }
    }

    /// Appends a record.
    fn append(&mut self, context: &Context, address: &Address<'_>, record: &Record<'_>) -> Result<Appended, Failure> {
        let (now_ns, bytes) = (context.now_ns, record.encoded_bytes());
        let outcome =
            self.making_room(context, bytes, |store| store.logs.append(&mut store.budget, address, record, now_ns));
        outcome.map_err(|refusal| {
            self.refuse_log(refusal, &format_args!("the record is not appended to {}", name(address)))
        })
    }

    /// Creates a log unless it is there.
    fn create(&mut self, context: &Context, address: &Address<'_>) -> Result<Bounds, Failure> {
        let bytes = address.topic.len();
        let outcome = self.making_room(context, bytes, |store| store.logs.create(&mut store.budget, address));
        outcome.map_err(|refusal| self.refuse_log(refusal, &format_args!("the log {} is not created", name(address))))
    }

    /// Does what takes at least so many bytes of memory. When there is none, first what has expired goes, then keys as
    /// for any other write, while logs hold less than their part; then the oldest segments of all logs, if these would
    /// do. When a namespace's own bound stands in the way, what goes is the namespace's.
    #[inline]
    fn making_room<T>(
        &mut self,
        context: &Context,
        bytes: usize,
        mut act: impl FnMut(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut reclaims_left = RECLAIM_ATTEMPTS + RECLAIM_ATTEMPTS_PER_PAGE * bytes.div_ceil(PAGE_BYTES);
        let mut drops_left = LOG_DROPS_MAX;
        loop {
            let outcome = act(self);
            match outcome {
                Err(Refusal::Short(Shortage::Memory)) => {}
                Err(Refusal::Short(Shortage::Namespace(namespace))) => {
                    if reclaims_left > 0 && self.collect_own(context) {
                        reclaims_left -= 1;
                    } else if drops_left > 0 && self.logs.drop_oldest_of(&mut self.budget, namespace) {
                        drops_left -= 1;
                    } else {
                        return outcome;
                    }
                    continue;
                }
                _ => return outcome,
            }
            if reclaims_left > 0
                && !self.logs.is_bound_tighter(&self.budget)
                && (self.reclaim(context.now_ns) || self.evict(context.namespace, PAGE_BYTES))
            {
                reclaims_left -= 1;
            } else if drops_left > 0
                && self.logs.may_hold(&self.budget, bytes)
                && self.logs.drop_oldest(&mut self.budget)
            {
                drops_left -= 1;
            } else {
                return outcome;
            }
        }
    }

    /// Trims a log and says where it begins then.
    fn trim(&mut self, address: &Address<'_>, before: Option<u64>) -> Result<u64, Failure> {
        let latest = self.logs.bounds(address).latest;
        let before = before.unwrap_or(latest);
        if before > latest {
            let sentence =
                format!("before_offset {before} of stream {} is above the latest offset, {latest}", name(address));
            return Err(Failure::new(FailureKind::OutOfRange, sentence));
        }
        Ok(self.logs.trim(&mut self.budget, address, before).earliest)
    }

    #[cold]
    fn refuse_log(&mut self, refusal: Refusal, what: &dyn Display) -> Failure {
        self.counters.rejected += 1;
        let backend = &self.name;
        let memory_bytes_max = self.budget.bytes_max();
        let reason = match refusal {
            Refusal::Short(Shortage::Memory) if self.logs.is_bound_tighter(&self.budget) => format!(
                "logs hold half of the shard's part of backends.{backend}.memory_bytes_max ({memory_bytes_max} bytes)"
            ),
            Refusal::Short(Shortage::Memory) => {
                format!("the shard's part of backends.{backend}.memory_bytes_max ({memory_bytes_max} bytes) is in use")
            }
            Refusal::Short(Shortage::Namespace(namespace)) => self.full_namespace(namespace),
            Refusal::Short(Shortage::Crowded) => {
                format!("too many logs of backend {backend} have the same hash as this one")
            }
            Refusal::TooLarge => "it is larger than the retention_bytes that its log may hold".to_owned(),
            Refusal::TooMany => format!("backend {backend} has {LOGS_MAX} logs on the shard, which is the most"),
        };
        Failure::new(FailureKind::Exhausted, format!("{what}: {reason}"))
    }
}

/// The log's name for a person.
fn name(address: &Address<'_>) -> String {
    format!("{:?}", String::from_utf8_lossy(address.topic))
}
