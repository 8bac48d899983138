//! The thread of one shard: a pinned executor with one task, the turn loop, and what happens when that ends badly.

use std::any::Any;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use glommio::{LocalExecutorBuilder, Placement};

use crate::accept::Acceptor;
use crate::application::Application;
use crate::buffers::Buffers;
use crate::clock::now_ns;
use crate::counters::Counters;
use crate::ladder::Ladder;
use crate::launch::Config;
use crate::limits::{BACKGROUND_NS_MAX, EXECUTOR_RING_DEPTH, LONG_BUFFER_BYTES, LONG_BUFFERS, PREEMPT_NS};
use crate::mesh::Mesh;
use crate::peers::Peers;
use crate::ring::{BUFFER_GROUP, LONG_BUFFER_GROUP, Ring};
use crate::shard::{Parts, Shard};
use crate::shared::Shared;

/// A shard ended otherwise than by a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFailed {
    /// Which one.
    pub shard: u32,
    /// Why: the panic's message or the system's error.
    pub reason: String,
}

impl ShardFailed {
    pub(crate) fn by_panic(shard: u32, payload: &(dyn Any + Send)) -> Self {
        let message = payload.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
        Self { shard, reason: format!("panicked: {}", message.as_deref().unwrap_or("with no message")) }
    }

    fn by_error(shard: u32, error: &io::Error) -> Self {
        Self { shard, reason: error.to_string() }
    }
}

impl fmt::Display for ShardFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "shard {} failed: {}", self.shard, self.reason)
    }
}

impl std::error::Error for ShardFailed {}

/// What a shard is grown from on its own thread.
pub(crate) struct Seed<A: Application, F> {
    pub(crate) index: u32,
    pub(crate) config: Arc<Config>,
    pub(crate) shared: Arc<Shared<A::Control>>,
    pub(crate) mesh: Mesh<A::Parcel>,
    pub(crate) counters: Counters,
    pub(crate) make: F,
}

/// Reports once whether the shard serves.
type Ready = mpsc::Sender<io::Result<()>>;

/// Starts the thread. Whatever ends it ends the other shards too.
pub(crate) fn start<A, F>(seed: Seed<A, F>, ready: Ready) -> io::Result<JoinHandle<Result<(), ShardFailed>>>
where
    A: Application,
    F: Fn(u32) -> A + Send + 'static,
{
    let (index, shared) = (seed.index, seed.shared.clone());
    std::thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| run(seed, &ready)))
            .unwrap_or_else(|payload| Err(ShardFailed::by_panic(index, &*payload)));
        if let Err(failed) = &result {
            tracing::error!(shard = failed.shard, reason = failed.reason, "a shard failed: all stop");
        }
        shared.report_stopped(index);
        shared.stop_by(0);
        result
    })
}

fn run<A, F>(seed: Seed<A, F>, ready: &Ready) -> Result<(), ShardFailed>
where
    A: Application,
    F: Fn(u32) -> A,
{
    let index = seed.index;
    let executor = LocalExecutorBuilder::new(Placement::Fixed(seed.config.cores[index as usize]))
        .io_memory(0)
        .ring_depth(EXECUTOR_RING_DEPTH)
        .preempt_timer(Duration::from_nanos(PREEMPT_NS))
        .make()
        .map_err(|error| io::Error::other(format!("core {}: {error}", seed.config.cores[index as usize])));
    let executor = match executor {
        Ok(executor) => executor,
        Err(error) => {
            let failed = ShardFailed::by_error(index, &error);
            let _ = ready.send(Err(error));
            return Err(failed);
        }
    };
    executor.run(async move {
        let shard = match catch_unwind(AssertUnwindSafe(|| grow(seed))) {
            Ok(Ok(shard)) => shard,
            Ok(Err(error)) => {
                let failed = ShardFailed::by_error(index, &error);
                let _ = ready.send(Err(error));
                return Err(failed);
            }
            Err(payload) => return Err(ShardFailed::by_panic(index, &*payload)),
        };
        let _ = ready.send(Ok(()));
        serve(index, shard).await
    })
}

/// Makes what must be made on the shard's own thread.
fn grow<A, F>(seed: Seed<A, F>) -> io::Result<Shard<A>>
where
    A: Application,
    F: Fn(u32) -> A,
{
    let Seed { index, config, shared, mesh, counters, make } = seed;
    let ring = Ring::new(config.ring_entries)?;
    let buffers = Buffers::new(&ring, BUFFER_GROUP, config.receive_buffers, config.receive_buffer_bytes)?;
    let long_buffers = Buffers::new(&ring, LONG_BUFFER_GROUP, LONG_BUFFERS, LONG_BUFFER_BYTES)?;
    shared.introduce(index, &ring)?;
    let listeners = if index == 0 { duplicate(&config.listeners)? } else { Vec::new() };
    Ok(Shard::new(Parts {
        index,
        ring,
        buffers,
        long_buffers,
        peers: Peers::new(config.unsent_bytes_max),
        mesh,
        counters,
        acceptor: (index == 0).then(|| Acceptor::new(listeners)),
        application: make(index),
        shared,
        spin_ns: config.spin_us * 1_000,
    }))
}

/// The turn loop as a task: after every tick the executor's other tasks have the core for a bounded while.
async fn serve<A: Application>(index: u32, mut shard: Shard<A>) -> Result<(), ShardFailed> {
    let mut ladder = Ladder::new();
    let result = loop {
        // A panic must not cross the executor, which would abort the process or lose the reason.
        match catch_unwind(AssertUnwindSafe(|| shard.run_tick())) {
            Ok(Ok(true)) => background(&mut ladder).await,
            Ok(Ok(false)) => break Ok(()),
            Ok(Err(error)) => break Err(ShardFailed::by_error(index, &error)),
            Err(payload) => break Err(ShardFailed::by_panic(index, &*payload)),
        }
    };
    // The ring goes here, on its own thread, and takes its operations back before the memory that they point to goes.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(shard)));
    result.and(dropped.map_err(|payload| ShardFailed::by_panic(index, &*payload)))
}

/// Lets the other tasks of the executor run until they are idle or their time is over.
async fn background(ladder: &mut Ladder) {
    let start_ns = now_ns();
    let end_ns = start_ns + BACKGROUND_NS_MAX;
    ladder.renew(start_ns).await;
    loop {
        let before = glommio::executor().executor_stats().tasks_executed();
        glommio::executor().yield_task_queue_now().await;
        let executed = glommio::executor().executor_stats().tasks_executed() - before;
        if executed <= 1 || now_ns() >= end_ns {
            return;
        }
    }
}

fn duplicate(sockets: &[OwnedFd]) -> io::Result<Vec<OwnedFd>> {
    sockets.iter().map(OwnedFd::try_clone).collect()
}
