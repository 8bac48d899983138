//! How it is wired: configuration, dispatch, services.
#![forbid(unsafe_code)]

pub mod config;
