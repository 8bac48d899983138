//! The session: batches, answers and faults.

use super::*;
use crate::request::{HeaderCoding, Operation};

/// `grpc-status: 0` as a literal without indexing.
const STATUS_0: &[u8] = b"\x00\x0bgrpc-status\x010";

fn session() -> Session {
    let message = Operation::Get.message("key", b"", "");
    Session::new(Rc::new(Request::new(Operation::Get.path(), "host", &message, HeaderCoding::Indexed)))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Head { length: payload.len() as u32, kind, flags, stream }.write(&mut out);
    out.extend_from_slice(payload);
    out
}

fn setting(identifier: u16, value: u32) -> Vec<u8> {
    frame(kind::SETTINGS, 0, 0, &[&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn ready() -> Session {
    let mut session = session();
    session.receive(&setting(setting::MAX_CONCURRENT_STREAMS, 2)).expect("SETTINGS");
    session.output.clear();
    session
}

fn reply(stream: u32) -> Vec<u8> {
    [
        frame(kind::HEADERS, flag::END_HEADERS, stream, &[0x88]),
        frame(kind::DATA, 0, stream, &[0, 0, 0, 0, 2, 8, 1]),
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, STATUS_0),
    ]
    .concat()
}

#[test]
fn the_preface_comes_first_and_settings_are_acknowledged() {
    let mut session = session();
    assert!(session.output().starts_with(PREFACE));
    assert!(!session.is_ready());
    session.output().clear();
    session.receive(&frame(kind::SETTINGS, 0, 0, &[])).expect("SETTINGS");
    assert!(session.is_ready());
    assert_eq!(*session.output(), frame(kind::SETTINGS, flag::ACK, 0, &[]));
}

#[test]
fn calls_stop_at_the_servers_stream_limit_and_go_on_after_an_answer() {
    let mut session = ready();
    assert!(session.request() && session.request());
    assert!(!session.request(), "two streams are allowed");
    session.receive(&reply(1)).expect("an answer");
    assert_eq!((session.open(), session.tally().answered, session.tally().failed), (1, 1, 0));
    assert_eq!(session.tally().message_bytes, 7);
    assert!(session.request());
}

#[test]
fn an_answer_may_be_cut_anywhere() {
    for cut in 1..reply(1).len() {
        let mut session = ready();
        assert!(session.request());
        let whole = reply(1);
        let (head, tail) = whole.split_at(cut);
        session.receive(head).expect("a part");
        assert_eq!(session.open(), 1);
        session.receive(tail).expect("the rest");
        assert_eq!((session.open(), session.tally().answered, session.tally().failed), (0, 1, 0), "cut at {cut}");
    }
}

#[test]
fn the_connections_window_holds_calls_back() {
    let mut session = ready();
    session.streams_max = u32::MAX;
    let mut calls = 0;
    while session.request() {
        calls += 1;
    }
    assert_eq!(calls, 65_535 / session.request.body_bytes());
    session.receive(&frame(kind::WINDOW_UPDATE, 0, 0, &1000_u32.to_be_bytes())).expect("a grant");
    assert!(session.request());
}

#[test]
fn a_status_a_reset_and_missing_trailers_are_failures() {
    let mut session = ready();
    session.streams_max = 3;
    assert!(session.request() && session.request() && session.request());
    let status = b"\x00\x0bgrpc-status\x015\x00\x0cgrpc-message\x05no%21";
    session.receive(&frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, status)).expect("trailers only");
    session.receive(&frame(kind::RST_STREAM, 0, 3, &2_u32.to_be_bytes())).expect("a reset");
    session.receive(&frame(kind::DATA, flag::END_STREAM, 5, &[])).expect("no trailers");
    assert_eq!((session.open(), session.tally().answered, session.tally().failed), (0, 3, 3));
    let first = session.tally().first_failure.as_deref();
    assert_eq!(first, Some("grpc-status 5: no!"));
}

#[test]
fn a_block_may_go_on_in_continuation_frames_and_be_padded() {
    let mut session = ready();
    assert!(session.request());
    let (head, tail) = STATUS_0.split_at(6);
    let padded = [&[3][..], &[0; 5], head, &[0; 3]].concat();
    let flags = flag::END_STREAM | flag::PADDED | flag::PRIORITY;
    session.receive(&frame(kind::HEADERS, flags, 1, &padded)).expect("the begin");
    assert_eq!(session.open(), 1);
    session.receive(&frame(kind::CONTINUATION, flag::END_HEADERS, 1, tail)).expect("the rest");
    assert_eq!((session.open(), session.tally().failed), (0, 0));
}

#[test]
fn a_ping_is_answered() {
    let mut session = ready();
    session.receive(&frame(kind::PING, 0, 0, b"12345678")).expect("PING");
    assert_eq!(*session.output(), frame(kind::PING, flag::ACK, 0, b"12345678"));
}

#[test]
fn received_data_is_granted_again() {
    let mut session = ready();
    assert!(session.request());
    session.ungranted_bytes = REGRANT_BYTES - 7;
    session.output.clear();
    session.receive(&reply(1)).expect("an answer");
    assert_eq!(*session.output(), frame(kind::WINDOW_UPDATE, 0, 0, &REGRANT_BYTES.to_be_bytes()));
}

#[test]
fn what_the_server_must_not_do_is_a_fault() {
    let goodbye = frame(kind::GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\x0bcalm down");
    let fault = ready().receive(&goodbye).expect_err("GOAWAY");
    assert!(fault.0.contains("EnhanceYourCalm") && fault.0.contains("calm down"), "{fault}");
    assert!(ready().receive(&reply(1)).is_err(), "an answer to nothing");
    assert!(ready().receive(&[1, 0, 0, 0, 0, 0, 0, 0, 1]).is_err(), "a frame of 64 KiB");
    assert!(session().receive(&setting(setting::HEADER_TABLE_SIZE, 0)).is_err(), "no table for indexed headers");
    assert!(session().receive(&setting(setting::INITIAL_WINDOW_SIZE, 1)).is_err(), "no room for the body");
    let padded = frame(kind::HEADERS, flag::END_HEADERS | flag::PADDED, 1, &[9, 0]);
    assert!(ready().receive(&padded).is_err(), "more padding than payload");
    let block = frame(kind::HEADERS, flag::END_HEADERS, 1, &[0xff, 0xff, 0x7f]);
    assert!(ready().receive(&block).is_err(), "an index that is not in the tables");
}
