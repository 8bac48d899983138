//! HTTP/2 (RFC 9113) made for gRPC, without IO: bytes and time go in, events and bytes come out.
//!
//! [`server::Connection`] is one client's connection. It knows no sockets, tasks, header maps or request objects: a
//! call is a method, a message and a deadline, and an answer is written straight into the bytes that are sent next.

mod calm;
mod data;
mod drain;
mod event;
mod flow;
mod grant;
mod head;
mod headers;
mod held;
mod inbound;
mod input;
mod memo;
mod outbound;
mod receive;
mod refuse;
mod respond;
pub mod server;
mod settings;
mod stream;
mod streams;
mod transmit;

pub use event::{Call, Event, StreamRef};
pub use input::Input;
pub use server::{Config, Connection};

#[cfg(test)]
mod tests;
