//! What the shards of one process share: where to wake each other, how many connections each has, and when to stop.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

use crate::bell::Bell;
use crate::limits::LANE_CAPACITY;
use crate::ring::Ring;

/// Something for a shard that does not come by the mesh.
pub(crate) enum Errand<C> {
    /// The application's own.
    Control(C),
    /// A connection to take over, already counted as that shard's.
    Socket(OwnedFd),
}

/// How one shard is reached.
struct Post<C> {
    bell: CachePadded<Bell>,
    /// An eventfd that the shard's ring always reads.
    doorbell: File,
    /// The shard's ring, once it has one; held here so that its number stays its own until every shard is gone.
    ring: OnceLock<OwnedFd>,
    lane: ArrayQueue<Errand<C>>,
    connections: CachePadded<AtomicUsize>,
    drained: AtomicBool,
    stopped: AtomicBool,
}

/// The time at which no stop is asked for.
const NEVER_NS: u64 = u64::MAX;

pub(crate) struct Shared<C> {
    posts: Vec<Post<C>>,
    connections_max: AtomicUsize,
    /// [`NEVER_NS`], or the end of the drain that is under way.
    stop_ns: AtomicU64,
    /// Whether rings can message each other here.
    messages: bool,
}

impl<C> Shared<C> {
    pub(crate) fn new(shards: u32, connections_max: usize, messages: bool) -> io::Result<Self> {
        let posts = (0..shards).map(|_| Post::new()).collect::<io::Result<_>>()?;
        let (connections_max, stop_ns) = (AtomicUsize::new(connections_max), AtomicU64::new(NEVER_NS));
        Ok(Self { posts, connections_max, stop_ns, messages })
    }

    pub(crate) fn shards(&self) -> u32 {
        self.posts.len() as u32
    }

    pub(crate) fn bell(&self, shard: u32) -> &Bell {
        &self.posts[shard as usize].bell
    }

    /// The descriptor that the shard's ring reads to be woken by threads without a ring.
    pub(crate) fn doorbell(&self, shard: u32) -> i32 {
        self.posts[shard as usize].doorbell.as_raw_fd()
    }

    /// Makes a shard's ring known to the others.
    pub(crate) fn introduce(&self, shard: u32, ring: &Ring) -> io::Result<()> {
        let known = self.posts[shard as usize].ring.set(ring.descriptor()?);
        assert!(known.is_ok(), "a shard has one ring");
        Ok(())
    }

    /// Wakes a shard out of the turn of another, whose ring is given.
    pub(crate) fn wake(&self, shard: u32, ring: &mut Ring) {
        match self.posts[shard as usize].ring.get() {
            Some(descriptor) if self.messages => ring.wake(descriptor.as_raw_fd(), shard),
            _ => self.ring_doorbell(shard),
        }
    }

    /// Wakes a shard from any thread.
    pub(crate) fn ring_doorbell(&self, shard: u32) {
        // It fails only when the count would overflow, and then the shard has 2^64 - 1 reasons to wake up.
        let _ = (&self.posts[shard as usize].doorbell).write(&1_u64.to_ne_bytes());
    }

    /// Leaves an errand for a shard; one that has stopped or has too many already gives it back.
    pub(crate) fn post(&self, shard: u32, errand: Errand<C>) -> Result<(), Errand<C>> {
        let post = &self.posts[shard as usize];
        if post.stopped.load(Ordering::Acquire) {
            return Err(errand);
        }
        post.lane.push(errand)?;
        if post.bell.must_ring() {
            self.ring_doorbell(shard);
        }
        Ok(())
    }

    pub(crate) fn take_errand(&self, shard: u32) -> Option<Errand<C>> {
        self.posts[shard as usize].lane.pop()
    }

    pub(crate) fn has_errands(&self, shard: u32) -> bool {
        !self.posts[shard as usize].lane.is_empty()
    }

    /// Asks every shard to drain and to stop at `stop_ns` at the latest; the earliest time asked for holds.
    pub(crate) fn stop_by(&self, stop_ns: u64) {
        self.stop_ns.fetch_min(stop_ns, Ordering::AcqRel);
        for shard in 0..self.shards() {
            self.ring_doorbell(shard);
        }
    }

    /// When the shards are to stop, if they are.
    pub(crate) fn stop_ns(&self) -> Option<u64> {
        let stop_ns = self.stop_ns.load(Ordering::Acquire);
        (stop_ns != NEVER_NS).then_some(stop_ns)
    }

    /// A shard says whether it is drained; when all are, all stop.
    pub(crate) fn report_drained(&self, shard: u32, drained: bool) {
        self.posts[shard as usize].drained.store(drained, Ordering::Release);
        if drained && self.posts.iter().all(|post| post.drained.load(Ordering::Acquire)) {
            self.stop_by(0);
        }
    }

    /// A shard takes no errands from now on. What is in its lane is dropped: sockets are closed.
    pub(crate) fn report_stopped(&self, shard: u32) {
        let post = &self.posts[shard as usize];
        post.stopped.store(true, Ordering::Release);
        while let Some(errand) = post.lane.pop() {
            if let Errand::Socket(_) = errand {
                self.connection_closed(shard, 1);
            }
        }
    }

    pub(crate) fn connections_max(&self) -> usize {
        self.connections_max.load(Ordering::Relaxed)
    }

    pub(crate) fn set_connections_max(&self, connections_max: usize) {
        self.connections_max.store(connections_max, Ordering::Relaxed);
    }

    pub(crate) fn connections(&self, shard: u32) -> usize {
        self.posts[shard as usize].connections.load(Ordering::Relaxed)
    }

    /// How many more connections the process may have.
    pub(crate) fn room(&self) -> usize {
        let connections: usize = (0..self.shards()).map(|shard| self.connections(shard)).sum();
        self.connections_max().saturating_sub(connections)
    }

    /// Picks the shard with the fewest connections and counts one more there.
    pub(crate) fn reserve_connection(&self) -> u32 {
        let least = (0..self.shards()).min_by_key(|shard| self.connections(*shard)).expect("there is a shard");
        self.posts[least as usize].connections.fetch_add(1, Ordering::Relaxed);
        least
    }

    pub(crate) fn connection_closed(&self, shard: u32, count: usize) {
        self.posts[shard as usize].connections.fetch_sub(count, Ordering::Relaxed);
    }
}

impl<C> Post<C> {
    fn new() -> io::Result<Self> {
        // SAFETY: eventfd has no preconditions.
        let doorbell = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if doorbell < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            bell: CachePadded::new(Bell::new()),
            // SAFETY: the descriptor was made just now and belongs to nobody else.
            doorbell: unsafe { File::from_raw_fd(doorbell) },
            ring: OnceLock::new(),
            lane: ArrayQueue::new(LANE_CAPACITY),
            connections: CachePadded::new(AtomicUsize::new(0)),
            drained: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        })
    }
}
