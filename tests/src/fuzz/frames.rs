//! Frames: each reader of a payload against a plain reading of RFC 9113 §6, and back through its writer.

use prism_proto::frame::{self, Error, ErrorCode, HEAD_BYTES, Head, flag, kind, setting};

/// The input is a sequence of frames; the last one may be cut.
pub fn run(data: &[u8]) {
    let mut rest = data;
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
        let head = Head::parse(head);
        assert_eq!(Head::parse(&head.to_bytes()), head);
        assert_eq!(head.check_length(16_384).is_err(), head.length > 16_384);
        let (payload, behind) = behind.split_at(behind.len().min(head.length as usize));
        // A payload that the end has cut is a shorter frame.
        let head = Head { length: payload.len() as u32, ..head };
        read(&head, payload);
        rest = behind;
    }
}

fn read(head: &Head, payload: &[u8]) {
    match head.kind {
        kind::DATA => {
            let content = frame::data(head, payload);
            assert_eq!(content.ok(), (head.stream != 0).then(|| unpadded(head, payload)).flatten());
        }
        kind::HEADERS => headers(head, payload),
        kind::PRIORITY => {
            let read = frame::priority(head, payload);
            let is_good = head.stream != 0 && payload.len() == 5 && word(&payload[..4]) & 0x7fff_ffff != head.stream;
            assert_eq!(read.is_ok(), is_good);
            check_error(read.err(), head);
        }
        kind::RST_STREAM => {
            let read = frame::rst_stream(head, payload);
            assert_eq!(read.is_ok(), head.stream != 0 && payload.len() == 4);
            if let Ok(code) = read {
                assert_eq!(
                    again(kind::RST_STREAM, |out| frame::write_rst_stream(head.stream, code, out)).0,
                    code_word(code)
                );
            }
            check_error(read.err(), head);
        }
        kind::SETTINGS => settings(head, payload),
        kind::PING => {
            let read = frame::ping(head, payload);
            assert_eq!(read.is_ok(), head.stream == 0 && payload.len() == 8);
            if let Ok(opaque) = read {
                let (written, flags) = again(kind::PING, |out| frame::write_ping(head.has(flag::ACK), opaque, out));
                assert_eq!((&written[..], flags), (payload, head.flags & flag::ACK));
            }
            check_error(read.err(), head);
        }
        kind::GOAWAY => {
            let read = frame::goaway(head, payload);
            assert_eq!(read.is_ok(), head.stream == 0 && payload.len() >= 8);
            if let Ok(goaway) = read {
                let write =
                    |out: &mut Vec<u8>| frame::write_goaway(goaway.last_stream, goaway.code, goaway.debug_data, out);
                let (written, _) = again(kind::GOAWAY, write);
                assert_eq!(
                    (&written[..4], &written[8..]),
                    (&word_bytes(word(&payload[..4]) & 0x7fff_ffff)[..], &payload[8..])
                );
            }
            check_error(read.err(), head);
        }
        kind::WINDOW_UPDATE => {
            let read = frame::window_update(head, payload);
            let increment =
                (payload.len() == 4).then(|| word(payload) & 0x7fff_ffff).filter(|increment| *increment > 0);
            assert_eq!(read.ok(), increment);
            if let Ok(increment) = read {
                let (written, _) =
                    again(kind::WINDOW_UPDATE, |out| frame::write_window_update(head.stream, increment, out));
                assert_eq!(written, word_bytes(increment));
            }
            check_error(read.err(), head);
        }
        kind::CONTINUATION => {
            assert_eq!(frame::continuation(head, payload).ok(), (head.stream != 0).then_some(payload));
        }
        _ => {}
    }
}

fn headers(head: &Head, payload: &[u8]) {
    let read = frame::headers(head, payload);
    let content = (head.stream != 0).then(|| unpadded(head, payload)).flatten();
    let expected = content.and_then(|content| match (head.has(flag::PRIORITY), content.len()) {
        (false, _) => Some(content),
        (true, ..5) => None,
        (true, _) => Some(&content[5..]),
    });
    assert_eq!(read.as_ref().ok().map(|headers| headers.block), expected);
    if let Ok(headers) = read {
        for frame_bytes_max in [1, 7, 16_384] {
            let mut out = Vec::new();
            frame::write_header_block(
                head.stream,
                head.has(flag::END_STREAM),
                headers.block,
                frame_bytes_max,
                &mut out,
            );
            assert_eq!(joined(&out, frame_bytes_max), headers.block);
        }
    }
    check_error(read.err(), head);
}

