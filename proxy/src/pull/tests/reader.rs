//! A client that scans, and grants its windows itself, or not.

use std::collections::BTreeMap;

use prism_proto::frame::{
    ErrorCode, HEAD_BYTES, Head, PREFACE, flag, kind, setting, write_head_placeholder, write_length, write_rst_stream,
    write_settings, write_settings_ack, write_window_update,
};
use prism_proto::grpc::prefix::PREFIX_BYTES;
use prism_proto::hpack::{Encoder, Indexing};
use prism_proto::method::{MethodId, id};
use prism_shard::PeerId;
use prism_shard::simulation::Simulation;

use crate::app::Proxy;

/// What has come for a call.
#[derive(Debug, Default)]
struct Stream {
    /// What has come of a message that is not whole.
    part: Vec<u8>,
    messages: usize,
    has_headers: bool,
    is_over: bool,
}

pub(super) struct Reader {
    shard: u32,
    peer: PeerId,
    encoder: Encoder,
    streams: BTreeMap<u32, Stream>,
    received: Vec<u8>,
}

impl Reader {
    /// Connects, and lets each stream send so many bytes.
    pub(super) fn connect(simulation: &mut Simulation<Proxy>, shard: u32, window_bytes: u32) -> Self {
        let peer = simulation.connect(shard).expect("there is a descriptor left");
        let reader = Self { shard, peer, encoder: Encoder::new(), streams: BTreeMap::new(), received: Vec::new() };
        let mut bytes = PREFACE.to_vec();
        write_settings(&[(setting::INITIAL_WINDOW_SIZE, window_bytes)], &mut bytes);
        write_settings_ack(&mut bytes);
        write_window_update(0, 1 << 30, &mut bytes);
        reader.send(simulation, &bytes);
        reader
    }

    fn send(&self, simulation: &mut Simulation<Proxy>, bytes: &[u8]) {
        simulation.receive(self.shard, self.peer, bytes);
    }

    fn call(&mut self, simulation: &mut Simulation<Proxy>, method: MethodId, message: &[u8], more: &[(&str, &str)]) {
        let stream = 1 + 2 * self.streams.len() as u32;
        let mut bytes = Vec::new();
        let at = write_head_placeholder(kind::HEADERS, flag::END_HEADERS, stream, &mut bytes);
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method.method().path),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ];
        for (name, value) in headers.iter().chain(more) {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Without, &mut bytes);
        }
        write_length(at, &mut bytes);
        let at = write_head_placeholder(kind::DATA, flag::END_STREAM, stream, &mut bytes);
        bytes.extend_from_slice(&[0, 0, 0, 0, message.len() as u8]);
        bytes.extend_from_slice(message);
        write_length(at, &mut bytes);
        self.streams.insert(stream, Stream::default());
        self.send(simulation, &bytes);
    }

    /// Begins a scan of everything.
    pub(super) fn scan(&mut self, simulation: &mut Simulation<Proxy>, headers: &[(&str, &str)]) {
        self.call(simulation, id::KEYVALUE_SCAN_SCAN, &[], headers);
    }

    /// Asks whether the key `k` is there.
    pub(super) fn exists(&mut self, simulation: &mut Simulation<Proxy>) {
        self.call(simulation, id::KEYVALUE_BASIC_EXISTS, b"\x0a\x01k", &[]);
    }

    /// Lets each stream send so many bytes more.
    pub(super) fn open_windows(&mut self, simulation: &mut Simulation<Proxy>, window_bytes: u32) {
        let mut bytes = Vec::new();
        self.streams.keys().for_each(|stream| write_window_update(*stream, window_bytes, &mut bytes));
        self.send(simulation, &bytes);
    }

    pub(super) fn reset_all(&mut self, simulation: &mut Simulation<Proxy>) {
        let mut bytes = Vec::new();
        let open = self.streams.iter().filter(|(_, stream)| !stream.is_over);
        open.for_each(|(stream, _)| write_rst_stream(*stream, ErrorCode::Cancel, &mut bytes));
        self.send(simulation, &bytes);
    }

    pub(super) fn disconnect(&mut self, simulation: &mut Simulation<Proxy>) {
        simulation.disconnect(self.shard, self.peer);
    }

    /// Reads what the shard has sent.
    pub(super) fn take(&mut self, simulation: &mut Simulation<Proxy>) {
        self.received.extend(simulation.take_sent(self.shard, self.peer));
        let mut rest = &self.received[..];
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let head = Head::parse(head);
            let Some((payload, after)) = after.split_at_checked(head.length as usize) else { break };
            rest = after;
            assert_ne!(head.kind, kind::GOAWAY, "{}", String::from_utf8_lossy(payload));
            let Some(stream) = self.streams.get_mut(&head.stream) else { continue };
            stream.is_over |= head.has(flag::END_STREAM) || head.kind == kind::RST_STREAM;
            stream.has_headers |= head.kind == kind::HEADERS;
            if head.kind == kind::DATA {
                stream.part.extend_from_slice(payload);
                while let Some([_, a, b, c, d, ..]) = stream.part.first_chunk::<PREFIX_BYTES>() {
                    let bytes = PREFIX_BYTES + u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                    if stream.part.len() < bytes {
                        break;
                    }
                    stream.part.drain(..bytes);
                    stream.messages += 1;
                }
            }
        }
        let done = self.received.len() - rest.len();
        self.received.drain(..done);
    }

    /// Calls that are not over.
    pub(super) fn open(&self) -> usize {
        self.streams.values().filter(|stream| !stream.is_over).count()
    }

    /// Calls whose headers have come.
    pub(super) fn headers(&self) -> usize {
        self.streams.values().filter(|stream| stream.has_headers).count()
    }

    /// How many messages each call has had.
    pub(super) fn messages(&self) -> Vec<usize> {
        self.streams.values().map(|stream| stream.messages).collect()
    }
}
