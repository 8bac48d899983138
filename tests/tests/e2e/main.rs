//! The real program in a process of its own, called over real sockets.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod batch;
mod bounds;
mod clients;
mod command_line;
mod deadline;
mod drain;
mod evict;
mod health;
mod hostile;
mod keyvalue;
mod keyvalue_ttl;
mod lifetime;
mod limits;
mod list;
mod listeners;
mod memory;
mod model;
mod prismctl;
mod prismctl_interfaces;
mod protocol_page;
mod pubsub;
mod read;
mod reflection;
mod reload;
mod scan;
mod share;
mod statistics;
mod status;
mod stream;
