//! Where it runs: executors, ring, peers, timers, the mesh between cores.
//!
//! The only crate that names glommio or io-uring, and the only one with `unsafe`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod clock;
mod counters;
pub mod limits;
pub mod route;
mod slab;
mod timers;

pub use clock::now_ns;
pub use counters::{Counter, Counters, Snapshot};
pub use slab::{Full, Slab, SlabKey};
pub use timers::{Timers, TimersFull};
