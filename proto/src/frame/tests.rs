//! Heads, payloads as they are read, and payloads as they are written.

use super::*;
use proptest::prelude::*;

fn head(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Head {
    Head { length: payload.len() as u32, kind, flags, stream }
}

const fn connection(code: ErrorCode) -> (Option<u32>, ErrorCode) {
    (None, code)
}

/// Who bears the error, and its code.
fn blame<T: std::fmt::Debug>(result: Result<T, Error>) -> (Option<u32>, ErrorCode) {
    match result.expect_err("an error") {
        Error::Connection { code, .. } => (None, code),
        Error::Stream { stream, code, .. } => (Some(stream), code),
    }
}

/// The one frame in `out`.
fn only_frame(out: &[u8]) -> (Head, &[u8]) {
    let (bytes, payload) = out.split_first_chunk::<HEAD_BYTES>().expect("a head");
    let head = Head::parse(bytes);
    assert_eq!(head.length as usize, payload.len());
    (head, payload)
}

#[test]
fn a_head_comes_back_without_the_reserved_bit() {
    let head = Head { length: 0x01_02_03, kind: kind::HEADERS, flags: flag::END_HEADERS, stream: 0x0405_0607 };
    let mut bytes = head.to_bytes();
    assert_eq!(bytes, [1, 2, 3, 1, 4, 4, 5, 6, 7]);
    bytes[5] |= 0x80;
    assert_eq!(Head::parse(&bytes), head);
    assert!(head.check_length(0x01_02_03).is_ok());
    assert_eq!(blame(head.check_length(0x01_02_02)), connection(ErrorCode::FrameSizeError));
}

#[test]
fn stream_zero_is_for_the_connection_and_the_others_are_not() {
    let payload = [0; 8];
    for result in [
        data(&head(kind::DATA, 0, 0, &payload), &payload).map(|_| ()),
        headers(&head(kind::HEADERS, 0, 0, &payload), &payload).map(|_| ()),
        continuation(&head(kind::CONTINUATION, 0, 0, &payload), &payload).map(|_| ()),
        priority(&head(kind::PRIORITY, 0, 0, &payload[..5]), &payload[..5]).map(|_| ()),
        rst_stream(&head(kind::RST_STREAM, 0, 0, &payload[..4]), &payload[..4]).map(|_| ()),
        settings(&head(kind::SETTINGS, 0, 1, &[]), &[]).map(|_| ()),
        ping(&head(kind::PING, 0, 1, &payload), &payload).map(|_| ()),
        goaway(&head(kind::GOAWAY, 0, 1, &payload), &payload).map(|_| ()),
    ] {
        assert_eq!(blame(result), connection(ErrorCode::ProtocolError));
    }
}

#[test]
fn padding_leaves_the_data() {
    let read = |payload: &'static [u8]| data(&head(kind::DATA, flag::PADDED, 1, payload), payload);
    assert_eq!(read(&[2, b'a', b'b', 0, 0]), Ok(b"ab".as_slice()));
    assert_eq!(read(&[0, b'a']), Ok(b"a".as_slice()));
    assert_eq!(read(&[2, 0, 0]), Ok(b"".as_slice()));
    assert_eq!(read(&[0]), Ok(b"".as_slice()));
    assert_eq!(blame(read(&[1])), connection(ErrorCode::ProtocolError));
    assert_eq!(blame(read(&[3, 0, 0])), connection(ErrorCode::ProtocolError));
    assert_eq!(blame(read(&[])), connection(ErrorCode::FrameSizeError));
    assert_eq!(data(&head(kind::DATA, 0, 1, &[2, 0]), &[2, 0]), Ok([2, 0].as_slice()));
}

#[test]
fn headers_lose_padding_and_priority() {
    let read = |flags, payload: &'static [u8]| headers(&head(kind::HEADERS, flags, 3, payload), payload);
    assert_eq!(read(0, b"\x82"), Ok(Headers { block: b"\x82", priority: None }));
    let both = read(flag::PADDED | flag::PRIORITY, &[1, 0x80, 0, 0, 3, 200, 0x82, 0]).expect("good headers");
    assert_eq!(both.block, b"\x82");
    let priority = both.priority.expect("priority fields");
    assert_eq!(priority, Priority { dependency: 3, exclusive: true, weight: 200 });
    assert!(priority.depends_on(3) && !priority.depends_on(5));
    let farthest = read(flag::PRIORITY, &[0x7f, 0xff, 0xff, 0xff, 0]).expect("good headers").priority;
    assert_eq!(farthest, Some(Priority { dependency: STREAM_MAX, exclusive: false, weight: 0 }));
    assert_eq!(blame(read(flag::PRIORITY, &[0, 0, 0, 1])), connection(ErrorCode::FrameSizeError));
    // The padding takes what the priority fields need.
    assert_eq!(blame(read(flag::PADDED | flag::PRIORITY, &[1, 0, 0, 0, 1, 0])), connection(ErrorCode::FrameSizeError));
}

#[test]
fn fixed_lengths_are_checked() {
    let bytes = [1; 9];
    for length in 0..=9 {
        let payload = &bytes[..length];
        let of = |kind, stream| head(kind, 0, stream, payload);
        for (good, wrong, result) in [
            (length == 5, (Some(1), ErrorCode::FrameSizeError), priority(&of(kind::PRIORITY, 1), payload).map(|_| ())),
            (
                length == 4,
                connection(ErrorCode::FrameSizeError),
                rst_stream(&of(kind::RST_STREAM, 1), payload).map(|_| ()),
            ),
            (length == 8, connection(ErrorCode::FrameSizeError), ping(&of(kind::PING, 0), payload).map(|_| ())),
            (length >= 8, connection(ErrorCode::FrameSizeError), goaway(&of(kind::GOAWAY, 0), payload).map(|_| ())),
            (
                length == 4,
                connection(ErrorCode::FrameSizeError),
                window_update(&of(kind::WINDOW_UPDATE, 1), payload).map(|_| ()),
            ),
            (
                length % 6 == 0,
                connection(ErrorCode::FrameSizeError),
                settings(&of(kind::SETTINGS, 0), payload).map(|_| ()),
            ),
        ] {
            match result {
                Ok(()) => assert!(good, "length {length}"),
                error => assert_eq!((good, blame(error)), (false, wrong), "length {length}"),
            }
        }
    }
}

#[test]
fn a_stream_may_not_depend_on_itself() {
    let payload = [0, 0, 0, 7, 1];
    assert_eq!(blame(priority(&head(kind::PRIORITY, 0, 7, &payload), &payload)), (Some(7), ErrorCode::ProtocolError));
    assert!(priority(&head(kind::PRIORITY, 0, 9, &payload), &payload).is_ok());
}

#[test]
fn a_window_grows_by_something() {
    let none = [0x80, 0, 0, 0];
    let read = |stream, payload: &[u8]| window_update(&head(kind::WINDOW_UPDATE, 0, stream, payload), payload);
    assert_eq!(blame(read(0, &none)), connection(ErrorCode::ProtocolError));
    assert_eq!(blame(read(5, &none)), (Some(5), ErrorCode::ProtocolError));
    assert_eq!(read(5, &[0xff; 4]), Ok(STREAM_MAX));
}

fn read_settings(pairs: &[(u16, u32)]) -> Result<Settings, Error> {
    let mut out = Vec::new();
    write_settings(pairs, &mut out);
    let (head, payload) = only_frame(&out);
    assert_eq!((head.kind, head.flags, head.stream), (kind::SETTINGS, 0, 0));
    settings(&head, payload)
}

#[test]
fn settings_come_back_and_the_last_counts() {
    let read = read_settings(&[
        (setting::HEADER_TABLE_SIZE, 0),
        (setting::HEADER_TABLE_SIZE, 100),
        (setting::ENABLE_PUSH, 0),
        (setting::MAX_CONCURRENT_STREAMS, u32::MAX),
        (setting::INITIAL_WINDOW_SIZE, 1),
        (setting::INITIAL_WINDOW_SIZE, STREAM_MAX),
        (setting::MAX_FRAME_SIZE, LENGTH_MAX),
        (setting::MAX_HEADER_LIST_SIZE, 7),
        (0xfefe, 9),
    ]);
    assert_eq!(
        read,
        Ok(Settings {
            ack: false,
            header_table_bytes_max: Some(100),
            header_table_bytes_least: Some(0),
            enable_push: Some(false),
            concurrent_streams_max: Some(u32::MAX),
            initial_window_bytes: Some(STREAM_MAX),
            frame_bytes_max: Some(LENGTH_MAX),
            header_list_bytes_max: Some(7),
        })
    );
    assert_eq!(read_settings(&[]), Ok(Settings::default()));
}

#[test]
fn settings_out_of_bounds_are_refused() {
    for (identifier, value, code) in [
        (setting::ENABLE_PUSH, 2, ErrorCode::ProtocolError),
        (setting::INITIAL_WINDOW_SIZE, STREAM_MAX + 1, ErrorCode::FlowControlError),
        (setting::MAX_FRAME_SIZE, 16_383, ErrorCode::ProtocolError),
        (setting::MAX_FRAME_SIZE, LENGTH_MAX + 1, ErrorCode::ProtocolError),
    ] {
        assert_eq!(blame(read_settings(&[(identifier, value)])), connection(code), "{identifier} = {value}");
    }
}

#[test]
fn an_acknowledgement_says_nothing_else() {
    let mut out = Vec::new();
    write_settings_ack(&mut out);
    let (ack, payload) = only_frame(&out);
    assert_eq!(settings(&ack, payload), Ok(Settings { ack: true, ..Settings::default() }));
    let payload = [0; 6];
    assert_eq!(
        blame(settings(&head(kind::SETTINGS, flag::ACK, 0, &payload), &payload)),
        connection(ErrorCode::FrameSizeError)
    );
}

#[test]
fn what_is_written_is_read() {
    let mut out = Vec::new();
    write_ping(true, *b"12345678", &mut out);
    let (head, payload) = only_frame(&out);
    assert_eq!((head.kind, head.flags, ping(&head, payload)), (kind::PING, flag::ACK, Ok(*b"12345678")));

    out.clear();
    write_rst_stream(7, ErrorCode::EnhanceYourCalm, &mut out);
    let (head, payload) = only_frame(&out);
    assert_eq!((head.kind, head.stream), (kind::RST_STREAM, 7));
    assert_eq!(rst_stream(&head, payload), Ok(ErrorCode::EnhanceYourCalm));

    out.clear();
    write_goaway(STREAM_MAX, ErrorCode::NoError, b"draining", &mut out);
    let (head, payload) = only_frame(&out);
    let expected = GoAway { last_stream: STREAM_MAX, code: ErrorCode::NoError, debug_data: b"draining" };
    assert_eq!((head.kind, head.stream, goaway(&head, payload)), (kind::GOAWAY, 0, Ok(expected)));

    out.clear();
    write_window_update(9, 65_535, &mut out);
    let (head, payload) = only_frame(&out);
    assert_eq!((head.kind, head.stream, window_update(&head, payload)), (kind::WINDOW_UPDATE, 9, Ok(65_535)));
}

#[test]
fn a_length_is_filled_in_where_its_head_stands() {
    let mut out = b"before".to_vec();
    let at = write_head_placeholder(kind::DATA, flag::END_STREAM, 5, &mut out);
    out.resize(out.len() + 0x01_02_03, 7);
    write_length(at, &mut out);
    let (head, payload) = only_frame(&out[6..]);
    assert_eq!(head, Head { length: 0x01_02_03, kind: kind::DATA, flags: flag::END_STREAM, stream: 5 });
    assert!(payload.iter().all(|&byte| byte == 7));
}

#[test]
fn unknown_error_codes_are_taken_for_internal_errors() {
    for number in 0..20 {
        let expected = if number <= 0xd { number } else { ErrorCode::InternalError.to_wire() };
        assert_eq!(ErrorCode::from_wire(number).to_wire(), expected);
    }
}

proptest! {
    #[test]
    fn any_head_comes_back(length in 0..=LENGTH_MAX, kind: u8, flags: u8, stream in 0..=STREAM_MAX) {
        let head = Head { length, kind, flags, stream };
        prop_assert_eq!(Head::parse(&head.to_bytes()), head);
    }

    #[test]
    fn a_header_block_is_cut_into_frames(
        block in prop::collection::vec(any::<u8>(), 0..100),
        frame_bytes_max in 1usize..60,
        end_stream: bool,
    ) {
        let mut out = Vec::new();
        write_header_block(3, end_stream, &block, frame_bytes_max, &mut out);
        let mut rest = out.as_slice();
        let mut joined = Vec::new();
        let mut ended = false;
        while let Some((bytes, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
            prop_assert!(!ended);
            let head = Head::parse(bytes);
            let first = joined.is_empty();
            let (payload, next) = behind.split_at(head.length as usize);
            rest = next;
            prop_assert!(payload.len() <= frame_bytes_max);
            prop_assert_eq!(head.stream, 3);
            prop_assert_eq!(head.kind, if first { kind::HEADERS } else { kind::CONTINUATION });
            prop_assert_eq!(head.has(flag::END_STREAM), first && end_stream);
            ended = head.has(flag::END_HEADERS);
            joined.extend_from_slice(payload);
        }
        prop_assert!(ended && rest.is_empty());
        prop_assert_eq!(joined, block);
    }

    #[test]
    fn no_payload_breaks_a_reader(
        payload in prop::collection::vec(any::<u8>(), 0..40),
        flags: u8,
        stream in 0u32..3,
    ) {
        let head = head(0, flags, stream, &payload);
        let _ = (data(&head, &payload), headers(&head, &payload), continuation(&head, &payload));
        let _ = (priority(&head, &payload), rst_stream(&head, &payload), settings(&head, &payload));
        let _ = (ping(&head, &payload), goaway(&head, &payload), window_update(&head, &payload));
    }
}
