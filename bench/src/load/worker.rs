//! One core of the load: it sends what is due, hears what has come, and sleeps only when neither can be soon.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::arrivals::Schedule;
use super::host;
use super::keys::Keys;
use super::lane::{self, Lane, Tools};
use super::ledger::{Call, Ledger};
use super::mix::Operation;
use super::plan::{Plan, share};
use super::random::Random;
use super::run::{Shared, Toll};
use super::socket::Poller;

/// What is read at once.
const READ_BYTES: usize = 128 << 10;
/// Calls that go to one connection before the next has its turn.
const CALLS_PER_TURN: usize = 32;
/// It does not sleep when the next call is due so soon, or anything has happened so lately: waking takes longer.
const SPIN_NS: u64 = 100_000;
/// How long connecting and each call of the prefill may take.
const SET_UP_NS: u64 = 5_000_000_000;
/// The longest sleep: then the flag that stops everything is looked at.
const SLEEP_MAX_NS: u64 = 20_000_000;
/// Calls of the prefill in flight on each connection, and on all of a core: servers bound what waits on them.
const PREFILL_CALLS: usize = 64;
const PREFILL_CALLS_MAX: usize = 512;
const SECOND_NS: u64 = 1_000_000_000;

pub(super) struct Worker<'p> {
    plan: &'p Plan,
    shared: &'p Shared,
    core: usize,
    poller: Poller,
    lanes: Vec<Lane>,
    ledger: Ledger,
    /// Calls that were due and that no connection has taken yet.
    waiting: VecDeque<Call>,
    keys: Keys,
    random: Random,
    buffer: Box<[u8]>,
    /// The connection whose turn it is.
    turn: usize,
    /// When something was last sent or heard.
    active_ns: u64,
}

impl<'p> Worker<'p> {
    /// The worker of the core with this place in the plan.
    pub(super) fn new(plan: &'p Plan, shared: &'p Shared, core: usize, ledger: Ledger) -> Result<Self, String> {
        let cores = plan.cores.len();
        let count = share(plan.connections, core, cores);
        let concurrency = share(plan.concurrency, core, cores).max(PREFILL_CALLS);
        let lane = |number: usize| {
            let random = Random::fork(plan.seed, 4 + core as u64, number as u64);
            Lane::new(number, lane::config(plan, concurrency), random)
        };
        Ok(Self {
            plan,
            shared,
            core,
            poller: Poller::new().map_err(|error| error.to_string())?,
            lanes: (0..count).map(lane).collect::<Result<_, _>>()?,
            ledger,
            waiting: VecDeque::with_capacity(1_024),
            keys: Keys::new(plan.key_distribution, plan.keys, core, cores, plan.seed),
            random: Random::fork(plan.seed, 1_000, core as u64),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            turn: 0,
            active_ns: 0,
        })
    }

    /// Connects, and writes this core's part of the keys when the plan wants that.
    pub(super) fn set_up(&mut self) -> Result<(), String> {
        let begin_ns = self.now_ns();
        while self.lanes.iter().any(|lane| lane.connects == 0) {
            self.turn_over(self.now_ns() + SLEEP_MAX_NS, false)?;
            if self.now_ns() > begin_ns + SET_UP_NS || self.is_stopped() {
                let loss = self.lanes.iter().find_map(|lane| lane.last_loss.clone());
                return Err(loss.unwrap_or_else(|| "the connections do not come about".to_owned()));
            }
        }
        if self.plan.prefill { self.prefill() } else { Ok(()) }
    }

