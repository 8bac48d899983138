//! A client's connection with what the proxy keeps beside it: its share of the turn, and the calls of it that wait.

use prism_proto::h2::server::Connection;

use crate::limits::{EVENT_UNITS, INPUT_BYTES_PER_UNIT, LEFT_OVER_BYTES_MAX, OUTPUT_BYTES_PER_UNIT, SHARE_UNITS};

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) connection: Connection,
    /// The turn in which it was served last, by its time.
    turn_ns: u64,
    /// Calls that wait for another shard, those included that the client has reset since.
    pub(crate) parked: usize,
    /// Its socket is not read, by our wish.
    pub(crate) is_paused: bool,
}

/// Charges an event and what was answered to it.
#[inline]
pub(crate) fn charge_event(connection: &mut Connection, answer_bytes: usize) {
    connection.spend(EVENT_UNITS + answer_bytes / OUTPUT_BYTES_PER_UNIT);
}

/// How a look at a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Everything that has come is dealt with.
    Done,
    /// It goes on when its output has been sent.
    Blocked,
    /// It goes on in the next turn.
    MoreNextTurn {
        /// So much is left over that no more is to be read.
        is_much: bool,
    },
}

impl Client {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, turn_ns: 0, parked: 0, is_paused: false }
    }

    /// Begins a new share when this is a new turn, and charges what was received.
    #[inline]
    pub(crate) fn begin_turn(&mut self, turn_ns: u64, bytes: usize) {
        if self.turn_ns != turn_ns {
            self.turn_ns = turn_ns;
            self.connection.set_effort(SHARE_UNITS);
        }
        self.connection.spend(bytes / INPUT_BYTES_PER_UNIT);
    }

    pub(crate) fn progress(&self) -> Progress {
        if self.connection.wants_pause() {
            return Progress::Blocked;
        }
        if self.connection.effort_left() == 0 && self.connection.has_more() {
            return Progress::MoreNextTurn { is_much: self.connection.kept_bytes() > LEFT_OVER_BYTES_MAX };
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use prism_proto::h2::server::Config;

    use super::*;

    #[test]
    fn a_share_is_of_one_turn() {
        let mut client = Client::new(Connection::new(&Config::default(), 0));
        client.begin_turn(7, 100);
        charge_event(&mut client.connection, 0);
        assert_eq!(client.connection.effort_left(), SHARE_UNITS - EVENT_UNITS);
        client.begin_turn(7, 10 * INPUT_BYTES_PER_UNIT);
        assert_eq!(client.connection.effort_left(), SHARE_UNITS - EVENT_UNITS - 10, "the turn is the same");
        client.begin_turn(8, 0);
        assert_eq!(client.connection.effort_left(), SHARE_UNITS);
        charge_event(&mut client.connection, OUTPUT_BYTES_PER_UNIT * SHARE_UNITS);
        assert_eq!(client.connection.effort_left(), 0, "a large answer is a share of its own");
    }
}
