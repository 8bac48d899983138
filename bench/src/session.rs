//! One HTTP/2 client connection that sends a recorded request again and again and counts how the calls end.
//!
//! It looks at frame heads and at header blocks, keeps to the peer's limits and windows, and answers SETTINGS and PING
//! as RFC 9113 asks. It keeps no state per stream: a call ends at END_STREAM or RST_STREAM, whichever it is.

use std::rc::Rc;

use crate::exchange::{Exchange, Fault, Tally};
use crate::frame::{HEAD_BYTES, Head, PAYLOAD_BYTES_MAX, flag, kind};
use crate::request::Request;
use crate::verdict::{Verdict, Verdicts};

/// The client's preface (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest window there is (RFC 9113 §6.9.1): ours, so that it never holds the server back.
const WINDOW_BYTES_MAX: u32 = 0x7fff_ffff;
/// A connection's window before any WINDOW_UPDATE, a stream's before any SETTINGS.
const WINDOW_BYTES_INITIAL: u32 = 65_535;
/// Received bytes after which the connection's window is filled up again.
const REGRANT_BYTES: u32 = 1 << 29;
/// The most that one reply's header block may take, CONTINUATION included.
const BLOCK_BYTES_MAX: usize = 4 * PAYLOAD_BYTES_MAX;

/// Identifiers of SETTINGS (RFC 9113 §6.5.2).
mod setting {
    pub(super) const HEADER_TABLE_SIZE: u16 = 1;
    pub(super) const ENABLE_PUSH: u16 = 2;
    pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;
}

/// A client connection under load.
///
/// ```text
/// new: preface and SETTINGS go out ──the peer's SETTINGS──► ready ──request──► open calls ──END_STREAM──► answered
/// ```
#[derive(Debug)]
pub struct Session {
    request: Rc<Request>,
    output: Vec<u8>,
    /// The begin of a frame whose end has not come yet.
    partial: Vec<u8>,
    /// A header block that goes on in CONTINUATION frames, and whether it ends its stream.
    block: Vec<u8>,
    block_ends_stream: bool,
    is_ready: bool,
    next_stream: u32,
    open: u32,
    /// The peer's SETTINGS_MAX_CONCURRENT_STREAMS.
    streams_max: u32,
    /// What the peer still lets us send on the connection.
    window_bytes: i64,
    /// DATA that came since the connection's window was last filled up.
    ungranted_bytes: u32,
    verdicts: Verdicts,
    tally: Tally,
}

impl Session {
    /// A new connection, its preface and SETTINGS in the output.
    pub fn new(request: Rc<Request>) -> Self {
        let mut output = PREFACE.to_vec();
        let settings = [(setting::ENABLE_PUSH, 0), (setting::INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX)];
        Head { payload_bytes: 6 * settings.len(), kind: kind::SETTINGS, flags: 0, stream: 0 }.write(&mut output);
        for (identifier, value) in settings {
            output.extend_from_slice(&identifier.to_be_bytes());
            output.extend_from_slice(&value.to_be_bytes());
        }
        append_window_update(WINDOW_BYTES_MAX - WINDOW_BYTES_INITIAL, &mut output);
        Self {
            request,
            output,
            partial: Vec::new(),
            block: Vec::new(),
            block_ends_stream: false,
            is_ready: false,
            next_stream: 1,
            open: 0,
            streams_max: u32::MAX,
            window_bytes: i64::from(WINDOW_BYTES_INITIAL),
            ungranted_bytes: 0,
            verdicts: Verdicts::new(),
            tally: Tally::default(),
        }
    }

    /// Takes every complete frame from the front of `bytes` and returns how many bytes they were.
    fn take_frames(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut used = 0;
        while let Some(head) = Head::parse(&bytes[used..]) {
            if head.payload_bytes > PAYLOAD_BYTES_MAX {
                return Err(Fault(format!("a frame of {} bytes, {PAYLOAD_BYTES_MAX} are allowed", head.payload_bytes)));
            }
            let end = used + HEAD_BYTES + head.payload_bytes;
            let Some(payload) = bytes.get(used + HEAD_BYTES..end) else { break };
            self.frame(head, payload)?;
            used = end;
        }
        Ok(used)
    }

