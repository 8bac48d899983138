//! A client of one shard: the engine's own client side, whose bytes go to and fro in memory.

use std::collections::HashMap;

use prism_proto::h2::StreamRef;
use prism_proto::h2::client::{Config, Connection, Event, Request};
use prism_proto::method::MethodId;
use prism_proto::status::Status;
use prism_shard::PeerId;
use prism_shard::simulation::Simulation;

use crate::app::Proxy;

/// What has come for a call: its headers, its messages, and its end.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// `prism-from`, once the headers are there.
    pub(super) from: Option<String>,
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) status: Option<Status>,
}

#[derive(Debug)]
pub(crate) struct Caller {
    shard: u32,
    peer: PeerId,
    connection: Connection,
    /// Put out by the machine and not yet received by the shard.
    on_its_way: Vec<u8>,
    answers: HashMap<StreamRef, Answer>,
}

impl Caller {
    pub(crate) fn connect(simulation: &mut Simulation<Proxy>, shard: u32) -> Self {
        let peer = simulation.connect(shard).expect("there is a descriptor left");
        let connection = Connection::new(&Config::default(), simulation.now_ns()).expect("the default can be sent");
        Self { shard, peer, connection, on_its_way: Vec::new(), answers: HashMap::new() }
    }

    pub(crate) fn shard(&self) -> u32 {
        self.shard
    }

    /// Calls without an answer.
    pub(crate) fn open(&self) -> usize {
        self.connection.open_calls()
    }

    pub(crate) fn call(&mut self, method: MethodId, request: &impl prost::Message, now_ns: u64) -> StreamRef {
        let append = |out: &mut Vec<u8>| request.encode(out).expect("a Vec grows as needed");
        let head = Request { wants_headers: true, ..Request::from(method) };
        let call = self.connection.call(&head, request.encoded_len(), append, now_ns);
        call.expect("few enough calls are open")
    }

    /// Goes away without a word.
    pub(crate) fn disconnect(&mut self, simulation: &mut Simulation<Proxy>) {
        simulation.disconnect(self.shard, self.peer);
    }

    /// Gives a call up.
    pub(crate) fn cancel(&mut self, call: StreamRef) {
        self.connection.cancel(call);
    }

    /// Status and message of a call that is over.
    pub(crate) fn answer(&mut self, call: StreamRef) -> (Status, Vec<u8>) {
        let answer = self.answers.remove(&call).expect("it was answered");
        (answer.status.expect("it is over"), answer.messages.concat())
    }

    /// What has come for a call so far.
    pub(super) fn so_far(&mut self, call: StreamRef) -> &mut Answer {
        self.answers.entry(call).or_default()
    }

    /// Has at most `bytes_max` bytes arrive at the shard.
    pub(crate) fn put(&mut self, simulation: &mut Simulation<Proxy>, bytes_max: usize) {
        self.on_its_way.append(self.connection.output());
        let bytes = bytes_max.min(self.on_its_way.len());
        let piece: Vec<u8> = self.on_its_way.drain(..bytes).collect();
        simulation.receive(self.shard, self.peer, &piece);
    }

    /// Reads what the shard has sent.
    pub(crate) fn take(&mut self, simulation: &mut Simulation<Proxy>) {
        let bytes = simulation.take_sent(self.shard, self.peer);
        let input = self.connection.begin(&bytes);
        while let Some(event) = self.connection.poll(&input, simulation.now_ns()) {
            match event {
                Event::Message { call, message } => {
                    self.answers.entry(call).or_default().messages.push(message.into_owned());
                }
                Event::Finished(finished) => {
                    self.answers.entry(finished.call).or_default().status = Some(finished.status);
                }
                Event::Headers { call, metadata } => {
                    let from = metadata.text("prism-from").unwrap_or_default();
                    self.answers.entry(call).or_default().from = Some(from.to_owned());
                }
                Event::Writable { .. } | Event::Ready => {}
                Event::GoAway { code, .. } => panic!("nobody asked for the connection's end: {code:?}"),
            }
        }
        self.connection.end(input);
    }
}
