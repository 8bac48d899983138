//! Where it runs: executors, ring, peers, timers, the mesh between cores.
//!
//! The only crate that names glommio or io-uring, and the only one with `unsafe`.

pub mod route;
