//! Every interleaving of the queue between two shards and of the sleep that must not be missed, by model checking.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p prism-shard --release --test loom_mesh --target-dir target/loom`
#![cfg(loom)]
#![allow(dead_code, clippy::unwrap_used)]

#[path = "../src/bell.rs"]
mod bell;
#[path = "../src/spsc.rs"]
mod spsc;
#[path = "../src/sync.rs"]
mod sync;

use bell::Bell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use spsc::{Consumer, Producer, channel};

/// The part of the kernel: completions that wait, and a sleep that ends when there is one.
struct Ring {
    completions: AtomicUsize,
}

impl Ring {
    fn new() -> Self {
        Self { completions: AtomicUsize::new(0) }
    }

    fn wake(&self) {
        self.completions.fetch_add(1, Ordering::Release);
    }

    /// Sleeps until there is a completion. With none to come it never returns, which loom reports.
    fn wait(&self) {
        while self.completions.swap(0, Ordering::Acquire) == 0 {
            thread::yield_now();
        }
    }
}

/// One shard's sleep, as the turn loop does it. A wake-up that is missed leaves it here for ever, which loom reports.
fn receive(inboxes: &mut [Consumer<usize>], wanted: usize, bell: &Bell, ring: &Ring) -> Vec<usize> {
    let mut received = Vec::new();
    loop {
        for inbox in &mut *inboxes {
            received.extend(std::iter::from_fn(|| inbox.pop()));
            inbox.release();
        }
        if received.len() == wanted {
            return received;
        }
        bell.park();
        if inboxes.iter().all(Consumer::is_empty) {
            ring.wait();
        }
        bell.unpark();
    }
}

/// The end of a turn that has sent something.
fn publish(outbox: &mut Producer<usize>, bell: &Bell, ring: &Ring) {
    outbox.publish();
    if bell.must_ring() {
        ring.wake();
    }
}

/// Runs a model in every interleaving with at most three preemptions, which finds what real machines do and ends in
/// time.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn items_arrive_once_and_in_order() {
    check(|| {
        let (mut producer, mut consumer) = channel(2);
        let sender = thread::spawn(move || {
            for item in 0..3_usize {
                while producer.push(Box::new(item)).is_err() {
                    thread::yield_now();
                }
                if item != 0 {
                    producer.publish();
                }
            }
        });
        for expected in 0..3 {
            let item = loop {
                match consumer.pop() {
                    Some(item) => break item,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(*item, expected);
            consumer.release();
        }
        sender.join().unwrap();
        assert!(consumer.is_empty());
    });
}

#[test]
fn what_nobody_took_is_dropped_by_the_last_end() {
    check(|| {
        let item = Arc::new(());
        let (mut producer, mut consumer) = channel(2);
        let theirs = item.clone();
        let sender = thread::spawn(move || {
            producer.push(theirs.clone()).unwrap();
            producer.publish();
            producer.push(theirs).unwrap();
        });
        drop(consumer.pop());
        drop(consumer);
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&item), 1);
    });
}

#[test]
fn a_push_to_a_sleeping_shard_is_not_missed() {
    check(|| {
        let (mut producer, consumer) = channel(2);
        let (bell, ring) = (Arc::new(Bell::new()), Arc::new(Ring::new()));
        let (their_bell, their_ring) = (bell.clone(), ring.clone());
        let sender = thread::spawn(move || {
            for item in 0..2 {
                producer.push(item).unwrap();
                publish(&mut producer, &their_bell, &their_ring);
            }
        });
        assert_eq!(receive(&mut [consumer], 2, &bell, &ring), [0, 1]);
        sender.join().unwrap();
    });
}

#[test]
fn of_two_pushers_none_is_missed_and_one_rings() {
    check(|| {
        let (bell, ring) = (Arc::new(Bell::new()), Arc::new(Ring::new()));
        let (first, first_inbox) = channel(1);
        let (second, second_inbox) = channel(1);
        let senders: Vec<_> = [first, second]
            .into_iter()
            .map(|mut producer| {
                let (bell, ring) = (bell.clone(), ring.clone());
                thread::spawn(move || {
                    producer.push(7).unwrap();
                    publish(&mut producer, &bell, &ring);
                })
            })
            .collect();
        assert_eq!(receive(&mut [first_inbox, second_inbox], 2, &bell, &ring), [7, 7]);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}
