//! How it is wired: configuration, dispatch, services, and the program that runs them.
#![forbid(unsafe_code)]

mod adopt;
mod ahead;
#[cfg(test)]
mod alone;
mod app;
mod backends;
mod batch;
mod budget;
mod call;
mod client;
pub mod config;
pub mod ctl;
mod dispatch;
mod handshakes;
pub mod host;
mod lifetime;
mod limits;
pub mod listeners;
pub mod logging;
#[cfg(test)]
mod pair;
mod pull;
mod registry;
mod run;
mod services;
mod share;
pub mod signals;
mod statistics;
mod status;
mod tails;
mod upkeep;
mod wire;

pub use run::run;
