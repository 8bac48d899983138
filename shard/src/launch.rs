//! Starting the shards, and what the rest of the process holds of them afterwards.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use prism_proto::limits::Limits;

use crate::address::Address;
use crate::application::Application;
use crate::clock::now_ns;
use crate::counters::{Cells, Counters, Snapshot, Statistics};
use crate::limits::{
    ALLOCATOR_DIRECT_BYTES, ALLOCATOR_TRIM_BYTES, MESH_CAPACITY_DEFAULT, RECEIVE_BUFFER_BYTES_DEFAULT,
    RECEIVE_BUFFERS_DEFAULT, RING_ENTRIES_DEFAULT, UNSENT_BYTES_MAX_DEFAULT,
};
use crate::mesh::Mesh;
use crate::probe;
use crate::shared::{Errand, Shared};
use crate::thread::{self, Seed, ShardFailed};

/// How the shards are to run.
#[derive(Debug)]
pub struct Config {
    /// The core of each shard; as many shards as cores.
    pub cores: Vec<usize>,
    /// Listening stream sockets (TCP or unix), bound by the caller.
    pub listeners: Vec<OwnedFd>,
    /// Microseconds to look for work before sleeping; 0 where cores are shared.
    pub spin_us: u64,
    /// Connections that all shards together may have at a time.
    pub connections_max: usize,
    /// Submission queue entries of each ring.
    pub ring_entries: u32,
    /// Receive buffers of each shard, a power of two up to 32,768.
    pub receive_buffers: u16,
    /// Bytes of one receive buffer.
    pub receive_buffer_bytes: usize,
    /// Unsent bytes of one peer at which it is no longer read, until half of them are gone.
    pub unsent_bytes_max: usize,
    /// Parcels that may wait from one shard to one other, rounded up to a power of two.
    pub mesh_capacity: usize,
    /// Whether shards wake each other by messages between their rings, where the kernel has these; else by eventfds.
    pub ring_messages: bool,
}

impl Config {
    /// The defaults, for shards on these cores that serve these listeners.
    #[must_use]
    pub fn new(cores: Vec<usize>, listeners: Vec<OwnedFd>) -> Self {
        Self {
            cores,
            listeners,
            spin_us: 0,
            connections_max: Limits::DEFAULT.connections_max,
            ring_entries: RING_ENTRIES_DEFAULT,
            receive_buffers: RECEIVE_BUFFERS_DEFAULT,
            receive_buffer_bytes: RECEIVE_BUFFER_BYTES_DEFAULT,
            unsent_bytes_max: UNSENT_BYTES_MAX_DEFAULT,
            mesh_capacity: MESH_CAPACITY_DEFAULT,
            ring_messages: true,
        }
    }
}

/// What must happen while the process has one thread: it takes microseconds then, and up to 80 ms at the first sleep
/// of a shard otherwise. The first line of `main`.
///
/// It also keeps the allocator from holding on to what large messages took: by itself it would raise the size from
/// which it gives buffers back with every large one that it sees, up to 32 MiB, and keep twice as much for each shard.
pub fn prepare() {
    glommio::early_init();
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: mallopt takes two numbers and may be called at any time.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, ALLOCATOR_DIRECT_BYTES);
            libc::mallopt(libc::M_TRIM_THRESHOLD, ALLOCATOR_TRIM_BYTES);
        }
    }
}

/// Starts one thread for each core and returns when every shard serves. `make` is called on each shard's own thread,
/// inside its executor, so the application may start background tasks there.
///
/// # Errors
/// When there is no core, a core does not exist, the kernel lacks something ([`probe()`] says what), or a listener is
/// bad.
pub fn launch<A: Application>(
    config: Config,
    make: impl Fn(u32) -> A + Send + Clone + 'static,
) -> io::Result<Shards<A>> {
    prepare();
    probe::probe().map_err(|missing| io::Error::new(io::ErrorKind::Unsupported, missing))?;
    let count = u32::try_from(config.cores.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "shards need at least one core"));
    }
    let addresses = config.listeners.iter().map(Address::of).collect::<io::Result<_>>()?;
    for listener in &config.listeners {
        // Accepted sockets inherit it. A unix socket has no such option.
        let _ = socket2::SockRef::from(listener).set_tcp_nodelay(true);
    }
    let messages = config.ring_messages && probe::rings_can_message();
    let shared = Arc::new(Shared::new(count, config.connections_max, messages)?);
    let statistics = Statistics((0..count).map(|_| Cells::shared(A::COUNTERS)).collect());
    let mut shards = Shards { shared: shared.clone(), threads: Vec::new(), statistics, addresses };
    let (ready, readiness) = mpsc::channel();
    let config = Arc::new(config);
    for (index, mesh) in (0..count).zip(Mesh::build(count, config.mesh_capacity)) {
        let seed = Seed {
            index,
            config: config.clone(),
            shared: shared.clone(),
            mesh,
            counters: Counters::new(shards.statistics.0[index as usize].clone()),
            make: make.clone(),
        };
        shards.threads.push(thread::start::<A, _>(seed, ready.clone())?);
    }
    drop(ready);
    for _ in 0..count {
        match readiness.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(mpsc::RecvError) => return Err(shards.end().err().map_or_else(unexplained, io::Error::other)),
        }
    }
    Ok(shards)
}

