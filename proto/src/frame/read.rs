//! Payloads as they are read: each function checks what its frame type demands (RFC 9113 §6.1 to §6.10).
//!
//! Each takes the head and exactly the `head.length` bytes that follow it.

use super::{Error, ErrorCode, Head, STREAM_MAX, Settings, flag};

/// The payload of HEADERS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'p> {
    /// The header block, or its beginning when END_HEADERS is not set.
    pub block: &'p [u8],
    /// The obsolete priority fields, when the frame has them.
    pub priority: Option<Priority>,
}

/// Priority fields, which RFC 9113 §5.3.2 has made obsolete: checked, then ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priority {
    /// The stream that this one depends on.
    pub dependency: u32,
    /// Whether it is to be the only one that does.
    pub exclusive: bool,
    /// The weight less one.
    pub weight: u8,
}

/// The payload of GOAWAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoAway<'p> {
    /// Streams above it were not processed.
    pub last_stream: u32,
    /// Why.
    pub code: ErrorCode,
    /// Text for people.
    pub debug_data: &'p [u8],
}

/// DATA without its padding. The whole `head.length` counts against the windows (§6.1).
///
/// # Errors
/// PROTOCOL_ERROR of the connection: stream 0, or padding that leaves no room.
#[inline(always)]
pub fn data<'p>(head: &Head, payload: &'p [u8]) -> Result<&'p [u8], Error> {
    check_stream(head, "DATA on stream 0")?;
    without_padding(head, payload)
}

/// HEADERS without padding and priority. That a stream depends on itself ([`Priority::depends_on`]) is a stream error
/// which the caller raises after it has decoded the block, so that the tables stay in step.
///
/// # Errors
/// Of the connection: PROTOCOL_ERROR for stream 0 or padding that leaves no room, FRAME_SIZE_ERROR when priority fields
/// are cut short.
#[inline(always)]
pub fn headers<'p>(head: &Head, payload: &'p [u8]) -> Result<Headers<'p>, Error> {
    check_stream(head, "HEADERS on stream 0")?;
    let payload = without_padding(head, payload)?;
    if !head.has(flag::PRIORITY) {
        return Ok(Headers { block: payload, priority: None });
    }
    let Some((fields, block)) = payload.split_first_chunk() else {
        return Err(Error::connection(ErrorCode::FrameSizeError, "HEADERS too short for its priority fields"));
    };
    Ok(Headers { block, priority: Some(Priority::parse(fields)) })
}

/// CONTINUATION: its payload is the block's next part.
///
/// # Errors
/// PROTOCOL_ERROR of the connection on stream 0.
pub fn continuation<'p>(head: &Head, payload: &'p [u8]) -> Result<&'p [u8], Error> {
    check_stream(head, "CONTINUATION on stream 0")?;
    Ok(payload)
}

/// PRIORITY, to be ignored when it is well formed.
///
/// # Errors
/// PROTOCOL_ERROR of the connection on stream 0; of the stream, FRAME_SIZE_ERROR for another length than five, and
/// PROTOCOL_ERROR when it depends on itself (RFC 7540 §5.3.1).
pub fn priority(head: &Head, payload: &[u8]) -> Result<Priority, Error> {
    check_stream(head, "PRIORITY on stream 0")?;
    let Ok(fields) = payload.try_into() else {
        return Err(Error::stream(head.stream, ErrorCode::FrameSizeError, "PRIORITY not of five bytes"));
    };
    let priority = Priority::parse(fields);
    if priority.depends_on(head.stream) {
        return Err(Error::stream(head.stream, ErrorCode::ProtocolError, "stream depends on itself"));
    }
    Ok(priority)
}

impl Priority {
    fn parse(fields: &[u8; 5]) -> Self {
        let word = u32::from_be_bytes([fields[0], fields[1], fields[2], fields[3]]);
        Self { dependency: word & STREAM_MAX, exclusive: word > STREAM_MAX, weight: fields[4] }
    }

    /// Whether the dependency is on `stream`.
    pub const fn depends_on(&self, stream: u32) -> bool {
        self.dependency == stream
    }
}

