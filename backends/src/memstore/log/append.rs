//! Adding a record to the end of a log.

use super::super::budget::Budget;
use super::chain::Log;
use super::order::{OF_ALL, OF_NAMESPACE};
use super::segment::{self, Segment};
use super::{Address, Logs, Refusal, Retention};
use crate::Record;
use crate::limits::{
    LOG_DROPS_MAX, LOG_SEGMENT_AGES_MIN, LOG_SEGMENT_BYTES_MAX, LOG_SEGMENT_BYTES_MIN, LOG_SEGMENTS_MIN,
};

/// What became of an appended record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its offset.
    pub offset: u64,
    /// Its time in milliseconds since the epoch: that of the call, or of the record before it when that is later.
    pub timestamp_ms: u64,
}

impl Logs {
    /// Appends a record, and creates the log if it is not there and the record is taken. Segments of the same log go
    /// first when it holds all that its namespace keeps.
    ///
    /// # Errors
    /// When there is no memory: after segments were dropped, the same may succeed.
    pub(in super::super) fn append(
        &mut self,
        budget: &mut Budget,
        address: &Address<'_>,
        record: &Record<'_>,
        now_ns: u64,
    ) -> Result<Appended, Refusal> {
        self.counted(budget, |logs, budget| {
            let count = logs.count();
            let number = logs.find_or_create(budget, address)?;
            let outcome = logs.append_to(budget, number, record, now_ns);
            if outcome.is_err() && logs.count() > count {
                logs.remove_last(budget, address);
            }
            outcome
        })
    }

    #[inline]
    fn append_to(
        &mut self,
        budget: &mut Budget,
        number: usize,
        record: &Record<'_>,
        now_ns: u64,
    ) -> Result<Appended, Refusal> {
        let log = &self.logs[number];
        let record = Record { timestamp_ms: record.timestamp_ms.max(log.timestamp_ms), ..*record };
        let record_bytes = record.encoded_bytes();
        let age_max_ns = self.namespaces[usize::from(log.namespace)].retention.age_max_ns;
        let last = log.chain.back().copied();
        let segment = match last {
            Some(last) if is_writable(self.segments.get(last), record_bytes, age_max_ns, now_ns) => last,
            _ => self.add_segment(budget, number, record_bytes, now_ns)?,
        };
        self.segments.get_mut(segment).push(&record, now_ns);
        let log = &mut self.logs[number];
        let offset = log.next;
        log.next += 1;
        log.timestamp_ms = record.timestamp_ms;
        self.segments.renew(&mut self.order, OF_ALL, segment);
        let order = &mut self.namespaces[usize::from(log.namespace)].order;
        self.segments.renew(order, OF_NAMESPACE, segment);
        Ok(Appended { offset, timestamp_ms: record.timestamp_ms })
    }

    /// A segment with room for a record of so many bytes, at the end of the log.
    #[cold]
    fn add_segment(
        &mut self,
        budget: &mut Budget,
        number: usize,
        record_bytes: usize,
        now_ns: u64,
    ) -> Result<u32, Refusal> {
        let retention = self.namespaces[usize::from(self.logs[number].namespace)].retention;
        if segment::cost_bytes(record_bytes) > retention.bytes_max {
            return Err(Refusal::TooLarge);
        }
        self.seal_last(budget, number);
        let capacity = self.capacity(&self.logs[number], &retention, record_bytes);
        let cost_bytes = segment::cost_bytes(capacity);
        let mut drops_left = LOG_DROPS_MAX;
        while self.logs[number].held_bytes + cost_bytes > retention.bytes_max && drops_left > 0 {
            if !self.drop_first(budget, number) {
                break;
            }
            drops_left -= 1;
        }
        self.segments.reserve(budget)?;
        let log = &mut self.logs[number];
        log.reserve(budget)?;
        let segment = budget.charged(log.namespace, cost_bytes, |budget| {
            Segment::new(budget, number as u32, log.next, capacity, now_ns)
        })?;
        let added = self.segments.insert(segment);
        log.chain.push_back(added);
        log.held_bytes += cost_bytes;
        self.segments.add_newest(&mut self.order, OF_ALL, added);
        let order = &mut self.namespaces[usize::from(log.namespace)].order;
        self.segments.add_newest(order, OF_NAMESPACE, added);
        Ok(added)
    }

    fn seal_last(&mut self, budget: &mut Budget, number: usize) {
        let log = &mut self.logs[number];
        if let Some(&last) = log.chain.back() {
            let sealed_bytes = self.segments.get_mut(last).seal(budget);
            log.held_bytes -= sealed_bytes;
            budget.credit(log.namespace, sealed_bytes);
        }
    }

    /// The size of the next segment: twice what the last one holds, within bounds, or all of a long record.
    fn capacity(&self, log: &Log, retention: &Retention, record_bytes: usize) -> usize {
        let largest = (retention.bytes_max / LOG_SEGMENTS_MIN).clamp(LOG_SEGMENT_BYTES_MIN, LOG_SEGMENT_BYTES_MAX);
        let last = log.chain.back().map_or(0, |last| self.segments.get(*last).used_bytes());
        (2 * last).next_power_of_two().clamp(LOG_SEGMENT_BYTES_MIN, largest).max(record_bytes)
    }
}

/// Whether a record may go to the log's last segment: there is room, and its first record is not so old that the
/// others would be kept too long because of it.
#[inline]
fn is_writable(segment: &Segment, record_bytes: usize, age_max_ns: u64, now_ns: u64) -> bool {
    segment.has_room(record_bytes)
        && (age_max_ns == 0 || now_ns.saturating_sub(segment.begun_ns) < age_max_ns / LOG_SEGMENT_AGES_MIN)
}
