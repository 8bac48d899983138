//! What a client sends that indexes its headers, as grpc-go, grpc-java and tonic do; or one of nghttp2.

use prism_proto::hpack::{Encoder, Indexing};
use prism_proto::text::Text;
use prism_proto::view::{GetView, SetView};

use super::{CALLS_PER_BATCH, KEYS, VALUE};
use crate::caller::prefixed;
use crate::wire::{PREFACE, flag, frame, kind};

/// What tells one kind of client from another, as far as its calls cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Habit {
    /// Every header is in the table, and the calls come one after the other.
    #[default]
    Indexed,
    /// Each call has a time-out, and never the same, as with grpc-go: so the table changes with each call.
    Timeouts,
    /// As h2load does with nghttp2: the HEADERS of all calls, then the DATA of all; `:path` and the content's length
    /// are never in the table.
    HeadersFirst,
}

/// A client's side of one connection.
#[derive(Debug, Default)]
pub struct Requests {
    pub(super) habit: Habit,
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
        let (mut bytes, mut later) = (Vec::new(), Vec::new());
        for _ in 0..CALLS_PER_BATCH {
            let key = format!("key-{:08}", self.keys % KEYS);
            self.keys += 1;
            let mut message = Vec::new();
            write(Text::new(key.as_bytes()).expect("digits are UTF-8"), &mut message);
            let content = prefixed(0, &message);
            let stream = self.streams * 2 + 1;
            self.streams += 1;
            bytes.extend(frame(kind::HEADERS, flag::END_HEADERS, stream, &self.block(path, content.len())));
            let data = frame(kind::DATA, flag::END_STREAM, stream, &content);
            if self.habit == Habit::HeadersFirst { later.extend(data) } else { bytes.extend(data) }
        }
        [bytes, later].concat()
    }

    /// A header block: one byte for each header that is in the table.
    fn block(&mut self, path: &'static str, content_bytes: usize) -> Vec<u8> {
        let timeout = format!("{}u", 990_000 + self.keys % 9_973);
        let content_length = content_bytes.to_string();
        let of_path = if self.habit == Habit::HeadersFirst { Indexing::Without } else { Indexing::Incremental };
        let headers = [
            (":method", "POST", Indexing::Incremental),
            (":scheme", "http", Indexing::Incremental),
            (":path", path, of_path),
            (":authority", "localhost:8980", Indexing::Incremental),
            ("content-type", "application/grpc", Indexing::Incremental),
            ("user-agent", "steady/1", Indexing::Incremental),
            ("te", "trailers", Indexing::Incremental),
        ];
        let own = match self.habit {
            Habit::Indexed => None,
            Habit::Timeouts => Some(("grpc-timeout", timeout.as_str(), Indexing::Incremental)),
            Habit::HeadersFirst => Some(("content-length", content_length.as_str(), Indexing::Without)),
        };
        let mut block = Vec::new();
        for (name, value, indexing) in headers.into_iter().chain(own) {
            self.encoder.encode(name.as_bytes(), value.as_bytes(), indexing, &mut block);
        }
        block
    }
}