    fn prefill(&mut self) -> Result<(), String> {
        let cores = self.plan.cores.len() as u64;
        let calls_max = (PREFILL_CALLS * self.lanes.len()).min(PREFILL_CALLS_MAX);
        let mut key = self.core as u64;
        let (mut ended, mut ended_ns) = (0, self.now_ns());
        while key < self.plan.keys || self.ledger.in_flight > 0 {
            let now_ns = self.now_ns();
            while key < self.plan.keys && self.ledger.in_flight < calls_max {
                let call = Call { operation: Operation::Set, key, ..self.draw(now_ns, false) };
                if !self.offer(&call, now_ns) {
                    break;
                }
                key += cores;
            }
            self.turn_over(now_ns + SLEEP_MAX_NS, false)?;
            if self.ledger.ended > ended {
                self.shared.filled.fetch_add(self.ledger.ended - ended, Ordering::Relaxed);
                (ended, ended_ns) = (self.ledger.ended, now_ns);
            }
            if let Some(failure) = &self.ledger.first_failure {
                return Err(format!("the prefill failed: {failure}"));
            }
            if self.is_stopped() {
                return Err("interrupted while the keys were filled".to_owned());
            }
            if now_ns > ended_ns + SET_UP_NS {
                return Err("the prefill does not go on: no call has ended for 5 s".to_owned());
            }
        }
        Ok(())
    }

    /// Everything from the warm-up to the last answer. The run begins at `begin_ns`.
    pub(super) fn run(mut self, begin_ns: u64) -> Result<Toll, String> {
        let (stolen_ns, waited_ns) = (host::stolen_ns(self.plan.cores[self.core]), host::waited_ns());
        let plan = self.plan;
        let measure_ns = begin_ns + plan.warmup_ns;
        let mut end_ns = measure_ns + plan.duration_ns;
        let mut second = 0;
        let mut schedule =
            (!plan.is_closed()).then(|| Schedule::new(plan.arrivals, plan.rps, self.core, plan.cores.len(), plan.seed));
        let concurrency = share(plan.concurrency, self.core, plan.cores.len());
        loop {
            let now_ns = self.now_ns();
            if self.is_stopped() && now_ns < end_ns {
                end_ns = now_ns;
            }
            while now_ns >= measure_ns + (second + 1) * SECOND_NS && measure_ns + (second + 1) * SECOND_NS < end_ns {
                self.ledger.hand_over(second);
                second += 1;
            }
            let send_ns = match &mut schedule {
                Some(schedule) => self.draw_due(schedule, begin_ns, now_ns, measure_ns, end_ns, concurrency),
                None => {
                    self.refill(now_ns, measure_ns, end_ns, concurrency);
                    u64::MAX
                }
            };
            self.send_waiting(now_ns);
            if now_ns >= end_ns && self.waiting.is_empty() && self.ledger.in_flight == 0 {
                break;
            }
            let expiry_ns = self.waiting.front().map_or(u64::MAX, |call| call.intended_ns + plan.timeout_ns);
            let boundary_ns = if now_ns < end_ns { end_ns } else { u64::MAX };
            self.turn_over(send_ns.min(expiry_ns).min(boundary_ns), !plan.is_closed())?;
        }
        self.ledger.hand_over(second);
        let now_ns = self.now_ns();
        Ok(Toll {
            core: plan.cores[self.core],
            measured_ns: end_ns.saturating_sub(measure_ns),
            elapsed_ns: now_ns.saturating_sub(begin_ns),
            stolen_ns: host::stolen_ns(plan.cores[self.core]).saturating_sub(stolen_ns),
            waited_ns: host::waited_ns().saturating_sub(waited_ns),
            reconnects: self.lanes.iter().map(|lane| lane.connects.saturating_sub(1)).sum(),
            connects_failed: self.lanes.iter().map(|lane| lane.connects_failed).sum(),
            first_failure: self.ledger.first_failure,
        })
    }

    /// Takes what is due from the schedule; when the next call is.
    fn draw_due(
        &mut self,
        schedule: &mut Schedule,
        begin_ns: u64,
        now_ns: u64,
        measure_ns: u64,
        end_ns: u64,
        concurrency: usize,
    ) -> u64 {
        loop {
            let due_ns = begin_ns + schedule.due_ns();
            if due_ns >= end_ns {
                return u64::MAX;
            }
            if due_ns > now_ns {
                return due_ns;
            }
            schedule.advance();
            let call = self.draw(due_ns, due_ns >= measure_ns);
            self.ledger.intend(&call);
            if self.ledger.in_flight + self.waiting.len() >= concurrency {
                self.ledger.drop_call(&call);
            } else {
                self.waiting.push_back(call);
            }
        }
    }

