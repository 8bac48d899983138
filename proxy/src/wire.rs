//! The protocols that a peer of the proxy may speak.

use prism_proto::h2::server::Connection;
use prism_shard::Machine;

use crate::client::Client;

/// A peer's protocol machine.
#[derive(Debug)]
pub(crate) enum Wire {
    /// A client that calls us.
    Client(Client),
}

impl Wire {
    /// The connection of a client.
    #[inline]
    pub(crate) fn client(&mut self) -> &mut Connection {
        &mut self.whole_client().connection
    }

    /// A client with what is kept beside its connection.
    #[inline]
    pub(crate) fn whole_client(&mut self) -> &mut Client {
        let Self::Client(client) = self;
        client
    }

    /// Whether HTTP/2 has not begun yet.
    pub(crate) fn is_shaking_hands(&self) -> bool {
        let Self::Client(client) = self;
        client.connection.is_shaking_hands()
    }
}

impl Machine for Wire {
    #[inline]
    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Client(client) => client.connection.output(),
        }
    }

    #[inline]
    fn is_finished(&self) -> bool {
        match self {
            Self::Client(client) => client.connection.is_finished(),
        }
    }
}
