//! What a client sends that indexes its headers, as grpc-go, grpc-java and tonic do.

use prism_proto::hpack::{Encoder, Indexing};
use prism_proto::text::Text;
use prism_proto::view::{GetView, SetView};

use super::{CALLS_PER_BATCH, KEYS, VALUE};
use crate::caller::prefixed;
use crate::wire::{PREFACE, flag, frame, kind};

/// A client's side of one connection.
#[derive(Debug, Default)]
pub struct Requests {
    /// Whether each call has a time-out, and never the same: so its table changes with each call.
    pub(super) has_timeouts: bool,
    streams: u32,
    keys: usize,
    encoder: Encoder,
}

impl Requests {
    /// The preface, SETTINGS, and window enough for any number of replies.
    pub fn greeting(&self) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        // SETTINGS_INITIAL_WINDOW_SIZE: 1 MiB for each stream.
        bytes.extend(frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 16, 0, 0]));
        bytes.extend(frame(kind::SETTINGS, flag::ACK, 0, &[]));
        bytes.extend(frame(kind::WINDOW_UPDATE, 0, 0, &0x7000_0000_u32.to_be_bytes()));
        bytes
    }

    /// A batch of Gets, each of another key.
    pub fn gets(&mut self) -> Vec<u8> {
        let get = |key: Text<'_>, message: &mut Vec<u8>| GetView { key, ..GetView::default() }.write(message);
        self.batch("/prism.interfaces.keyvalue.KeyValueBasicInterface/Get", get)
    }

    /// A batch of Sets, each of another key.
    pub fn sets(&mut self) -> Vec<u8> {
        let set =
            |key: Text<'_>, message: &mut Vec<u8>| SetView { key, value: &VALUE, ..SetView::default() }.write(message);
        self.batch("/prism.interfaces.keyvalue.KeyValueBasicInterface/Set", set)
    }

    fn batch(&mut self, path: &'static str, write: impl Fn(Text<'_>, &mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..CALLS_PER_BATCH {
            let key = format!("key-{:08}", self.keys % KEYS);
            self.keys += 1;
            let mut message = Vec::new();
            write(Text::new(key.as_bytes()).expect("digits are UTF-8"), &mut message);
            let stream = self.streams * 2 + 1;
            self.streams += 1;
            bytes.extend(frame(kind::HEADERS, flag::END_HEADERS, stream, &self.block(path)));
            bytes.extend(frame(kind::DATA, flag::END_STREAM, stream, &prefixed(0, &message)));
        }
        bytes
    }

    /// A header block: one byte for each header once all are in the table.
    fn block(&mut self, path: &'static str) -> Vec<u8> {
        let timeout = format!("{}u", 990_000 + self.keys % 9_973);
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost:8980"),
            ("content-type", "application/grpc"),
            ("user-agent", "steady/1"),
            ("te", "trailers"),
            ("grpc-timeout", timeout.as_str()),
        ];
        let mut block = Vec::new();
        let count = if self.has_timeouts { headers.len() } else { headers.len() - 1 };
        for (name, value) in &headers[..count] {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        block
    }
}