    /// In a closed loop, makes as many calls as may be in flight.
    fn refill(&mut self, now_ns: u64, measure_ns: u64, end_ns: u64, concurrency: usize) {
        while now_ns < end_ns && self.ledger.in_flight < concurrency {
            let call = self.draw(now_ns, now_ns >= measure_ns);
            if !self.offer(&call, now_ns) {
                return;
            }
            self.ledger.intend(&call);
        }
    }

    #[inline]
    fn draw(&mut self, intended_ns: u64, is_measured: bool) -> Call {
        let place = self.plan.mix.draw(&mut self.random);
        let operation = self.plan.mix.operation(place);
        let key = self.keys.draw(operation == Operation::Set);
        let takes = operation == Operation::List && self.random.below(2) == 0;
        Call { intended_ns, sent_ns: 0, key, operation, takes, place, is_measured, is_missing: false, is_wrong: false }
    }

    /// Sends what is due, as far as connections take it, and gives up what has waited its time.
    fn send_waiting(&mut self, now_ns: u64) {
        while let Some(&call) = self.waiting.front() {
            if call.intended_ns + self.plan.timeout_ns <= now_ns {
                self.ledger.give_up(&call, now_ns);
            } else if !self.offer(&call, now_ns) {
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// Gives a call to a connection. Neighbours in time go out together: a send is dearer than a call.
    #[inline]
    fn offer(&mut self, call: &Call, now_ns: u64) -> bool {
        let count = self.lanes.len();
        for step in 0..count {
            let lane = (self.turn / CALLS_PER_TURN + step) % count;
            if self.lanes[lane].call(&self.shared.requests, &mut self.ledger, call, now_ns) {
                self.turn += step * CALLS_PER_TURN + 1;
                self.active_ns = now_ns;
                return true;
            }
        }
        false
    }

    /// Sends what the connections have to send, waits until something happens or `until_ns` has come, and deals with
    /// it. With `spins` it does not sleep close to either.
    fn turn_over(&mut self, until_ns: u64, spins: bool) -> Result<(), String> {
        let fail = |error: io::Error| format!("waiting for the sockets failed: {error}");
        let mut tools = Tools {
            plan: self.plan,
            requests: &self.shared.requests,
            clock: self.shared.clock,
            poller: &mut self.poller,
            ledger: &mut self.ledger,
            buffer: &mut self.buffer,
        };
        self.turn = (self.turn / CALLS_PER_TURN + 1) % self.lanes.len() * CALLS_PER_TURN;
        let mut next_ns = until_ns;
        for lane in &mut self.lanes {
            lane.flush(&mut tools);
            next_ns = next_ns.min(lane.next_ns());
        }
        let now_ns = tools.clock.now_ns();
        let mut sleep_ns = next_ns.saturating_sub(now_ns).min(SLEEP_MAX_NS);
        if spins {
            let is_active = now_ns < self.active_ns + SPIN_NS;
            sleep_ns = if is_active { 0 } else { sleep_ns.saturating_sub(SPIN_NS) };
        }
        tools.poller.wait(Duration::from_nanos(sleep_ns)).map_err(fail)?;
        for index in 0..tools.poller.ready() {
            let (is_readable, is_closing) = (tools.poller.is_readable(index), tools.poller.is_closing(index));
            let number = tools.poller.number(index);
            self.lanes[number].react(&mut tools, is_readable, is_closing);
        }
        let now_ns = tools.clock.now_ns();
        if tools.poller.ready() > 0 {
            self.active_ns = now_ns;
        }
        for lane in &mut self.lanes {
            if lane.next_ns() <= now_ns {
                lane.tend(&mut tools, now_ns);
            }
        }
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        self.shared.clock.now_ns()
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed) || self.shared.is_given_up.load(Ordering::Relaxed)
    }
}
