//! One HTTP/2 client connection that sends a recorded request again and again and counts how the calls end.
//!
//! It looks at frame heads and at header blocks, keeps to the peer's limits and windows, and answers SETTINGS and PING
//! as RFC 9113 asks. It keeps no state per stream but for bodies longer than a stream's window, which go as far as the
//! windows allow: a call ends at END_STREAM or RST_STREAM, whichever it is.

use std::collections::VecDeque;
use std::rc::Rc;

use prism_proto::frame::{self, ErrorCode, HEAD_BYTES, Head, PREFACE, STREAM_MAX, Settings, flag, kind, setting};
use prism_proto::limits::FRAME_BYTES_MAX;

use crate::exchange::{Exchange, Fault, Tally};
use crate::request::Request;
use crate::verdict::{Verdict, Verdicts};

/// The largest window there is (RFC 9113 §6.9.1): ours, so that it never holds the server back.
const WINDOW_BYTES_MAX: u32 = STREAM_MAX;
/// A connection's window before any WINDOW_UPDATE, a stream's before any SETTINGS.
const WINDOW_BYTES_INITIAL: u32 = 65_535;
/// Received bytes after which the connection's window is filled up again.
const REGRANT_BYTES: u32 = 1 << 29;
/// The most that one reply's header block may take, CONTINUATION included.
const BLOCK_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;

