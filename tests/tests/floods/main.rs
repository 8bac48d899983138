//! Every published flood against the real program: whoever floods loses the connection with the error that its RFC
//! names, others keep their latency, and the process its memory.
//!
//! One file for each attack; `bench.rs` says what is measured and what is asserted. `perf/floods.sh` runs the same
//! against a release build and prints the table.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod attacker;
mod bench;
mod bystander;
mod frames;

mod closed_windows;
mod colliding_streams;
mod continuation;
mod declared_length;
mod dribbled_message;
mod dribbled_reply;
mod empty_frames;
mod goaway;
mod gzip_bombs;
mod header_leak;
mod hpack_expansion;
mod idle_connections;
mod never_reads;
mod not_grpc;
mod open_calls;
mod ping;
mod pipelining;
mod priority;
mod rapid_reset;
mod server_made_resets;
mod settings;
mod slow_loris;
mod stalled_messages;
mod table_size;
mod unknown_frames;
mod window_updates;
