//! How fast: the load generator, and the replay client, which drives a server with recorded bytes at the least cost to
//! itself.
//!
//! The baselines that stand beside the proxy are the crate's examples, the micro-benchmarks its benches.
#![forbid(unsafe_code)]

pub mod echo;
pub mod exchange;
pub mod floor;
pub mod load;
pub mod replay;
pub mod request;
pub mod session;
pub mod verdict;
