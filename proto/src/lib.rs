//! What is said: the interfaces' messages, the method table, gRPC on HTTP/2, and the limits of all of it.
//!
//! Pure by design: no IO, no clock, no async and no `unsafe`. Time comes in as an argument (`now_ns`, monotonic
//! nanoseconds of one process-wide clock), bytes come in as slices and leave in buffers that the caller sends.
#![forbid(unsafe_code)]

pub mod frame;
pub mod grpc;
pub mod hpack;
pub mod limits;
pub mod method;
pub mod status;