    fn frame(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        match head.kind {
            kind::DATA => self.data(head, payload),
            kind::HEADERS => self.headers(head, payload),
            kind::CONTINUATION => self.continuation(head, payload),
            kind::RST_STREAM => self.reset(payload),
            kind::SETTINGS if !head.has(flag::ACK) => self.settings(payload),
            kind::PING if !head.has(flag::ACK) => {
                Head { flags: flag::ACK, ..head }.write(&mut self.output);
                self.output.extend_from_slice(payload);
                Ok(())
            }
            kind::GOAWAY => {
                let code = payload.get(4..8).map_or(0, be_u32);
                let words = String::from_utf8_lossy(payload.get(8..).unwrap_or_default());
                Err(Fault(format!("the server said GOAWAY with error {code}: {words:?}")))
            }
            kind::WINDOW_UPDATE if head.stream == 0 => {
                self.window_bytes += i64::from(be_u32(payload) & WINDOW_BYTES_MAX);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn data(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        self.tally.message_bytes += payload.len() as u64;
        self.ungranted_bytes += u32::try_from(payload.len()).expect("a payload has at most PAYLOAD_BYTES_MAX");
        if self.ungranted_bytes >= REGRANT_BYTES {
            append_window_update(self.ungranted_bytes, &mut self.output);
            self.ungranted_bytes = 0;
        }
        if head.has(flag::END_STREAM) {
            self.end(Verdict::Failed("the stream ended without trailers".into()))?;
        }
        Ok(())
    }

    #[inline]
    fn headers(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        let mut block = payload;
        if head.has(flag::PADDED) {
            let (pad_bytes, rest) =
                block.split_first().ok_or_else(|| Fault("a padded frame without a pad length".into()))?;
            let kept = rest.len().checked_sub(usize::from(*pad_bytes));
            block = &rest[..kept.ok_or_else(|| Fault("more padding than payload".into()))?];
        }
        if head.has(flag::PRIORITY) {
            block = block.get(5..).ok_or_else(|| Fault("HEADERS too short for its priority".into()))?;
        }
        if head.has(flag::END_HEADERS) {
            return self.judge(block, head.has(flag::END_STREAM));
        }
        self.block.clear();
        self.block.extend_from_slice(block);
        self.block_ends_stream = head.has(flag::END_STREAM);
        Ok(())
    }

    fn continuation(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        if self.block.len() + payload.len() > BLOCK_BYTES_MAX {
            return Err(Fault(format!("a header block of more than {BLOCK_BYTES_MAX} bytes")));
        }
        self.block.extend_from_slice(payload);
        if !head.has(flag::END_HEADERS) {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        let judged = self.judge(&block, self.block_ends_stream);
        self.block = block;
        judged
    }

    #[inline]
    fn judge(&mut self, block: &[u8], ends_stream: bool) -> Result<(), Fault> {
        let verdict = self.verdicts.judge(block, ends_stream)?;
        if ends_stream { self.end(verdict) } else { Ok(()) }
    }

    fn reset(&mut self, payload: &[u8]) -> Result<(), Fault> {
        match be_u32(payload) {
            // NO_ERROR follows a complete answer (RFC 9113 §8.1), which was counted.
            0 => Ok(()),
            code => self.end(Verdict::Failed(format!("the server reset the stream with error {code}"))),
        }
    }

    #[inline]
    fn end(&mut self, verdict: Verdict) -> Result<(), Fault> {
        self.open = self.open.checked_sub(1).ok_or_else(|| Fault("more answers than calls".into()))?;
        self.tally.answered += 1;
        if let Verdict::Failed(why) = verdict {
            self.tally.failed += 1;
            self.tally.first_failure.get_or_insert(why);
        }
        Ok(())
    }

    fn settings(&mut self, payload: &[u8]) -> Result<(), Fault> {
        for entry in payload.chunks_exact(6) {
            let value = be_u32(&entry[2..]);
            match u16::from_be_bytes([entry[0], entry[1]]) {
                setting::HEADER_TABLE_SIZE if value < self.request.table_bytes() => {
                    return Err(Fault(format!(
                        "the server's header table has {value} bytes: too few for indexed headers, use literal ones"
                    )));
                }
                setting::MAX_CONCURRENT_STREAMS => self.streams_max = value,
                setting::INITIAL_WINDOW_SIZE if (value as usize) < self.request.body_bytes() => {
                    let body_bytes = self.request.body_bytes();
                    return Err(Fault(format!(
                        "a body of {body_bytes} bytes, the server's streams take {value} at once"
                    )));
                }
                _ => {}
            }
        }
        Head { payload_bytes: 0, kind: kind::SETTINGS, flags: flag::ACK, stream: 0 }.write(&mut self.output);
        self.is_ready = true;
        Ok(())
    }
}

impl Exchange for Session {
    fn is_ready(&self) -> bool {
        self.is_ready
    }

    #[inline]
    fn request(&mut self) -> bool {
        let body_bytes = self.request.body_bytes() as i64;
        if self.open >= self.streams_max || self.window_bytes < body_bytes || self.next_stream > WINDOW_BYTES_MAX {
            return false;
        }
        if self.next_stream == 1 {
            self.request.append_first(self.next_stream, &mut self.output);
        } else {
            self.request.append_next(self.next_stream, &mut self.output);
        }
        self.next_stream += 2;
        self.open += 1;
        self.window_bytes -= body_bytes;
        true
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.tally.received_bytes += bytes.len() as u64;
        if self.partial.is_empty() {
            let used = self.take_frames(bytes)?;
            self.partial.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.partial);
        held.extend_from_slice(bytes);
        let used = self.take_frames(&held)?;
        held.drain(..used);
        self.partial = held;
        Ok(())
    }

    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn open(&self) -> u32 {
        self.open
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

fn append_window_update(bytes: u32, out: &mut Vec<u8>) {
    Head { payload_bytes: 4, kind: kind::WINDOW_UPDATE, flags: 0, stream: 0 }.write(out);
    out.extend_from_slice(&bytes.to_be_bytes());
}

/// The first four bytes as a number; 0 when there are fewer.
fn be_u32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}

#[cfg(test)]
mod tests;