/// RST_STREAM: its error code.
///
/// # Errors
/// Of the connection: PROTOCOL_ERROR on stream 0, FRAME_SIZE_ERROR for another length than four.
pub fn rst_stream(head: &Head, payload: &[u8]) -> Result<ErrorCode, Error> {
    check_stream(head, "RST_STREAM on stream 0")?;
    let Ok(code) = payload.try_into() else {
        return Err(Error::connection(ErrorCode::FrameSizeError, "RST_STREAM not of four bytes"));
    };
    Ok(ErrorCode::from_wire(u32::from_be_bytes(code)))
}

/// SETTINGS, or the acknowledgement of ours.
///
/// # Errors
/// Of the connection: PROTOCOL_ERROR on another stream than 0, FRAME_SIZE_ERROR for an ACK that says anything, and
/// those of [`Settings::parse`].
pub fn settings(head: &Head, payload: &[u8]) -> Result<Settings, Error> {
    check_connection(head, "SETTINGS on a stream")?;
    if !head.has(flag::ACK) {
        return Settings::parse(payload);
    }
    if !payload.is_empty() {
        return Err(Error::connection(ErrorCode::FrameSizeError, "SETTINGS ACK with a payload"));
    }
    Ok(Settings { ack: true, ..Settings::default() })
}

/// PING: its eight opaque bytes.
///
/// # Errors
/// Of the connection: PROTOCOL_ERROR on another stream than 0, FRAME_SIZE_ERROR for another length than eight.
pub fn ping(head: &Head, payload: &[u8]) -> Result<[u8; 8], Error> {
    check_connection(head, "PING on a stream")?;
    payload.try_into().map_err(|_| Error::connection(ErrorCode::FrameSizeError, "PING not of eight bytes"))
}

/// GOAWAY.
///
/// # Errors
/// Of the connection: PROTOCOL_ERROR on another stream than 0, FRAME_SIZE_ERROR when it is shorter than eight bytes.
pub fn goaway<'p>(head: &Head, payload: &'p [u8]) -> Result<GoAway<'p>, Error> {
    check_connection(head, "GOAWAY on a stream")?;
    let Some((&[a, b, c, d, e, f, g, h], debug_data)) = payload.split_first_chunk::<8>() else {
        return Err(Error::connection(ErrorCode::FrameSizeError, "GOAWAY shorter than eight bytes"));
    };
    let last_stream = u32::from_be_bytes([a, b, c, d]) & STREAM_MAX;
    Ok(GoAway { last_stream, code: ErrorCode::from_wire(u32::from_be_bytes([e, f, g, h])), debug_data })
}

/// WINDOW_UPDATE: the increment, 1 to 2^31-1.
///
/// # Errors
/// FRAME_SIZE_ERROR of the connection for another length than four; PROTOCOL_ERROR for an increment of 0, of the stream
/// or, on stream 0, of the connection.
#[inline]
pub fn window_update(head: &Head, payload: &[u8]) -> Result<u32, Error> {
    let Ok(word) = payload.try_into() else {
        return Err(Error::connection(ErrorCode::FrameSizeError, "WINDOW_UPDATE not of four bytes"));
    };
    match (u32::from_be_bytes(word) & STREAM_MAX, head.stream) {
        (0, 0) => Err(Error::connection(ErrorCode::ProtocolError, "window increment of 0")),
        (0, stream) => Err(Error::stream(stream, ErrorCode::ProtocolError, "window increment of 0")),
        (increment, _) => Ok(increment),
    }
}

#[inline(always)]
fn without_padding<'p>(head: &Head, payload: &'p [u8]) -> Result<&'p [u8], Error> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let Some((&pad_bytes, rest)) = payload.split_first() else {
        return Err(Error::connection(ErrorCode::FrameSizeError, "no room for the pad length"));
    };
    rest.len()
        .checked_sub(usize::from(pad_bytes))
        .map(|bytes| &rest[..bytes])
        .ok_or(Error::connection(ErrorCode::ProtocolError, "padding longer than the payload"))
}

#[inline(always)]
const fn check_stream(head: &Head, reason: &'static str) -> Result<(), Error> {
    if head.stream == 0 {
        return Err(Error::connection(ErrorCode::ProtocolError, reason));
    }
    Ok(())
}

const fn check_connection(head: &Head, reason: &'static str) -> Result<(), Error> {
    if head.stream != 0 {
        return Err(Error::connection(ErrorCode::ProtocolError, reason));
    }
    Ok(())
}
