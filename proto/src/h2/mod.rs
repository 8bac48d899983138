//! HTTP/2 (RFC 9113) made for gRPC, without IO: bytes and time go in, events and bytes come out.
//!
//! [`server::Connection`] is one client's connection, [`client::Connection`] one to a server. They know no sockets,
//! tasks, header maps or request objects: a call is a method, a message and a deadline, and an answer is written
//! straight into the bytes that are sent next.
//!
//! ```
//! use prism_proto::h2::Event;
//! use prism_proto::h2::server::{Config, Connection};
//! use prism_proto::status::{Code, Status};
//!
//! /// Echoes every message; what is then in the connection's output goes to the socket.
//! fn read(connection: &mut Connection, bytes: &[u8], now_ns: u64) {
//!     let input = connection.begin(bytes);
//!     while let Some(event) = connection.poll(&input, now_ns) {
//!         let Event::Unary(call) = event else { continue };
//!         if call.deadline_ns.is_some_and(|deadline_ns| deadline_ns <= now_ns) {
//!             connection.finish(call.stream, &Status::new(Code::DeadlineExceeded, "too late"), &[]);
//!         } else {
//!             connection.reply(call.stream, call.message.len(), |out| out.extend_from_slice(&call.message));
//!         }
//!     }
//!     connection.end(input);
//! }
//!
//! let mut connection = Connection::new(&Config::default(), 0);
//! read(&mut connection, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0);
//! assert!(!connection.output().is_empty());
//! // A socket that does not take the output: read no more, and poll again without bytes once it has.
//! if !connection.wants_pause() {
//!     read(&mut connection, &[], 1);
//! }
//! ```

mod ahead;
mod allowance;
pub mod client;
mod event;
mod field;
mod flow;
mod framing;
mod held;
mod inbound;
mod input;
mod large;
mod outbound;
pub mod server;

pub use ahead::Ahead;
pub use event::{Call, Event, StreamRef};
pub use framing::append_message;
pub use input::Input;
pub use large::LargeBuffers;
