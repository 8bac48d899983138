//! How it is wired: configuration, dispatch, services.
#![forbid(unsafe_code)]

#[cfg(test)]
mod alone;
pub mod config;
pub mod host;
pub mod listeners;
pub mod logging;
pub mod signals;
