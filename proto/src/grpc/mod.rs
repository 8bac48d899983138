//! The parts of gRPC over HTTP/2 that stand in headers and before each message.
pub mod base64;
pub mod binary;
pub mod content_type;
pub mod gzip;
pub mod percent;
pub mod prefix;
pub mod timeout;

pub use content_type::is_grpc;
pub use prefix::Prefix;
pub use timeout::{InvalidTimeout, parse_timeout, write_timeout};
