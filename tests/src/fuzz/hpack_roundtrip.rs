//! Our HPACK encoder read by three decoders: our own, httlib's, and the h2 crate's, which takes only fields that HTTP/2
//! allows.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use prism_proto::frame;
use prism_proto::hpack::{Decoder, Encoder, Indexing};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_stream::Stream;

use super::choices::Choices;

type Field = (Vec<u8>, Vec<u8>);

/// Names that often come again, so that indices are used.
const NAMES: [&str; 8] =
    ["content-type", "grpc-status", "grpc-message", "x", "cache-control", "user-agent", "trace-bin", "accept"];
const VALUES: [&str; 6] = ["", "0", "application/grpc", "trailers", "gzip, deflate", "12345678901234567890"];

/// The input is steps: a change of the peer's table, or a block's fields.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let is_plain = choices.byte() & 1 == 0;
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new(4_096);
    let mut httlib = httlib_hpack::Decoder::with_dynamic_size(4_096);
    let mut h2 = is_plain.then(Peer::new);
    while !choices.is_empty() {
        match choices.byte() {
            step @ 240.. => encoder.set_peer_table_bytes_max([0, 40, 300, 4_096, 1 << 20][usize::from(step) % 5]),
            count => {
                let mut block = Vec::new();
                let fields = fields(&mut choices, usize::from(count % 12), is_plain);
                for ((name, value), indexing) in &fields {
                    encoder.encode(name, value, *indexing, &mut block);
                }
                let fields: Vec<Field> = fields.into_iter().map(|(field, _)| field).collect();
                let mut read = Vec::new();
                let result = decoder.decode(&block, 1 << 20, |name, value| read.push((name.to_vec(), value.to_vec())));
                assert_eq!((result, &read), (Ok(()), &fields));
                let mut read = Vec::new();
                httlib.decode(&mut block.clone(), &mut read).expect("httlib reads what we write");
                let read: Vec<Field> = read.into_iter().map(|(name, value, _)| (name, value)).collect();
                assert_eq!(read, fields);
                if let Some(h2) = &mut h2 {
                    assert_eq!(h2.read(&block), by_name(&fields));
                }
            }
        }
    }
}

fn fields(choices: &mut Choices<'_>, count: usize, is_plain: bool) -> Vec<(Field, Indexing)> {
    let mut fields = Vec::new();
    for _ in 0..count {
        let name = match choices.below(10) {
            known @ 0..8 => NAMES[known].as_bytes().to_vec(),
            _ => name(choices, is_plain),
        };
        let value = match choices.below(10) {
            known @ 0..6 => VALUES[known].as_bytes().to_vec(),
            _ => {
                let length = choices.length();
                let value = choices.take(length).to_vec();
                if is_plain { value.into_iter().map(|byte| 0x21 + byte % 94).collect() } else { value }
            }
        };
        let indexing = [Indexing::Incremental, Indexing::Without, Indexing::Never][choices.below(3)];
        fields.push(((name, value), indexing));
    }
    fields
}

/// Any name, or one that no rule of HTTP/2 is about.
fn name(choices: &mut Choices<'_>, is_plain: bool) -> Vec<u8> {
    let length = choices.length();
    let name = choices.take(length);
    if !is_plain {
        return name.to_vec();
    }
    b"x-".iter().copied().chain(name.iter().map(|byte| b'a' + byte % 26)).collect()
}

/// The values of each name, in their order: what HTTP/2 says of the order of fields (RFC 9110 §5.3).
fn by_name(fields: &[Field]) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut map: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in fields {
        map.entry(name.clone()).or_default().push(value.clone());
    }
    map
}

/// The h2 crate's reader of frames, which has its HPACK decoder inside.
struct Peer(h2::Codec<Pipe, bytes::Bytes>);

impl Peer {
    fn new() -> Self {
        Self(h2::Codec::new(Pipe::default()))
    }

    /// The fields of one block.
    fn read(&mut self, block: &[u8]) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
        frame::write_header_block(1, false, block, 16_384, &mut self.0.get_mut().bytes);
        let mut context = Context::from_waker(Waker::noop());
        let frame = match Pin::new(&mut self.0).poll_next(&mut context) {
            Poll::Ready(Some(Ok(h2::frame::Frame::Headers(frame)))) => frame,
            other => panic!("h2 does not read what we write: {other:?}"),
        };
        let mut map: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, value) in frame.fields() {
            map.entry(name.as_str().into()).or_default().push(value.as_bytes().to_vec());
        }
        map
    }
}

/// Bytes that are there to be read.
#[derive(Default)]
struct Pipe {
    bytes: Vec<u8>,
}

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = self.bytes.len().min(out.remaining());
        if count == 0 {
            return Poll::Pending;
        }
        out.put_slice(&self.bytes[..count]);
        self.bytes.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
