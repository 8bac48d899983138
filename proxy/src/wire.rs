//! The protocols that a peer of the proxy may speak.

use prism_proto::h2::server::Connection;
use prism_shard::Machine;

/// A peer's protocol machine.
#[derive(Debug)]
pub(crate) enum Wire {
    /// A client that calls us.
    Client(Connection),
}

impl Wire {
    /// The connection of a client.
    #[inline]
    pub(crate) fn client(&mut self) -> &mut Connection {
        let Self::Client(connection) = self;
        connection
    }
}

impl Machine for Wire {
    #[inline]
    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Client(connection) => connection.output(),
        }
    }

    #[inline]
    fn is_finished(&self) -> bool {
        match self {
            Self::Client(connection) => connection.is_finished(),
        }
    }
}
