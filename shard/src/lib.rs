//! Where it runs: executors, ring, peers, timers, the mesh between cores.
//!
//! The only crate that names glommio or io-uring, and the only one with `unsafe`. An [`Application`] is launched on one
//! pinned thread for each core; nothing is shared between the threads but what the mesh and the control lane carry.

// Under the model checker, the test takes the files that it checks, and nothing else is built.
#![cfg(not(loom))]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accept;
mod address;
mod application;
mod bell;
mod buffers;
mod clock;
mod counters;
mod ladder;
pub mod lanes;
mod launch;
pub mod limits;
pub mod memory;
mod mesh;
mod peer;
mod peers;
mod pool;
mod prefetch;
pub mod probe;
mod ring;
pub mod route;
mod shard;
mod shared;
#[cfg(feature = "simulation")]
pub mod simulation;
mod slab;
mod spsc;
mod sync;
mod thread;
mod timers;
mod token;

pub use address::Address;
pub use application::{Application, Machine, Turn};
pub use clock::now_ns;
pub use counters::{Counter, CounterText, Counters, Snapshot, Statistics};
pub use launch::{Config, Handle, Shards, launch, prepare};
pub use mesh::Mesh;
pub use peers::{PeerId, Peers, PeersFull};
pub use prefetch::prefetch;
pub use probe::{Missing, probe};
pub use slab::{Full, Slab, SlabKey};
pub use thread::ShardFailed;
pub use timers::{Timers, TimersFull};
