//! A run: a pinned thread for each core, and one that merges what they count, second by second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::account::{Account, Interval};
use super::host;
use super::ledger::{Ledger, Message};
use super::plan::Plan;
use super::report::Second;
use super::request::Requests;
use super::worker::Worker;

/// The clock of a run: nanoseconds since it was made, the same on every core.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) const fn new(start: Instant) -> Self {
        Self(start)
    }

    #[inline]
    pub(super) fn now_ns(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// What all cores share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) requests: Requests,
    /// Another core could not begin.
    pub(super) is_given_up: AtomicBool,
    /// Keys that the prefill has written.
    pub(super) filled: AtomicU64,
}

/// What a run has cost one core, and what its connections went through.
#[derive(Debug, Clone, Default)]
pub struct Toll {
    /// The core.
    pub core: usize,
    /// How long it measured; less than planned when it was interrupted.
    pub measured_ns: u64,
    /// From the warm-up to the last answer.
    pub elapsed_ns: u64,
    /// Of that, what the hypervisor took from the core.
    pub stolen_ns: u64,
    /// Of that, how long the thread could have run and did not.
    pub waited_ns: u64,
    /// Connections that were made again.
    pub reconnects: u64,
    /// Tries to connect that failed.
    pub connects_failed: u64,
    /// What the first call that was not ok said.
    pub first_failure: Option<String>,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In the order of the mix.
    pub operations: Vec<Account>,
    /// All operations together.
    pub total: Account,
    /// The same for each second, without histograms, so that a long run needs no more memory than a short one.
    pub seconds: Vec<Second>,
    /// For each core.
    pub tolls: Vec<Toll>,
    /// When the measuring began, in seconds since 1970.
    pub began_at: u64,
    /// Whether it was ended early.
    pub is_interrupted: bool,
}

impl Outcome {
    /// How long was measured.
    pub fn measured_seconds(&self) -> f64 {
        self.tolls.iter().map(|toll| toll.measured_ns).max().unwrap_or(0) as f64 / 1e9
    }

    /// Calls that were ok, in a second.
    pub fn rps(&self, account: &Account) -> f64 {
        let seconds = self.measured_seconds();
        if seconds > 0.0 { account.tally.ok as f64 / seconds } else { 0.0 }
    }
}

/// What a person who waits wants to know.
#[derive(Debug)]
pub enum Progress<'p> {
    /// Keys written of all.
    Filled(u64, u64),
    /// A second has been measured on all cores.
    Second(u64, &'p Account),
}

/// How long after everything is ready the run begins, so that no core begins late.
const HEAD_START_NS: u64 = 20_000_000;

