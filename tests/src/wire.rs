//! An HTTP/2 client that writes whatever it is told, right or wrong, and shares no code with the proxy.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::wait::PATIENCE;

/// Frame types (RFC 9113 §6).
pub mod kind {
    #![allow(missing_docs, reason = "named as in the RFC")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Frame flags (RFC 9113 §6).
pub mod flag {
    #![allow(missing_docs, reason = "named as in the RFC")]
    pub const END_STREAM: u8 = 1;
    pub const ACK: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    pub const PADDED: u8 = 8;
}

/// What a client sends first (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// See [`kind`].
    pub kind: u8,
    /// See [`flag`].
    pub flags: u8,
    /// The stream, 0 for the connection.
    pub stream: u32,
    /// What follows the head.
    pub payload: Vec<u8>,
}

/// A blocking connection.
#[derive(Debug)]
pub struct Wire(TcpStream);

impl Wire {
    /// Connects and says nothing.
    pub fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the proxy accepts connections");
        stream.set_read_timeout(Some(PATIENCE)).expect("a bound can be set");
        stream.set_nodelay(true).expect("the option can be set");
        Self(stream)
    }

    /// Connects and begins as a client does: the preface and empty SETTINGS (RFC 9113 §3.4).
    pub fn greet(address: &str) -> Self {
        let mut wire = Self::connect(address);
        wire.bytes(PREFACE).expect("a new connection takes bytes");
        wire.frame(kind::SETTINGS, 0, 0, &[]).expect("a new connection takes bytes");
        wire
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the other side has closed, which is an answer too.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// As [`Wire::bytes`].
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.bytes(&frame(kind, flags, stream, payload))
    }

    /// Opens a call: the request headers of gRPC, everything literal (RFC 7541 §6.2.2).
    ///
    /// # Errors
    /// As [`Wire::bytes`].
    pub fn open(&mut self, stream: u32, path: &str) -> io::Result<()> {
        self.frame(kind::HEADERS, flag::END_HEADERS, stream, &request_block(path))
    }

    /// The bytes of one frame.
    pub fn frame_bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        frame(kind, flags, stream, payload)
    }

    /// The header block that a gRPC client sends, everything literal (RFC 7541 §6.2.2).
    pub fn request_block(path: &str) -> Vec<u8> {
        request_block(path)
    }

    /// The next frame; none when the other side has closed.
    ///
    /// # Panics
    /// When nothing comes for a minute.
    pub fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.fill(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.fill(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Reads until a frame of this kind; none when the other side closed before.
    pub fn read_kind(&mut self, wanted: u8) -> Option<Frame> {
        loop {
            let frame = self.read()?;
            if frame.kind == wanted {
                return Some(frame);
            }
        }
    }

    /// Reads everything up to the end.
    ///
    /// # Panics
    /// When the end does not come within a minute of silence.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end as well; what came before it is kept.
        let outcome = self.0.read_to_end(&mut bytes).map_err(|error| error.kind());
        assert!(outcome != Err(io::ErrorKind::WouldBlock), "the connection stays open, silent for {PATIENCE:?}");
        bytes
    }

    /// Says that no more bytes follow, and still listens.
    pub fn half_close(&self) {
        // It may be closed already, which is an end too.
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// None at the end, whether orderly or not.
    fn fill(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.0.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("nothing came for {PATIENCE:?}"),
            Err(_) => None,
        }
    }
}

/// The header block that a gRPC client sends.
fn request_block(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    // Without indexing (RFC 7541 §6.2.2).
    headers.iter().flat_map(|(name, value)| [vec![0], literal(name, value)].concat()).collect()
}

/// The bytes of one frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Name and value of a header as HPACK spells them out, without Huffman coding (RFC 7541 §5.2).
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [name, value] {
        let length = u8::try_from(part.len()).ok().filter(|&length| length < 127);
        bytes.push(length.expect("the tests use short headers"));
        bytes.extend(part.as_bytes());
    }
    bytes
}
