//! The method table: which paths are served, and the shape of each call.
//!
//! The table is generated from the definitions in `proto/protos`; the lifecycle service is not in it, because
//! plugins serve that one.

include!("generated/table.rs");

#[cfg(test)]
mod tests;

/// A served rpc: its index in [`METHODS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(pub u16);

impl MethodId {
    /// The method's shape. Identifiers come from [`lookup`] and [`id`]; there are no others.
    pub fn method(self) -> &'static Method {
        &METHODS[usize::from(self.0)]
    }
}

/// The shape of one rpc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// `/package.Service/Name`, as in `:path`.
    pub path: &'static str,
    /// The full name of its service, `package.Service`.
    pub service: &'static str,
    /// The interface that it belongs to.
    pub group: Group,
    /// The full name of the message that the client sends, `package.Message`.
    pub request: &'static str,
    /// The full name of the message that the server sends.
    pub response: &'static str,
    /// Whether the client sends a stream of messages.
    pub client_streaming: bool,
    /// Whether the server sends a stream of messages.
    pub server_streaming: bool,
}

impl Method {
    /// One message each way.
    pub const fn is_unary(&self) -> bool {
        !self.client_streaming && !self.server_streaming
    }

    /// The rpc's own name: the last part of the path.
    pub fn name(&self) -> &'static str {
        &self.path[self.service.len() + 2..]
    }
}

/// A served service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its full name, `package.Service`.
    pub name: &'static str,
    /// The interface that it is.
    pub group: Group,
}
