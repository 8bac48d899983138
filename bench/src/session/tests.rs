//! The session: batches, answers and faults.

use super::*;
use crate::request::{HeaderCoding, Operation};

/// The value of a call whose body needs several frames and grants.
const LONG_BYTES: usize = 40_000;

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

/// A session of a server that gives each stream so much at first.
fn long(window_bytes: u32) -> Session {
    let value: Vec<u8> = (0..LONG_BYTES).map(|at| at as u8).collect();
    let message = Operation::Set.message("key", &value, "");
    let mut session =
        Session::new(Rc::new(Request::new(Operation::Set.path(), "host", &message, HeaderCoding::Indexed)));
    session.receive(&setting(setting::INITIAL_WINDOW_SIZE, window_bytes)).expect("SETTINGS");
    session.output.clear();
    session
}

fn grant(stream: u32, bytes: usize) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &(bytes as u32).to_be_bytes())
}

/// The DATA frames in the output: stream, bytes, whether it ends.
fn sent(session: &mut Session) -> Vec<(u32, usize, bool)> {
    let output = std::mem::take(session.output());
    let (mut frames, mut rest) = (Vec::new(), &output[..]);
    while let Some((head, after)) = rest.split_first_chunk() {
        let head = Head::parse(head);
        let (payload, after) = after.split_at(head.length as usize);
        if head.kind == kind::DATA {
            frames.push((head.stream, payload.len(), head.has(flag::END_STREAM)));
        }
        rest = after;
    }
    frames
}

#[test]
fn a_long_body_goes_as_far_as_the_windows_let_it() {
    let mut session = long(12_000);
    let body_bytes = session.request.body_bytes();
    assert!(session.request());
    assert_eq!(sent(&mut session), [(1, 12_000, false)]);
    session.receive(&grant(1, 20_000)).expect("a grant");
    assert_eq!(sent(&mut session), [(1, 16_384, false), (1, 3_616, false)]);
    session.receive(&grant(0, 1_000_000)).expect("a grant that nothing waits for");
    session.receive(&grant(1, 100_000)).expect("more than it needs");
    assert_eq!(sent(&mut session), [(1, body_bytes - 32_000, true)]);
    assert!(session.bodies.is_empty() && session.open() == 1);
    assert_eq!(session.window_bytes, (65_535 + 1_000_000 - body_bytes) as i64);
    session.receive(&reply(1)).expect("an answer");
    assert_eq!((session.open(), session.tally().failed), (0, 0));
}

#[test]
fn long_bodies_take_turns_and_share_the_connections_window() {
    let mut session = long(0);
    assert!(session.request() && session.request());
    assert_eq!(sent(&mut session), []);
    session.window_bytes = 0;
    for stream in [1, 3] {
        session.receive(&grant(stream, 100_000)).expect("a grant");
    }
    session.receive(&grant(0, 3 * 16_384 + 7)).expect("a grant");
    assert_eq!(sent(&mut session), [(1, 16_384, false), (3, 16_384, false), (1, 16_384, false), (3, 7, false)]);
    session.receive(&grant(0, 1_000_000)).expect("a grant");
    let body_bytes = session.request.body_bytes();
    assert_eq!(
        sent(&mut session),
        [(1, body_bytes - 32_768, true), (3, 16_384, false), (3, body_bytes - 32_775, true)]
    );
}

#[test]
fn a_changed_initial_window_reaches_bodies_that_wait() {
    let mut session = long(10_000);
    assert!(session.request());
    assert_eq!(sent(&mut session), [(1, 10_000, false)]);
    session.receive(&setting(setting::INITIAL_WINDOW_SIZE, 4_000)).expect("SETTINGS");
    session.receive(&grant(1, 6_000)).expect("a grant up to 0");
    assert_eq!(sent(&mut session), []);
    session.receive(&setting(setting::INITIAL_WINDOW_SIZE, 4_001)).expect("SETTINGS");
    assert_eq!(sent(&mut session), [(1, 1, false)]);
}

#[test]
fn the_rest_of_a_body_that_was_answered_early_is_not_sent() {
    let mut session = long(10_000);
    assert!(session.request());
    session.output.clear();
    session.receive(&frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, STATUS_0)).expect("trailers only");
    session.receive(&frame(kind::RST_STREAM, 0, 1, &0_u32.to_be_bytes())).expect("NO_ERROR");
    session.receive(&grant(1, 100_000)).expect("a late grant");
    assert_eq!((sent(&mut session), session.open(), session.tally().answered), (Vec::new(), 0, 1));
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
    let padded = frame(kind::HEADERS, flag::END_HEADERS | flag::PADDED, 1, &[9, 0]);
    assert!(ready().receive(&padded).is_err(), "more padding than payload");
    let block = frame(kind::HEADERS, flag::END_HEADERS, 1, &[0xff, 0xff, 0x7f]);
    assert!(ready().receive(&block).is_err(), "an index that is not in the tables");
}
