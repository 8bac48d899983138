//! A recorded request: the bytes of one unary call, ready but for its stream id.
//!
//! It encodes nothing while it is sent: two blocks of bytes are made once and copied for every call. The header block
//! is hand-made (RFC 7541 §6), so that the load does not depend on the encoder of the program that it measures.

use prism_proto::frame::{HEAD_BYTES, Head, flag, kind};
use prism_proto::limits::FRAME_BYTES_MAX;

/// SETTINGS_HEADER_TABLE_SIZE before any SETTINGS (RFC 9113 §6.5.2): what an encoder may use without a size update.
const HEADER_TABLE_BYTES: u32 = 4_096;
/// Where the stream id stands in a frame's head (RFC 9113 §4.1).
const STREAM_AT: usize = 5;

/// A unary rpc of KeyValueBasicInterface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Fetch a value.
    Get,
    /// Store a value.
    Set,
    /// Remove a key.
    Delete,
    /// Ask whether a key is there.
    Exists,
}

impl Operation {
    /// The `:path` of the rpc.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Get => "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get",
            Self::Set => "/prism.interfaces.keyvalue.KeyValueBasicInterface/Set",
            Self::Delete => "/prism.interfaces.keyvalue.KeyValueBasicInterface/Delete",
            Self::Exists => "/prism.interfaces.keyvalue.KeyValueBasicInterface/Exists",
        }
    }

    /// The request message: field 1 is the key of all four, field 2 the value of a Set, field 15 the namespace.
    pub fn message(self, key: &str, value: &[u8], namespace: &str) -> Vec<u8> {
        let mut message = Vec::new();
        append_field(1, key.as_bytes(), &mut message);
        if self == Self::Set {
            append_field(2, value, &mut message);
        }
        append_field(15, namespace.as_bytes(), &mut message);
        message
    }
}

/// How the header block of every call but a connection's first is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderCoding {
    /// Six indices into the tables, as clients that index `:path` send it once they have warmed up (grpc-go, tonic).
    Indexed,
    /// Every field spelled out without Huffman code: the most bytes, and no state between calls.
    Literal,
}

/// One call's bytes, the stream id yet to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recording {
    bytes: Vec<u8>,
    /// Where the four bytes of each frame's stream id begin.
    stream_at: Vec<usize>,
}

/// A unary call as it is sent: a connection's first, and every other.
#[derive(Debug, Clone)]
pub struct Request {
    first: Recording,
    next: Recording,
    body: Vec<u8>,
    table_bytes: u32,
}

impl Request {
    /// Records a call of `path` with one uncompressed message.
    pub fn new(path: &str, authority: &str, message: &[u8], coding: HeaderCoding) -> Self {
        let mut body = vec![0];
        body.extend_from_slice(&u32::try_from(message.len()).expect("a message below 4 GiB").to_be_bytes());
        body.extend_from_slice(message);
        let fields: [(u64, &str, &str); 4] = [
            (1, ":authority", authority),
            (4, ":path", path),
            (31, "content-type", "application/grpc"),
            (0, "te", "trailers"),
        ];
        let spelled = |pattern: u8, prefix_bits: u32| {
            // Static table: 3 is `:method: POST`, 6 is `:scheme: http` (RFC 7541 appendix A).
            let mut block = vec![0x83, 0x86];
            for (name_index, name, value) in fields {
                append_literal((pattern, prefix_bits), name_index, (name, value), &mut block);
            }
            block
        };
        let (first, next, table_bytes) = match coding {
            // The four insertions stand at 65 down to 62, the newest first (RFC 7541 §2.3.3).
            HeaderCoding::Indexed => {
                let next = vec![0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62];
                (spelled(0x40, 6), next, HEADER_TABLE_BYTES)
            }
            // A size update to 0 comes first: right whatever table the peer grants (RFC 7541 §4.2).
            HeaderCoding::Literal => ([vec![0x20], spelled(0x00, 4)].concat(), spelled(0x00, 4), 0),
        };
        let (first, next) = (Recording::new(&first, &body), Recording::new(&next, &body));
        Self { first, next, body, table_bytes }
    }

    /// Bytes of header table that the peer has to grant.
    pub fn table_bytes(&self) -> u32 {
        self.table_bytes
    }

