//! Servers on the proxy's own ring that do less than the proxy: what they cost, the proxy cannot save.
//!
//! [`Echo`] answers bytes with bytes, which is the kernel's part and the ring's; [`Fixed`] speaks HTTP/2 with the
//! proxy's engine and answers every call alike, which adds the engine. The rest of the proxy's cost is decoding and the
//! store.

use std::io;
use std::net::TcpListener;

use prism_proto::h2::server::{self, Connection};
use prism_proto::h2::{Event, StreamRef};
use prism_proto::method::{MethodId, id};
use prism_proto::status::{Code, Status};
use prism_proto::view;
use prism_shard::{Application, Config, Machine, PeerId, Shards, Turn};

/// A peer that answers what it is fed, by itself.
pub trait Feed: Machine + 'static {
    /// Takes bytes that arrived; none: the output has gone.
    fn feed(&mut self, bytes: &[u8], now_ns: u64);
}

/// The application of one shard whose peers need nothing but their own bytes.
#[derive(Debug)]
pub struct Floor<F> {
    make: F,
    /// Peers are read into long buffers, as the proxy reads those that send large messages.
    is_long: bool,
}

impl<M: Feed, F: Fn(u64) -> M + 'static> Application for Floor<F> {
    type Machine = M;
    type Parcel = ();
    type Control = ();

    fn connected(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) -> M {
        turn.peers.read_long(peer, self.is_long);
        (self.make)(turn.now_ns)
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        if let Some(machine) = turn.peers.get_mut(peer) {
            machine.feed(bytes, turn.now_ns);
        }
    }

    fn flushed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.received(turn, peer, &[]);
    }

    fn closed(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId, _machine: M) {}

    fn parcel(&mut self, _turn: &mut Turn<'_, Self>, _from: u32, (): ()) {}

    fn expired(&mut self, _turn: &mut Turn<'_, Self>, _token: u64) {}

    fn control(&mut self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn drain(&mut self, _turn: &mut Turn<'_, Self>) {}

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        true
    }
}

/// Serves `listener` on `core`, into long buffers if so; `make` makes a peer for each connection, given the time.
pub fn launch<M: Feed, F: Fn(u64) -> M + Clone + Send + 'static>(
    listener: TcpListener,
    core: usize,
    spin_us: u64,
    is_long: bool,
    make: F,
) -> io::Result<Shards<Floor<F>>> {
    let mut config = Config::new(vec![core], vec![listener.into()]);
    config.spin_us = spin_us;
    prism_shard::launch(config, move |_| Floor { make: make.clone(), is_long })
}

/// So many bytes are sent for so many received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Bytes of a request, at least 1.
    pub received_bytes: usize,
    /// Bytes of its reply.
    pub sent_bytes: usize,
}

/// A peer that answers bytes with bytes.
#[derive(Debug)]
pub struct Echo {
    exchange: Exchange,
    /// Bytes of a request that is not whole yet.
    partial_bytes: usize,
    output: Vec<u8>,
}

impl Echo {
    /// A peer that answers at this rate, each request when it is whole.
    pub fn new(exchange: Exchange) -> Self {
        Self { exchange, partial_bytes: 0, output: Vec::new() }
    }
}

impl Machine for Echo {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn is_finished(&self) -> bool {
        false
    }
}

impl Feed for Echo {
    fn feed(&mut self, bytes: &[u8], _now_ns: u64) {
        let whole = self.partial_bytes + bytes.len();
        let requests = whole / self.exchange.received_bytes;
        self.partial_bytes = whole % self.exchange.received_bytes;
        self.output.resize(self.output.len() + requests * self.exchange.sent_bytes, 0);
    }
}

/// A peer that answers every call of KeyValueBasicInterface alike, without looking at its message.
#[derive(Debug)]
pub struct Fixed {
    connection: Connection,
    value_bytes: usize,
}

impl Fixed {
    /// A peer whose Get finds a value of `value_bytes`.
    pub fn new(value_bytes: usize, now_ns: u64) -> Self {
        Self { connection: Connection::new(&server::Config::default(), now_ns), value_bytes }
    }
}

impl Machine for Fixed {
    fn output(&mut self) -> &mut Vec<u8> {
        self.connection.output()
    }

    fn is_finished(&self) -> bool {
        self.connection.is_finished()
    }
}

/// What every Get finds, as far as it is asked for.
static VALUE: [u8; 4_096] = [b'v'; 4_096];

impl Feed for Fixed {
    fn feed(&mut self, bytes: &[u8], now_ns: u64) {
        let connection = &mut self.connection;
        let value = Some(&VALUE[..self.value_bytes.min(VALUE.len())]);
        let input = connection.begin(bytes);
        while let Some(event) = connection.poll(&input, now_ns) {
            match event {
                Event::Unary(call) => {
                    answer(connection, call.stream, call.method, value);
                    connection.recycle(call.message);
                }
                Event::Opened { stream, .. } => {
                    connection.finish(stream, &Status::new(Code::Unimplemented, "not measured"), &[]);
                }
                _ => {}
            }
        }
        connection.end(input);
    }
}

#[inline]
fn answer(connection: &mut Connection, stream: StreamRef, method: MethodId, value: Option<&[u8]>) {
    match method {
        id::KEYVALUE_BASIC_GET => {
            let write = |out: &mut Vec<u8>| view::write_get_response(value, out);
            connection.reply(stream, view::get_response_bytes(value), write);
        }
        id::KEYVALUE_BASIC_SET | id::KEYVALUE_BASIC_DELETE | id::KEYVALUE_BASIC_EXISTS => {
            connection.reply(stream, view::set_response_bytes(), view::write_set_response);
        }
        _ => connection.finish(stream, &Status::new(Code::Unimplemented, "not measured"), &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_goes_out_for_each_whole_request() {
        let mut echo = Echo::new(Exchange { received_bytes: 10, sent_bytes: 3 });
        echo.feed(&[1; 9], 0);
        assert_eq!(echo.output.len(), 0);
        echo.feed(&[1; 12], 0);
        assert_eq!(echo.output.len(), 6);
        echo.output.clear();
        echo.feed(&[], 0);
        echo.feed(&[1; 9], 0);
        assert_eq!(echo.output.len(), 3);
    }
}
