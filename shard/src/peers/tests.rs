//! Peers on a real ring, one completion at a time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::*;
use crate::buffers::Buffers;
use crate::limits::LINGER_NS;
use crate::ring::Completion;
use crate::ring::{BUFFER_GROUP, LONG_BUFFER_GROUP, Ring};
use crate::token::Kind;

const LONG_NS: u64 = 30_000_000_000;

#[derive(Debug, Default)]
struct Plain {
    output: Vec<u8>,
    finished: bool,
}

impl Machine for Plain {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

/// The turn loop's part in miniature.
struct Bench {
    ring: Ring,
    buffers: Buffers,
    long_buffers: Buffers,
    peers: Peers<Plain>,
    received: Vec<(PeerId, Vec<u8>)>,
    flushed: usize,
}

impl Bench {
    fn new() -> Self {
        let ring = Ring::new(64).unwrap();
        let buffers = Buffers::new(&ring, BUFFER_GROUP, 8, 1_024).unwrap();
        let long_buffers = Buffers::new(&ring, LONG_BUFFER_GROUP, 2, 4_096).unwrap();
        Self { ring, buffers, long_buffers, peers: Peers::new(1 << 20), received: Vec::new(), flushed: 0 }
    }

    fn adopt(&mut self, machine: Plain) -> (PeerId, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        (self.peers.adopt(ours.into(), machine).unwrap(), theirs)
    }

    fn settle(&mut self, now_ns: u64) {
        self.peers.settle(&mut self.ring, now_ns);
    }

    fn work(&mut self, completion: &Completion) {
        match completion.token.kind().unwrap() {
            kind @ (Kind::Receive | Kind::ReceiveLong) => {
                let buffers = if kind == Kind::Receive { &mut self.buffers } else { &mut self.long_buffers };
                if let Received::Bytes(id, bytes) = self.peers.on_receive(completion) {
                    let bytes = buffers.filled(completion.buffer().unwrap(), bytes).to_vec();
                    self.received.push((id, bytes));
                }
                if let Some(buffer) = completion.buffer() {
                    buffers.give_back(buffer);
                    buffers.publish();
                }
            }
            Kind::Send => {
                if let Sent::Wholly(_, Some(_)) = self.peers.on_send(completion) {
                    self.flushed += 1;
                }
            }
            Kind::Cancel => self.peers.on_cancel(completion),
            other => panic!("{other:?}"),
        }
    }

    /// Enters the kernel without waiting and works off what is there; settles at time 0.
    fn poll(&mut self) {
        self.turn(None);
    }

    /// Runs turns until the condition holds.
    fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        while !done(self) {
            self.turn(Some(LONG_NS));
        }
    }

    fn turn(&mut self, wait_ns: Option<u64>) {
        let mut completions = Vec::new();
        self.ring.enter(wait_ns).unwrap();
        self.ring.reap(&mut completions);
        assert!(wait_ns.is_none() || !completions.is_empty(), "nothing happens any more");
        for completion in &completions {
            self.work(completion);
        }
        self.settle(0);
    }
}

#[test]
fn long_buffers_are_used_while_much_is_to_come() {
    let mut bench = Bench::new();
    let (id, mut theirs) = bench.adopt(Plain::default());
    bench.settle(0);
    for (is_long, receives) in [(false, 3), (true, 1), (true, 1), (false, 3), (true, 1)] {
        bench.peers.read_long(id, is_long);
        bench.settle(0);
        bench.until(|bench| {
            let slot = &bench.peers.slots[id.index() as usize];
            slot.receive_armed && slot.is_armed_long == is_long && slot.cancels == 0
        });
        theirs.write_all(&[7; 3_000]).unwrap();
        bench.until(|bench| bench.received.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() == 3_000);
        assert_eq!(bench.received.drain(..).count(), receives, "{is_long}");
    }
}

#[test]
fn few_have_long_buffers_and_leave_them_to_others() {
    let mut bench = Bench::new();
    let pairs: Vec<_> = (0..=LONG_READERS_MAX).map(|_| bench.adopt(Plain::default())).collect();
    for (id, _) in &pairs {
        bench.peers.read_long(*id, true);
    }
    let last = pairs[LONG_READERS_MAX].0;
    assert!(!bench.peers.slots[last.index() as usize].is_long);
    bench.settle(0);
    bench.peers.close(pairs[0].0);
    bench.settle(0);
    bench.until(|bench| bench.peers.len() == LONG_READERS_MAX);
    bench.peers.read_long(last, true);
    assert!(bench.peers.slots[last.index() as usize].is_long);
}

