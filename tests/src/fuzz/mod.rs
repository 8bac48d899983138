//! The bodies of the fuzz targets: each takes any bytes and panics when something that has to hold does not.
//!
//! cargo-fuzz runs them with inputs that it evolves (`fuzz/`); the tests replay the inputs that are committed.

mod answers;
mod choices;
pub mod client_connection;
mod client_frames;
pub mod frames;
mod granted;
pub mod grpc_framing;
pub mod hpack_decode;
pub mod hpack_roundtrip;
pub mod percent;
mod requests;
pub mod server_connection;
mod server_frames;

/// A target by its name, which is also its corpus's.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As `tests/fuzz/run.sh` takes it.
    pub name: &'static str,
    /// Panics when what it checks does not hold.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "client_connection", run: client_connection::run },
    Target { name: "frames", run: frames::run },
    Target { name: "grpc_framing", run: grpc_framing::run },
    Target { name: "hpack_decode", run: hpack_decode::run },
    Target { name: "hpack_roundtrip", run: hpack_roundtrip::run },
    Target { name: "percent", run: percent::run },
    Target { name: "server_connection", run: server_connection::run },
];
