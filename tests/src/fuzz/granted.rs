//! What a peer has granted: the windows and bounds that it has spoken of, whatever else it has said.

use std::collections::BTreeMap;

use prism_proto::frame::{HEAD_BYTES, Head, PREFACE, kind, setting};

/// The windows and bounds that a peer's bytes have granted: at least what their reader may have seen of them.
#[derive(Debug)]
pub(crate) struct Granted {
    unread: Vec<u8>,
    has_preface: bool,
    connection: i64,
    streams: BTreeMap<u32, i64>,
    initial_max: i64,
    frame_bytes_max: u32,
}

impl Granted {
    /// What a client grants, whose preface comes first.
    pub(crate) fn by_client() -> Self {
        Self {
            unread: Vec::new(),
            has_preface: false,
            connection: 65_535,
            streams: BTreeMap::new(),
            initial_max: 65_535,
            frame_bytes_max: 16_384,
        }
    }

    /// What a server grants.
    pub(crate) fn by_server() -> Self {
        Self { has_preface: true, ..Self::by_client() }
    }

    /// The longest frame that the peer takes.
    pub(crate) fn frame_bytes_max(&self) -> u32 {
        self.frame_bytes_max
    }

    /// Whether a stream and the connection may have been sent so much.
    pub(crate) fn check(&self, stream: u32, stream_bytes: i64, connection_bytes: i64) {
        let granted = self.initial_max + self.streams.get(&stream).copied().unwrap_or(0);
        assert!(stream_bytes <= granted, "stream {stream} got {stream_bytes} of {granted} bytes");
        assert!(connection_bytes <= self.connection, "{connection_bytes} of {} bytes", self.connection);
    }

    /// The peer sends these bytes, which may be no frames at all.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        let unread = std::mem::take(&mut self.unread);
        let mut rest = &unread[..];
        if !self.has_preface {
            let Some(behind) = rest.strip_prefix(PREFACE) else { return self.unread = unread };
            (self.has_preface, rest) = (true, behind);
        }
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let head = Head::parse(head);
            let Some((payload, behind)) = behind.split_at_checked(head.length as usize) else { break };
            self.read(&head, payload);
            rest = behind;
        }
        self.unread = rest.to_vec();
    }

    fn read(&mut self, head: &Head, payload: &[u8]) {
        let word = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        match head.kind {
            kind::WINDOW_UPDATE if payload.len() == 4 => {
                let increment = i64::from(word(payload) & 0x7fff_ffff);
                match head.stream {
                    0 => self.connection += increment,
                    stream => *self.streams.entry(stream).or_default() += increment,
                }
            }
            kind::SETTINGS => {
                for pair in payload.chunks_exact(6) {
                    match (u16::from_be_bytes([pair[0], pair[1]]), word(&pair[2..])) {
                        (setting::INITIAL_WINDOW_SIZE, bytes) => {
                            self.initial_max = self.initial_max.max(i64::from(bytes));
                        }
                        (setting::MAX_FRAME_SIZE, bytes) => self.frame_bytes_max = self.frame_bytes_max.max(bytes),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