/// The body of a call that does not fit its stream's first window.
#[derive(Debug)]
struct Body {
    stream: u32,
    sent_bytes: usize,
    /// What the peer still lets us send on the stream; negative after it has shrunk its initial window.
    window_bytes: i64,
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
    /// The peer's SETTINGS_INITIAL_WINDOW_SIZE.
    stream_window_bytes: i64,
    /// Bodies that the windows hold back, the one whose turn is next in front.
    bodies: VecDeque<Body>,
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
        frame::write_settings(&settings, &mut output);
        frame::write_window_update(0, WINDOW_BYTES_MAX - WINDOW_BYTES_INITIAL, &mut output);
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
            stream_window_bytes: i64::from(WINDOW_BYTES_INITIAL),
            bodies: VecDeque::new(),
            ungranted_bytes: 0,
            verdicts: Verdicts::new(),
            tally: Tally::default(),
        }
    }

    /// Takes every complete frame from the front of `bytes` and returns how many bytes they were.
    fn take_frames(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut used = 0;
        while let Some(head) = bytes[used..].first_chunk() {
            let head = Head::parse(head);
            head.check_length(FRAME_BYTES_MAX)?;
            let end = used + HEAD_BYTES + head.length as usize;
            let Some(payload) = bytes.get(used + HEAD_BYTES..end) else { break };
            self.take_frame(head, payload)?;
            used = end;
        }
        Ok(used)
    }

    fn take_frame(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        match head.kind {
            kind::DATA => self.data(head),
            kind::HEADERS => self.headers(head, payload),
            kind::CONTINUATION => self.continuation(head, payload),
            kind::RST_STREAM => match frame::rst_stream(&head, payload)? {
                // It follows a complete answer (RFC 9113 §8.1), which was counted.
                ErrorCode::NoError => Ok(()),
                code => self.end(head.stream, Verdict::Failed(format!("the server reset the stream: {code:?}"))),
            },
            kind::SETTINGS if !head.has(flag::ACK) => self.settings(frame::settings(&head, payload)?),
            kind::PING if !head.has(flag::ACK) => {
                frame::write_ping(true, frame::ping(&head, payload)?, &mut self.output);
                Ok(())
            }
            kind::GOAWAY => {
                let goaway = frame::goaway(&head, payload)?;
                let words = String::from_utf8_lossy(goaway.debug_data);
                Err(Fault(format!("the server said goodbye: {:?}, {words:?}", goaway.code)))
            }
            kind::WINDOW_UPDATE => {
                self.granted(head.stream, i64::from(frame::window_update(&head, payload)?));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn data(&mut self, head: Head) -> Result<(), Fault> {
        self.tally.message_bytes += u64::from(head.length);
        self.ungranted_bytes += head.length;
        if self.ungranted_bytes >= REGRANT_BYTES {
            frame::write_window_update(0, self.ungranted_bytes, &mut self.output);
            self.ungranted_bytes = 0;
        }
        if head.has(flag::END_STREAM) {
            self.end(head.stream, Verdict::Failed("the stream ended without trailers".into()))?;
        }
        Ok(())
    }

    #[inline]
    fn headers(&mut self, head: Head, payload: &[u8]) -> Result<(), Fault> {
        let block = frame::headers(&head, payload)?.block;
        if head.has(flag::END_HEADERS) {
            return self.judge(head.stream, block, head.has(flag::END_STREAM));
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
        let judged = self.judge(head.stream, &block, self.block_ends_stream);
        self.block = block;
        judged
    }

    #[inline]
    fn judge(&mut self, stream: u32, block: &[u8], ends_stream: bool) -> Result<(), Fault> {
        let verdict = self.verdicts.judge(block, ends_stream)?;
        if ends_stream { self.end(stream, verdict) } else { Ok(()) }
    }

    #[inline]
    fn end(&mut self, stream: u32, verdict: Verdict) -> Result<(), Fault> {
        if !self.bodies.is_empty() {
            // Answered before it was whole: nobody wants the rest.
            self.bodies.retain(|body| body.stream != stream);
        }
        self.open = self.open.checked_sub(1).ok_or_else(|| Fault("more answers than calls".into()))?;
        self.tally.answered += 1;
        if let Verdict::Failed(why) = verdict {
            self.tally.failed += 1;
            self.tally.first_failure.get_or_insert(why);
        }
        Ok(())
    }

    fn settings(&mut self, settings: Settings) -> Result<(), Fault> {
        let table_bytes = self.request.table_bytes();
        if let Some(granted) = settings.header_table_bytes_max.filter(|granted| *granted < table_bytes) {
            let context = "indexed header fields need the initial 4096, use literal ones";
            return Err(Fault(format!("the server's header table has {granted} bytes: {context}")));
        }
        if let Some(window_bytes) = settings.initial_window_bytes.map(i64::from) {
            // Streams in use get the difference (RFC 9113 §6.9.2).
            let difference = window_bytes - self.stream_window_bytes;
            self.bodies.iter_mut().for_each(|body| body.window_bytes += difference);
            self.stream_window_bytes = window_bytes;
            self.send_bodies();
        }
        self.streams_max = settings.concurrent_streams_max.unwrap_or(self.streams_max);
        frame::write_settings_ack(&mut self.output);
        self.is_ready = true;
        Ok(())
    }

    /// The peer takes so much more: of one stream, or of the connection for 0.
    fn granted(&mut self, stream: u32, bytes: i64) {
        if stream == 0 {
            self.window_bytes += bytes;
        } else if let Some(body) = self.bodies.iter_mut().find(|body| body.stream == stream) {
            body.window_bytes += bytes;
        }
        self.send_bodies();
    }

    /// Sends bodies as far as the windows go, a frame of each in turn, as clients in use do.
    fn send_bodies(&mut self) {
        let mut blocked = 0;
        while self.window_bytes > 0
            && blocked < self.bodies.len()
            && let Some(mut body) = self.bodies.pop_front()
        {
            let room = usize::try_from(body.window_bytes.min(self.window_bytes)).unwrap_or(0);
            if room == 0 {
                blocked += 1;
                self.bodies.push_back(body);
                continue;
            }
            blocked = 0;
            let bytes = self.request.append_part(body.stream, body.sent_bytes, room, &mut self.output);
            body.sent_bytes += bytes;
            body.window_bytes -= bytes as i64;
            self.window_bytes -= bytes as i64;
            if body.sent_bytes < self.request.body_bytes() {
                self.bodies.push_back(body);
            }
        }
    }

    /// Opens a call whose body does not fit its stream's window.
    fn request_in_parts(&mut self) {
        let stream = self.next_stream;
        self.request.append_head(stream == 1, stream, &mut self.output);
        self.bodies.push_back(Body { stream, sent_bytes: 0, window_bytes: self.stream_window_bytes });
        self.send_bodies();
    }
}

impl Exchange for Session {
    fn is_ready(&self) -> bool {
        self.is_ready
    }

    #[inline]
    fn request(&mut self) -> bool {
        let body_bytes = self.request.body_bytes() as i64;
        if self.open >= self.streams_max || self.next_stream > STREAM_MAX {
            return false;
        }
        if body_bytes > self.stream_window_bytes {
            self.request_in_parts();
            self.next_stream += 2;
            self.open += 1;
            return true;
        }
        if self.window_bytes < body_bytes {
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

#[cfg(test)]
mod tests;
