//! A peer that has much to do gets its share of every turn, and the others theirs: in turns and in their order, not in
//! time.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod stage;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Barrier};

use prism_shard::Counter;
use prism_shard::limits::CALLS_AGAIN_PER_TURN_MAX;
use stage::{Event, Order, PATIENCE, Running};

const SHARE_BYTES: usize = 1_000;

/// A shard that stands still, so that what several peers send is there before it looks. Over a unix socket, where bytes
/// have arrived once they are written.
struct Standing {
    running: Running,
    path: PathBuf,
    barrier: Arc<Barrier>,
    streams: Vec<UnixStream>,
}

impl Standing {
    fn start(name: &str, peers: usize) -> Self {
        let path = std::env::temp_dir().join(format!("prism-fairness-{name}-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let running = Running::start_with(1, |config| config.listeners.push(listener.into()));
        let streams: Vec<_> = (0..peers).map(|_| UnixStream::connect(&path).unwrap()).collect();
        for mut stream in &streams {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        running.order(0, Order::Share(SHARE_BYTES));
        let barrier = Arc::new(Barrier::new(2));
        running.order(0, Order::Stand(barrier.clone()));
        running.await_events(1, |event| *event == Event::Standing);
        Self { running, path, barrier, streams }
    }

    /// Lets the shard go on; which peer was served how much, turn by turn, until `bytes` have been served in all.
    fn turns(&self, bytes: usize) -> Vec<Vec<(u8, usize)>> {
        self.barrier.wait();
        let (mut turns, mut last_ns, mut served) = (Vec::<Vec<_>>::new(), 0, 0);
        while served < bytes {
            let Event::Served { first, bytes, turn_ns } = self.running.event() else { continue };
            if turn_ns != last_ns {
                turns.push(Vec::new());
            }
            last_ns = turn_ns;
            served += bytes;
            turns.last_mut().unwrap().push((first, bytes));
        }
        turns
    }

    fn finish(self) {
        drop(self.streams);
        self.running.finish();
        std::fs::remove_file(self.path).unwrap();
    }
}

#[test]
fn a_greedy_peer_delays_nobody_by_more_than_its_share() {
    let mut standing = Standing::start("greedy", 3);
    standing.streams[0].write_all(&[b'g'; 10 * SHARE_BYTES]).unwrap();
    standing.streams[1].write_all(b"a").unwrap();
    standing.streams[2].write_all(b"b").unwrap();
    let turns = standing.turns(10 * SHARE_BYTES + 2);
    assert_eq!(turns.len(), 10);
    let mut first = turns[0].clone();
    first.sort_unstable();
    assert_eq!(first, [(b'a', 1), (b'b', 1), (b'g', SHARE_BYTES)], "the others are served in the first turn");
    assert!(turns[1..].iter().all(|turn| *turn == [(b'g', SHARE_BYTES)]), "{turns:?}");
    assert_eq!(standing.running.counted(Counter::CallsAgain), 9);
    let mut echoed = vec![0; 10 * SHARE_BYTES];
    standing.streams[0].read_exact(&mut echoed).unwrap();
    standing.finish();
}

#[test]
fn greedy_peers_take_turns() {
    let mut standing = Standing::start("turns", 4);
    for (peer, shares) in [(0, 4), (1, 2), (2, 3)] {
        standing.streams[peer].write_all(&vec![b'a' + peer as u8; shares * SHARE_BYTES]).unwrap();
    }
    let turns = standing.turns(9 * SHARE_BYTES);
    let served: Vec<Vec<u8>> = turns.iter().map(|turn| turn.iter().map(|(peer, _)| *peer).collect()).collect();
    assert_eq!(served.len(), 4, "{served:?}");
    let mut first = served[0].clone();
    first.sort_unstable();
    assert_eq!(first, b"abc");
    // Those that are left keep the order of the first turn.
    for (turn, gone) in [(1, &b""[..]), (2, b"b"), (3, b"bc")] {
        let expected: Vec<u8> = served[0].iter().copied().filter(|peer| !gone.contains(peer)).collect();
        assert_eq!(served[turn], expected, "turn {turn} of {served:?}");
    }
    standing.finish();
}

/// However many they are, a turn goes on with a few of them.
#[test]
fn many_greedy_peers_do_not_make_a_turn_long() {
    const PEERS: usize = 2 * CALLS_AGAIN_PER_TURN_MAX + 3;
    let mut standing = Standing::start("many", PEERS);
    for (peer, stream) in standing.streams.iter_mut().enumerate() {
        stream.write_all(&[b'a' + peer as u8; 2 * SHARE_BYTES]).unwrap();
    }
    let turns = standing.turns(PEERS * 2 * SHARE_BYTES);
    let served: Vec<usize> = turns.iter().map(Vec::len).collect();
    assert_eq!(served, [PEERS, CALLS_AGAIN_PER_TURN_MAX, CALLS_AGAIN_PER_TURN_MAX, 3]);
    standing.finish();
}

#[test]
fn what_came_before_the_end_is_served_to_its_end() {
    let mut standing = Standing::start("end", 1);
    standing.streams[0].write_all(&[b'g'; 10 * SHARE_BYTES]).unwrap();
    standing.streams[0].shutdown(Shutdown::Write).unwrap();
    assert_eq!(standing.turns(10 * SHARE_BYTES).len(), 10);
    let mut echoed = Vec::new();
    standing.streams[0].read_to_end(&mut echoed).unwrap();
    assert_eq!(echoed.len(), 10 * SHARE_BYTES);
    standing.finish();
}
