//! The load generator: calls go out when the schedule says, whatever the answers do, and each is accounted for once.
//!
//! `arrivals` says when, `mix`, `keys` and `values` say what; a `worker` for each core sends it over its `lane`s
//! (`socket` and the project's own client machine) and measures with `clocks` and `account`; `run` starts the workers
//! and merges, `validity` and `objective` judge, `report` and `summary` tell. It measures nothing about itself but its
//! own lag, and never averages a percentile.

pub mod account;
pub mod address;
pub mod arrivals;
pub mod cli;
pub mod clocks;
mod host;
pub mod keys;
mod lane;
mod ledger;
pub mod mix;
pub mod objective;
pub mod plan;
mod probe;
pub mod program;
pub mod random;
pub mod report;
mod request;
pub mod run;
mod socket;
mod summary;
mod units;
mod validity;
pub mod values;
mod worker;
pub mod zipf;
