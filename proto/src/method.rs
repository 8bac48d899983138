//! The method table: which paths are served, and the shape of each call.

/// A served rpc: its index in [`METHODS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(pub u16);

/// The shape of one rpc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// `/package.Service/Name`, as in `:path`.
    pub path: &'static str,
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
}