/// A block that was cut into frames, whole again.
fn joined(mut bytes: &[u8], frame_bytes_max: usize) -> Vec<u8> {
    let mut block = Vec::new();
    let mut expected = kind::HEADERS;
    loop {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().expect("END_HEADERS comes");
        let head = Head::parse(head);
        assert_eq!(head.kind, expected);
        assert!(head.length as usize <= frame_bytes_max);
        let (part, rest) = rest.split_at(head.length as usize);
        block.extend_from_slice(part);
        if head.has(flag::END_HEADERS) {
            assert!(rest.is_empty());
            return block;
        }
        (bytes, expected) = (rest, kind::CONTINUATION);
    }
}

fn settings(head: &Head, payload: &[u8]) {
    let read = frame::settings(head, payload);
    check_error(read.err(), head);
    if head.stream != 0 || (head.has(flag::ACK) && !payload.is_empty()) {
        assert!(read.is_err());
        return;
    }
    let pairs: Vec<(u16, u32)> =
        payload.chunks_exact(6).map(|pair| (u16::from_be_bytes([pair[0], pair[1]]), word(&pair[2..]))).collect();
    let is_good = |&(identifier, value): &(u16, u32)| match identifier {
        setting::ENABLE_PUSH => value <= 1,
        setting::INITIAL_WINDOW_SIZE => value <= 0x7fff_ffff,
        setting::MAX_FRAME_SIZE => (16_384..1 << 24).contains(&value),
        _ => true,
    };
    assert_eq!(read.is_ok(), payload.len().is_multiple_of(6) && pairs.iter().all(is_good));
    let Ok(read) = read else { return };
    let last = |wanted: u16| pairs.iter().rev().find(|(identifier, _)| *identifier == wanted).map(|(_, value)| *value);
    assert_eq!(read.header_table_bytes_max, last(setting::HEADER_TABLE_SIZE));
    assert_eq!(read.initial_window_bytes, last(setting::INITIAL_WINDOW_SIZE));
    assert_eq!(read.concurrent_streams_max, last(setting::MAX_CONCURRENT_STREAMS));
    assert_eq!(read.frame_bytes_max, last(setting::MAX_FRAME_SIZE));
    assert_eq!(read.header_list_bytes_max, last(setting::MAX_HEADER_LIST_SIZE));
    assert_eq!(read.enable_push, last(setting::ENABLE_PUSH).map(|value| value == 1));
    let sizes = pairs.iter().filter(|(identifier, _)| *identifier == setting::HEADER_TABLE_SIZE);
    assert_eq!(read.header_table_bytes_least, sizes.map(|(_, value)| *value).min());
    if !head.has(flag::ACK) {
        assert_eq!(again(kind::SETTINGS, |out| frame::write_settings(&pairs, out)).0, payload);
    }
}

/// The payload and the flags of a frame that is written.
fn again(kind: u8, write: impl FnOnce(&mut Vec<u8>)) -> (Vec<u8>, u8) {
    let mut out = Vec::new();
    write(&mut out);
    let (head, payload) = out.split_first_chunk::<HEAD_BYTES>().expect("a frame has a head");
    let head = Head::parse(head);
    assert_eq!((head.kind, head.length as usize), (kind, payload.len()));
    (payload.to_vec(), head.flags)
}

fn unpadded<'p>(head: &Head, payload: &'p [u8]) -> Option<&'p [u8]> {
    if !head.has(flag::PADDED) {
        return Some(payload);
    }
    let padding = usize::from(*payload.first()?);
    payload.get(1..payload.len().checked_sub(padding)?)
}

/// Only stream errors name a stream, and it is the frame's.
fn check_error(error: Option<Error>, head: &Head) {
    if let Some(Error::Stream { stream, .. }) = error {
        assert_eq!(stream, head.stream);
        assert_ne!(stream, 0);
    }
}

fn code_word(code: ErrorCode) -> [u8; 4] {
    word_bytes(code.to_wire())
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn word_bytes(word: u32) -> [u8; 4] {
    word.to_be_bytes()
}