    /// Bytes of DATA payload, which count against the windows of stream and connection (RFC 9113 §6.9.1).
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Bytes on the wire of every call but the first.
    pub fn wire_bytes(&self) -> usize {
        self.next.bytes.len()
    }

    /// Appends the connection's first call, which fills the peer's header table.
    pub fn append_first(&self, stream: u32, out: &mut Vec<u8>) {
        self.first.append(stream, out);
    }

    /// Appends a later call.
    pub fn append_next(&self, stream: u32, out: &mut Vec<u8>) {
        self.next.append(stream, out);
    }

    /// Appends the header block alone of a connection's first call, or of a later one; the body follows by
    /// [`Self::append_part`].
    pub fn append_head(&self, is_first: bool, stream: u32, out: &mut Vec<u8>) {
        let recording = if is_first { &self.first } else { &self.next };
        recording.append_head(stream, out);
    }

    /// Appends a frame with as much of the body from `at` on as one may hold, at most `bytes_max`; how much that was.
    /// The last one ends the stream.
    pub fn append_part(&self, stream: u32, at: usize, bytes_max: usize, out: &mut Vec<u8>) -> usize {
        let rest = &self.body[at..];
        let part = &rest[..rest.len().min(bytes_max).min(FRAME_BYTES_MAX)];
        let flags = if part.len() == rest.len() { flag::END_STREAM } else { 0 };
        Head { length: part.len() as u32, kind: kind::DATA, flags, stream }.write(out);
        out.extend_from_slice(part);
        part.len()
    }
}

impl Recording {
    fn new(block: &[u8], body: &[u8]) -> Self {
        let mut recording = Self { bytes: Vec::new(), stream_at: Vec::new() };
        recording.frame(kind::HEADERS, flag::END_HEADERS, block);
        let pieces = body.chunks(FRAME_BYTES_MAX);
        let last = pieces.len() - 1;
        for (index, piece) in pieces.enumerate() {
            recording.frame(kind::DATA, if index == last { flag::END_STREAM } else { 0 }, piece);
        }
        recording
    }

    fn frame(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        assert!(payload.len() <= FRAME_BYTES_MAX, "the header fields are to fit one frame");
        self.stream_at.push(self.bytes.len() + STREAM_AT);
        let length = u32::try_from(payload.len()).expect("FRAME_BYTES_MAX fits 32 bits");
        Head { length, kind, flags, stream: 0 }.write(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
    }

    #[inline]
    fn append(&self, stream: u32, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&self.bytes);
        for at in &self.stream_at {
            out[begin + at..begin + at + 4].copy_from_slice(&stream.to_be_bytes());
        }
    }

    /// The first frame alone.
    fn append_head(&self, stream: u32, out: &mut Vec<u8>) {
        let begin = out.len();
        let head = self.bytes.first_chunk().map(Head::parse).expect("a recording begins with a frame");
        out.extend_from_slice(&self.bytes[..HEAD_BYTES + head.length as usize]);
        out[begin + STREAM_AT..begin + HEAD_BYTES].copy_from_slice(&stream.to_be_bytes());
    }
}

/// A literal field: its pattern with the index of its name, or 0 and the name spelled out (RFC 7541 §6.2).
fn append_literal((pattern, prefix_bits): (u8, u32), name_index: u64, (name, value): (&str, &str), out: &mut Vec<u8>) {
    append_integer(pattern, prefix_bits, name_index, out);
    if name_index == 0 {
        append_integer(0, 7, name.len() as u64, out);
        out.extend_from_slice(name.as_bytes());
    }
    append_integer(0, 7, value.len() as u64, out);
    out.extend_from_slice(value.as_bytes());
}

/// An integer with a prefix (RFC 7541 §5.1).
fn append_integer(pattern: u8, prefix_bits: u32, value: u64, out: &mut Vec<u8>) {
    let prefix_max = (1_u64 << prefix_bits) - 1;
    if value < prefix_max {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | prefix_max as u8);
    append_varint(value - prefix_max, out);
}

/// Seven bits a byte, the lowest first: the tail of an HPACK integer, and protobuf's varint.
fn append_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A length-delimited protobuf field; an empty one is the default and not sent.
fn append_field(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        append_varint(number << 3 | 2, out);
        append_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests;