/// Runs the plan; `stop` ends it early, with a full report.
///
/// # Errors
/// Why it could not begin.
pub fn run(plan: &Plan, stop: &Arc<AtomicBool>, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Outcome, String> {
    let requests = Requests::new(plan);
    let clock = Clock::new(Instant::now());
    let (is_given_up, filled) = (AtomicBool::new(false), AtomicU64::new(0));
    let shared = &Shared { clock, stop: Arc::clone(stop), requests, is_given_up, filled };
    let (sender, messages) = mpsc::channel();
    thread::scope(|scope| {
        let mut spares = Vec::new();
        let mut starts = Vec::new();
        let mut threads = Vec::new();
        for core in 0..plan.cores.len() {
            let (spare, spare_end) = mpsc::channel();
            let (start, start_end) = mpsc::channel();
            spares.push(spare);
            starts.push(start);
            let sender = sender.clone();
            let work = move || work(plan, shared, core, spare_end, sender, &start_end);
            let named = thread::Builder::new().name(format!("load-{core}"));
            threads.push(named.spawn_scoped(scope, work).map_err(|error| error.to_string())?);
        }
        drop(sender);
        let mut merger = Merger::new(plan, spares);
        let began = begin(plan, shared, &messages, progress).map(|began_at| {
            let begin_ns = clock.now_ns() + HEAD_START_NS;
            for start in &starts {
                // A thread that is gone tells why at its end.
                let _gone = start.send(begin_ns);
            }
            merger.outcome.began_at = began_at;
        });
        shared.is_given_up.store(began.is_err(), Ordering::Relaxed);
        // Those that wait for the start and do not get one end.
        drop(starts);
        while let Ok(message) = messages.recv() {
            match message {
                Message::Second(interval) => merger.take(interval, progress),
                // Told by `begin`, or by the thread's own end.
                Message::Ready | Message::Failed(_) => {}
            }
        }
        let mut tolls = Vec::new();
        for thread in threads {
            tolls.push(thread.join().map_err(|_| "a thread of the load has panicked".to_owned())?);
        }
        began?;
        merger.outcome.tolls = tolls.into_iter().collect::<Result<_, _>>()?;
        merger.outcome.is_interrupted = stop.load(Ordering::Relaxed);
        Ok(merger.outcome)
    })
}

/// Waits until every core is ready; the time of day then.
fn begin(
    plan: &Plan,
    shared: &Shared,
    messages: &Receiver<Message>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<u64, String> {
    let mut ready = 0;
    while ready < plan.cores.len() {
        match messages.recv_timeout(Duration::from_secs(1)) {
            Ok(Message::Ready) => ready += 1,
            Ok(Message::Failed(reason)) => return Err(reason),
            Ok(Message::Second(_)) => {}
            Err(RecvTimeoutError::Timeout) if plan.prefill => {
                progress(Progress::Filled(shared.filled.load(Ordering::Relaxed), plan.keys));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("a thread of the load has panicked".to_owned()),
        }
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Ok(now.map_or(0, |since| since.as_secs()))
}

/// What each thread does.
fn work(
    plan: &Plan,
    shared: &Shared,
    core: usize,
    spare: Receiver<Box<Interval>>,
    sender: Sender<Message>,
    start: &Receiver<u64>,
) -> Result<Toll, String> {
    let set_up = || {
        host::pin(plan.cores[core])?;
        let mut worker = Worker::new(plan, shared, core, Ledger::new(plan, spare, sender.clone()))?;
        worker.set_up()?;
        Ok(worker)
    };
    match set_up() {
        Ok(worker) => {
            // Nobody listens any more when another core has failed, and no start comes.
            let _gone = sender.send(Message::Ready);
            drop(sender);
            start.recv().map_err(|_| String::new()).and_then(|begin_ns| worker.run(begin_ns))
        }
        Err(reason) => {
            let reason: String = reason;
            let _gone = sender.send(Message::Failed(reason.clone()));
            Err(reason)
        }
    }
}

/// Adds up what the cores hand over.
struct Merger {
    outcome: Outcome,
    spares: Vec<Sender<Box<Interval>>>,
    /// Seconds that not every core has handed over, with how many have.
    open: BTreeMap<u64, (usize, Account)>,
    /// Empty accounts for the next ones.
    accounts: Vec<Account>,
    cores: usize,
    turn: usize,
}

impl Merger {
    fn new(plan: &Plan, spares: Vec<Sender<Box<Interval>>>) -> Self {
        let operations = vec![Account::default(); plan.mix.operations().len()];
        let outcome = Outcome {
            operations,
            total: Account::default(),
            seconds: Vec::new(),
            tolls: Vec::new(),
            began_at: 0,
            is_interrupted: false,
        };
        Self { outcome, spares, open: BTreeMap::new(), accounts: Vec::new(), cores: plan.cores.len(), turn: 0 }
    }

    fn take(&mut self, mut interval: Box<Interval>, progress: &mut dyn FnMut(Progress<'_>)) {
        let fresh = || (0, self.accounts.pop().unwrap_or_default());
        let (count, second) = self.open.entry(interval.second).or_insert_with(fresh);
        *count += 1;
        for (account, total) in interval.operations.iter().zip(&mut self.outcome.operations) {
            total.merge(account);
            self.outcome.total.merge(account);
            second.merge(account);
        }
        if *count == self.cores
            && let Some((_, mut account)) = self.open.remove(&interval.second)
        {
            progress(Progress::Second(interval.second, &account));
            self.outcome.seconds.push(Second::new(interval.second, &account));
            account.reset();
            self.accounts.push(account);
        }
        interval.operations.iter_mut().for_each(Account::reset);
        // Any core may have it; one that has ended needs none.
        self.turn = (self.turn + 1) % self.cores;
        let _ended = self.spares[self.turn].send(interval);
    }
}
