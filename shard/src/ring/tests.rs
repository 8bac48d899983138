//! The ring against the kernel.

use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

use super::*;

const LONG_NS: u64 = 30_000_000_000;

fn token(kind: Kind) -> Token {
    Token::new(kind, 1, 2)
}

fn wait_for(ring: &mut Ring, count: usize) -> Vec<Completion> {
    let mut completions = Vec::new();
    while completions.len() < count {
        ring.enter(Some(LONG_NS)).unwrap();
        ring.reap(&mut completions);
    }
    completions
}

#[test]
fn a_send_completes_in_the_enter_that_submits_it() {
    let mut ring = Ring::new(8).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let bytes = *b"hello";
    // SAFETY: `bytes` outlives the ring's wait below.
    unsafe { ring.send(ours.as_raw_fd(), &bytes, token(Kind::Send)) };
    ring.enter(None).unwrap();
    let mut completions = Vec::new();
    ring.reap(&mut completions);
    assert_eq!((completions.len(), completions[0].result, completions[0].token), (1, 5, token(Kind::Send)));
    let mut read = [0; 5];
    theirs.read_exact(&mut read).unwrap();
    assert_eq!((read, ring.enters()), (bytes, 1));
}

#[test]
fn a_time_out_is_no_error_and_no_completion() {
    let mut ring = Ring::new(8).unwrap();
    ring.enter(Some(1_000_000)).unwrap();
    let mut completions = Vec::new();
    ring.reap(&mut completions);
    assert!(completions.is_empty() && !ring.has_completions() && !ring.has_deferred_work());
}

#[test]
fn what_arrives_shows_without_a_system_call() {
    let mut ring = Ring::new(8).unwrap();
    let target = ring.descriptor().unwrap();
    std::thread::spawn(move || {
        let mut other = Ring::new(8).unwrap();
        other.wake(target.as_raw_fd(), 0);
        other.enter(None).unwrap();
    })
    .join()
    .unwrap();
    assert!(ring.has_deferred_work() || ring.has_completions());
    ring.enter(None).unwrap();
    assert!(ring.has_completions());
}

#[test]
fn more_operations_than_entries_are_all_submitted() {
    let mut ring = Ring::new(4).unwrap();
    for _ in 0..100 {
        ring.cancel(token(Kind::Receive), token(Kind::Cancel));
    }
    for completion in wait_for(&mut ring, 100) {
        assert_eq!((completion.result, completion.token), (-libc::ENOENT, token(Kind::Cancel)));
    }
}

#[test]
fn one_ring_wakes_another() {
    let mut target = Ring::new(8).unwrap();
    let descriptor = target.descriptor().unwrap();
    let waker = std::thread::spawn(move || {
        let mut ring = Ring::new(8).unwrap();
        ring.wake(descriptor.as_raw_fd(), 5);
        ring.enter(None).unwrap();
        let mut completions = Vec::new();
        ring.reap(&mut completions);
        completions.len()
    });
    let woken = wait_for(&mut target, 1);
    assert_eq!((woken.len(), woken[0].token.kind()), (1, Some(Kind::Wake)));
    assert_eq!(waker.join().unwrap(), 0, "success is silent");
}

#[test]
fn waking_what_is_no_ring_is_reported() {
    let mut ring = Ring::new(8).unwrap();
    let (no_ring, _other) = UnixStream::pair().unwrap();
    ring.wake(no_ring.as_raw_fd(), 5);
    let completions = wait_for(&mut ring, 1);
    assert_eq!((completions[0].token.kind(), completions[0].token.index()), (Some(Kind::WakeFailed), 5));
    assert!(completions[0].result < 0);
}

#[test]
fn a_doorbell_wakes_a_waiting_ring() {
    // SAFETY: eventfd has no preconditions, and the descriptor it returns is ours.
    let doorbell = unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC)) };
    let mut count = Box::new(0_u64);
    let mut ring = Ring::new(8).unwrap();
    // SAFETY: `count` outlives the wait, which ends with the completion.
    unsafe { ring.read_doorbell(doorbell.as_raw_fd(), &raw mut *count, token(Kind::Doorbell)) };
    let ringer = doorbell.try_clone().unwrap();
    let thread = std::thread::spawn(move || std::fs::File::from(ringer).write_all(&1_u64.to_ne_bytes()).unwrap());
    let completions = wait_for(&mut ring, 1);
    assert_eq!((completions[0].token.kind(), completions[0].result, *count), (Some(Kind::Doorbell), 8, 1));
    thread.join().unwrap();
}
