//! Mixed load for a long time: every answer agrees with a model, no call fails, and the process does not grow.
//!
//! `make soak` runs it for ten minutes; `make test` for a few seconds, so that it stays in order. `PRISM_SOAK_SECONDS`
//! says how long.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod follower;
mod keys;
mod model;
mod worker;

use std::env;
use std::time::{Duration, Instant};

use prism_tests::{Launch, Proxy, Random};
use tokio::task::JoinSet;

/// Connections, and workers on each.
const CONNECTIONS: u64 = 8;
const WORKERS_PER_CONNECTION: u64 = 6;
/// How long it runs when nobody says.
const SECONDS: u64 = 5;
/// Between two looks at the process's memory.
const LOOK: Duration = Duration::from_millis(500);
/// What the process may grow by after the first fifth of the time: buffers of the allocator, not a leak.
const GROWTH_BYTES_MAX: u64 = 32 << 20;

/// The store is bounded tightly enough that the logs are trimmed, and widely enough that no key is refused.
const CONFIGURATION: &str = "
backends:
  memory: { type: memstore, memory_bytes_max: 512MiB, retention_bytes: 1MiB }
namespaces:
  default: { backend: memory }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_load_agrees_with_the_model_and_does_not_grow() {
    let seconds = env::var("PRISM_SOAK_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let (start, length) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(SECONDS)));
    let end = start + length;
    let random = Random::seeded();
    let proxy = Launch::shards(2).file(CONFIGURATION).start();

    let mut workers = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let channel = proxy.channel().await;
        for worker in 0..WORKERS_PER_CONNECTION {
            let number = connection * WORKERS_PER_CONNECTION + worker;
            workers.spawn(worker::run(channel.clone(), number, random.fork(number), end));
        }
    }
    workers.spawn(follower::run(proxy.channel().await, proxy.channel().await, end));

    let growth = watch(&proxy, &mut workers, start + length / 5).await;
    println!(
        "{} calls in {length:?}; the process grew by {} KiB after the first fifth",
        growth.calls,
        growth.bytes >> 10
    );
    assert!(growth.calls > 0, "nothing was called");
    assert!(growth.bytes <= GROWTH_BYTES_MAX, "grew by {} bytes", growth.bytes);
}

struct Growth {
    calls: u64,
    bytes: u64,
}

/// Waits for the workers, and looks at the memory meanwhile.
async fn watch(proxy: &Proxy, workers: &mut JoinSet<u64>, settled: Instant) -> Growth {
    let (mut calls, mut base, mut peak) = (0, None, 0);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                Some(count) => calls += count.unwrap(),
                None => return Growth { calls, bytes: peak - base.unwrap_or(peak) },
            },
            _ = looks.tick() => if Instant::now() >= settled {
                let resident = proxy.resident_bytes();
                base = base.or(Some(resident));
                peak = peak.max(resident);
            },
        }
    }
}
