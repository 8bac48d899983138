//! The protocols that a peer of the proxy may speak.

use prism_shard::Machine;

use crate::client::Client;

/// A peer's protocol machine.
#[derive(Debug)]
pub(crate) enum Wire {
    /// A client that calls us.
    Client(Client),
}

impl Wire {
    /// The client.
    #[inline]
    pub(crate) fn client(&mut self) -> &mut Client {
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
        self.client().connection.output()
    }

    #[inline]
    fn is_finished(&self) -> bool {
        let Self::Client(client) = self;
        client.connection.is_finished()
    }

    #[inline]
    fn set_sending(&mut self, bytes: usize) {
        self.client().connection.set_sending(bytes);
    }

    fn is_answering(&self) -> bool {
        let Self::Client(client) = self;
        client.connection.is_answering()
    }
}
