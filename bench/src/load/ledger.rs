//! Where one core writes down what becomes of its calls, second by second.

use std::sync::mpsc::{Receiver, Sender};

use prism_proto::status::{Code, Status};

use super::account::Interval;
use super::mix::Operation;
use super::plan::Plan;

/// A call from when it was due until it has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) intended_ns: u64,
    /// 0: not yet given to a socket.
    pub(super) sent_ns: u64,
    pub(super) key: u64,
    pub(super) operation: Operation,
    /// Of the two sides of a list, the one that takes.
    pub(super) takes: bool,
    /// Its place in the mix.
    pub(super) place: u8,
    /// Whether it is part of what is measured, and not of the warm-up.
    pub(super) is_measured: bool,
    /// A read has found nothing, or another value than it should.
    pub(super) is_missing: bool,
    pub(super) is_wrong: bool,
}

/// What one core tells the thread that merges.
#[derive(Debug)]
pub(super) enum Message {
    /// The connections stand and the keys are filled.
    Ready,
    /// A second is over.
    Second(Box<Interval>),
    /// It could not begin.
    Failed(String),
}

/// The accounts of one core.
#[derive(Debug)]
pub(super) struct Ledger {
    interval: Box<Interval>,
    /// Empty intervals that come back.
    spare: Receiver<Box<Interval>>,
    sender: Sender<Message>,
    timeout_ns: u64,
    is_closed: bool,
    /// Calls given to a connection and not ended.
    pub(super) in_flight: usize,
    /// Calls that were not ok, measured or not, and what the first of them said.
    pub(super) failures: u64,
    pub(super) first_failure: Option<String>,
    /// Calls that have ended.
    pub(super) ended: u64,
}

impl Ledger {
    pub(super) fn new(plan: &Plan, spare: Receiver<Box<Interval>>, sender: Sender<Message>) -> Self {
        Self {
            interval: Box::new(Interval::new(plan.mix.operations().len())),
            spare,
            sender,
            timeout_ns: plan.timeout_ns,
            is_closed: plan.is_closed(),
            in_flight: 0,
            failures: 0,
            first_failure: None,
            ended: 0,
        }
    }

    /// A call is due.
    #[inline]
    pub(super) fn intend(&mut self, call: &Call) {
        if call.is_measured {
            self.interval.operations[usize::from(call.place)].tally.intended += 1;
        }
    }

    /// It cannot be made, since too many are in flight: as bad as one that never ends.
    #[cold]
    pub(super) fn drop_call(&mut self, call: &Call) {
        if call.is_measured {
            let account = &mut self.interval.operations[usize::from(call.place)];
            account.tally.dropped += 1;
            account.clocks.response.saturating_record(self.timeout_ns);
        }
    }

    /// It is given to a socket.
    #[inline]
    pub(super) fn send(&mut self, call: &mut Call, now_ns: u64) {
        call.sent_ns = now_ns;
        if self.is_closed {
            call.intended_ns = now_ns;
        }
        if call.is_measured {
            let account = &mut self.interval.operations[usize::from(call.place)];
            account.tally.sent += 1;
            account.clocks.lag.saturating_record(now_ns.saturating_sub(call.intended_ns));
        }
    }

    /// Its time is up before any connection would take it.
    #[cold]
    pub(super) fn give_up(&mut self, call: &Call, now_ns: u64) {
        if call.is_measured {
            let account = &mut self.interval.operations[usize::from(call.place)];
            account.tally.timeouts += 1;
            account.clocks.response.saturating_record(now_ns.saturating_sub(call.intended_ns));
            account.clocks.lag.saturating_record(now_ns.saturating_sub(call.intended_ns));
        }
    }

    /// It has ended.
    #[inline]
    pub(super) fn finish(&mut self, call: &Call, status: &Status, now_ns: u64) {
        self.in_flight -= 1;
        self.ended += 1;
        if status.code != Code::Ok {
            self.fail(status);
        }
        if !call.is_measured {
            return;
        }
        let account = &mut self.interval.operations[usize::from(call.place)];
        account.clocks.response.saturating_record(now_ns.saturating_sub(call.intended_ns));
        if call.sent_ns != 0 {
            account.clocks.service.saturating_record(now_ns.saturating_sub(call.sent_ns));
        }
        match status.code {
            Code::Ok if call.is_wrong => {
                account.tally.errors[0] += 1;
                self.first_failure.get_or_insert_with(|| format!("key {} has another value than it should", call.key));
            }
            Code::Ok => {
                account.tally.ok += 1;
                account.tally.missing += u64::from(call.is_missing);
            }
            Code::DeadlineExceeded => account.tally.timeouts += 1,
            code => account.tally.errors[code as usize] += 1,
        }
    }

    #[cold]
    fn fail(&mut self, status: &Status) {
        self.failures += 1;
        if self.first_failure.is_none() {
            self.first_failure = Some(format!("{}: {}", status.code.name(), status.message));
        }
    }

    /// Ends a second and begins another; the memory goes round.
    pub(super) fn hand_over(&mut self, second: u64) {
        let empty = self.spare.try_recv();
        let empty = empty.unwrap_or_else(|_| Box::new(Interval::new(self.interval.operations.len())));
        let mut full = std::mem::replace(&mut self.interval, empty);
        full.second = second;
        // Whoever merges may have given up.
        let _gone = self.sender.send(Message::Second(full));
    }
}