#[test]
fn an_idle_peer_holds_no_buffer() {
    let mut bench = Bench::new();
    let (id, mut theirs) = bench.adopt(Plain::default());
    bench.settle(0);
    for round in 0..3 {
        bench.peers.get_mut(id).unwrap().output.extend_from_slice(b"hello");
        assert_eq!(bench.peers.unsent_bytes(id), 5);
        bench.settle(0);
        bench.until(|bench| bench.flushed == round + 1);
        let mut read = [0; 5];
        theirs.read_exact(&mut read).unwrap();
        let slot = &mut bench.peers.slots[0];
        let held = slot.sending.capacity() + slot.machine.as_mut().unwrap().output.capacity();
        assert_eq!((&read, held, slot.sent), (b"hello", 0, 0));
    }
    // A look that puts nothing out gives its buffer back too.
    bench.peers.get_mut(id).unwrap();
    bench.settle(0);
    assert_eq!(bench.peers.get(id).unwrap().output.capacity(), 0);
    assert!(!bench.peers.is_sending());
}

#[test]
fn a_send_under_way_keeps_the_place_until_it_ends() {
    let mut bench = Bench::new();
    let (id, mut theirs) = bench.adopt(Plain { output: vec![7; 8 << 20], finished: false });
    bench.settle(0);
    bench.poll();
    assert!(bench.peers.is_sending(), "8 MiB do not fit a socket");
    bench.peers.close(id);
    assert!(bench.peers.get_mut(id).is_none() && bench.peers.unsent_bytes(id) == 0);
    assert_eq!(bench.peers.take_departed().map(|(departed, _)| departed), Some(id));
    assert_eq!(bench.peers.len(), 1, "the kernel still has its bytes");
    bench.settle(0);
    bench.until(|bench| bench.peers.is_empty());
    let mut read = Vec::new();
    theirs.read_to_end(&mut read).unwrap();
    assert!(read.len() < 8 << 20 && !bench.peers.is_sending());
    let (next, _theirs) = bench.adopt(Plain::default());
    assert_eq!(next.index(), id.index(), "the place is used again");
    assert!(bench.peers.get(id).is_none() && bench.peers.get(next).is_some());
}

#[test]
fn one_that_has_finished_lingers_until_the_other_side_closes() {
    let mut bench = Bench::new();
    let (id, mut theirs) = bench.adopt(Plain { output: b"bye".to_vec(), finished: true });
    bench.settle(0);
    bench.until(|bench| bench.peers.get(id).is_none());
    assert!(bench.peers.take_departed().is_some());
    let mut read = Vec::new();
    theirs.read_to_end(&mut read).unwrap();
    assert_eq!((&read[..], bench.peers.len()), (&b"bye"[..], 1));
    // What it still sends is no error to it, and nobody hears of it.
    theirs.write_all(b"late").unwrap();
    bench.poll();
    drop(theirs);
    bench.until(|bench| bench.peers.is_empty());
    assert!(bench.received.is_empty());
}

#[test]
fn lingering_ends_by_time() {
    let mut bench = Bench::new();
    let (id, theirs) = bench.adopt(Plain { output: Vec::new(), finished: true });
    bench.settle(5);
    assert!(bench.peers.get(id).is_none());
    bench.peers.end_lingering(4 + LINGER_NS);
    bench.poll();
    assert_eq!(bench.peers.len(), 1);
    bench.peers.end_lingering(5 + LINGER_NS);
    bench.settle(0);
    bench.until(|bench| bench.peers.is_empty());
    drop(theirs);
}

#[test]
fn output_is_sent_after_the_other_side_has_stopped_sending() {
    let mut bench = Bench::new();
    let (id, mut theirs) = bench.adopt(Plain::default());
    bench.settle(0);
    bench.peers.get_mut(id).unwrap().output = vec![3; 4 << 20];
    bench.settle(0);
    bench.poll();
    theirs.write_all(b"last words").unwrap();
    theirs.shutdown(Shutdown::Write).unwrap();
    let reader = std::thread::spawn(move || {
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).unwrap();
        read.len()
    });
    bench.until(|bench| bench.peers.is_empty());
    assert_eq!(reader.join().unwrap(), 4 << 20);
    assert_eq!(bench.received, [(id, b"last words".to_vec())]);
    assert!(bench.peers.take_departed().is_some() && bench.peers.take_departed().is_none());
}

#[test]
fn a_pause_that_is_taken_back_before_it_took_hold_loses_nothing() {
    let mut bench = Bench::new();
    let (id, mut theirs) = bench.adopt(Plain::default());
    bench.settle(0);
    bench.poll();
    bench.peers.pause_reading(id);
    bench.settle(0);
    bench.peers.resume_reading(id);
    bench.settle(0);
    theirs.write_all(b"here").unwrap();
    bench.until(|bench| !bench.received.is_empty());
    assert_eq!(bench.received, [(id, b"here".to_vec())]);
}

#[test]
fn closing_all_leaves_nothing() {
    let mut bench = Bench::new();
    let others: Vec<_> = (0..20).map(|_| bench.adopt(Plain { output: vec![1; 4 << 20], finished: false })).collect();
    bench.settle(0);
    bench.poll();
    bench.peers.close_all();
    assert_eq!(std::iter::from_fn(|| bench.peers.take_departed()).count(), 20);
    bench.settle(0);
    bench.until(|bench| bench.peers.is_empty());
    assert_eq!(bench.peers.ids().count(), 0);
    drop(others);
}