fn unexplained() -> io::Error {
    io::Error::other("a shard ended before it served")
}

/// The running shards. Dropping them stops them at once and waits for their threads.
pub struct Shards<A: Application> {
    shared: Arc<Shared<A::Control>>,
    threads: Vec<JoinHandle<Result<(), ShardFailed>>>,
    statistics: Statistics,
    addresses: Vec<Address>,
}

impl<A: Application> Shards<A> {
    /// A handle for other threads.
    #[must_use]
    pub fn handle(&self) -> Handle<A::Control> {
        Handle { shared: self.shared.clone() }
    }

    /// Sends something to one shard, as [`Handle::control`] does.
    ///
    /// # Errors
    /// The control itself, when the shard has stopped or has too many to work off.
    pub fn control(&self, shard: u32, control: A::Control) -> Result<(), A::Control> {
        self.handle().control(shard, control)
    }

    /// Asks every shard to drain, as [`Handle::drain`] does.
    pub fn drain(&self, timeout: Duration) {
        self.handle().drain(timeout);
    }

    /// How many shards there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.shared.shards()
    }

    /// The addresses of the listeners, in the order of the configuration, with the ports that the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[Address] {
        &self.addresses
    }

    /// What each shard has counted.
    #[must_use]
    pub fn counters(&self) -> Vec<Snapshot> {
        self.statistics.snapshots()
    }

    /// The same for other threads, and for the time after the shards.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics.clone()
    }

    /// Waits until every shard has stopped, after a drain or a failure.
    ///
    /// # Errors
    /// [`ShardFailed`] for the first shard that ended otherwise; the others were stopped.
    pub fn join(mut self) -> Result<(), ShardFailed> {
        self.join_threads()
    }

    fn join_threads(&mut self) -> Result<(), ShardFailed> {
        let mut result = Ok(());
        for (index, thread) in self.threads.drain(..).enumerate() {
            let ended = thread.join().unwrap_or_else(|payload| Err(ShardFailed::by_panic(index as u32, &*payload)));
            result = result.and(ended);
        }
        result
    }

    fn end(&mut self) -> Result<(), ShardFailed> {
        self.shared.stop_by(0);
        self.join_threads()
    }
}

impl<A: Application> Drop for Shards<A> {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            // Whoever drops the shards unjoined does not want to know; a panic has been reported by its hook.
            let _ = self.end();
        }
    }
}

/// The way to the shards for threads that are none; cheap to clone.
pub struct Handle<C> {
    shared: Arc<Shared<C>>,
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<C> Handle<C> {
    /// Sends something to one shard, in order with what this thread sent before.
    ///
    /// # Errors
    /// The control itself, when the shard has stopped or has too many to work off.
    ///
    /// # Panics
    /// When there is no such shard.
    pub fn control(&self, shard: u32, control: C) -> Result<(), C> {
        self.shared.post(shard, Errand::Control(control)).map_err(|errand| match errand {
            Errand::Control(control) => control,
            Errand::Socket(_) => unreachable!("the errand comes back as it was"),
        })
    }

    /// Closes the listeners and has every shard drain; they stop when all are drained, at the latest after `timeout`.
    /// Called again, the earlier end holds.
    pub fn drain(&self, timeout: Duration) {
        let timeout_ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        self.shared.stop_by(now_ns().saturating_add(timeout_ns).min(u64::MAX - 1));
    }

    /// How many shards there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.shared.shards()
    }

    /// Changes how many connections all shards may have; those that are there stay.
    pub fn set_connections_max(&self, connections_max: usize) {
        self.shared.set_connections_max(connections_max);
    }

    /// Connections of one shard at this moment.
    #[must_use]
    pub fn connections(&self, shard: u32) -> usize {
        self.shared.connections(shard)
    }
}
