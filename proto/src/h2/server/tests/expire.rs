//! A call expires wherever it is, and a reset gives back all that it held, wherever it was.

use super::client::{Client, GET, REFLECTION, SCAN, Seen, Sent, message, request};
use crate::frame::{kind, setting, write_settings, write_window_update};
use crate::h2::StreamRef;
use crate::limits::{Limits, SECOND_NS};
use crate::status::{Code, Status};

const TOLD: Status = Status { code: Code::DeadlineExceeded, message: std::borrow::Cow::Borrowed("told") };

/// Every state that a call may be in, each with a deadline of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NothingCame,
    PartOfAPrefix,
    PartOfAMessage,
    LargeMessageAdmitted,
    LargeMessageWaiting,
    HeldBack,
    InExecution,
    ReplyWaits,
    ServerStream,
    ServerStreamWaits,
    ServerStreamStarved,
    ClientStream,
}

const STATES: [State; 12] = [
    State::NothingCame,
    State::PartOfAPrefix,
    State::PartOfAMessage,
    State::LargeMessageAdmitted,
    State::LargeMessageWaiting,
    State::HeldBack,
    State::InExecution,
    State::ReplyWaits,
    State::ServerStream,
    State::ServerStreamWaits,
    State::ServerStreamStarved,
    State::ClientStream,
];

impl State {
    /// Whether the application knows of the call and has not answered it.
    fn is_heard(self) -> bool {
        use State::{ClientStream, InExecution, ServerStream, ServerStreamStarved, ServerStreamWaits};
        matches!(self, InExecution | ServerStream | ServerStreamWaits | ServerStreamStarved | ClientStream)
    }
}

fn open_with_deadline(client: &mut Client, path: &str) {
    let fields = [&request(path)[..], &[("grpc-timeout", "1S")]].concat();
    client.headers(1, false, &fields);
}

/// A connection on which stream 1 is in `state`, and its call if the application has heard of it.
fn bring(state: State) -> (Client, Option<StreamRef>) {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    client.feed();
    client.sent();
    let path = match state {
        State::ServerStream | State::ServerStreamWaits | State::ServerStreamStarved => SCAN,
        State::ClientStream => REFLECTION,
        _ => GET,
    };
    let large = message(&vec![7; 3 << 20]);
    let window = client.connection.stream_window_bytes as usize;
    match state {
        State::LargeMessageWaiting => {
            client.connection.set_room(crate::h2::server::Footprint { declared_bytes: 0, other_bytes: 1 << 30 });
        }
        State::HeldBack => client.connection.charge(Limits::DEFAULT.connection_buffer_bytes_max / 2),
        _ => {}
    }
    open_with_deadline(&mut client, path);
    match state {
        State::NothingCame => {}
        State::PartOfAPrefix => client.data(1, false, &large[..3]),
        State::PartOfAMessage => client.data(1, false, &message(&[7; 5_000])[..4_000]),
        State::LargeMessageAdmitted | State::LargeMessageWaiting => client.data(1, false, &large[..window]),
        State::ClientStream => client.data(1, false, &message(b"whole")[..7]),
        _ => client.data(1, true, &message(b"k")),
    }
    let call = client.feed().first().map(Seen::stream);
    assert_eq!(call.is_some(), state.is_heard() || state == State::ReplyWaits, "{state:?}");
    let Some(call) = call else { return (client, None) };
    match state {
        State::ReplyWaits => client.reply(call, &[7; 100_000]),
        State::ServerStreamWaits => client.send(call, &[7; 100_000]),
        State::ServerStreamStarved => assert_eq!(client.connection.writable_bytes(call), 0),
        _ => {}
    }
    if state == State::HeldBack {
        assert_eq!(client.connection.parked.len(), 1);
    }
    (client, Some(call))
}

/// Nothing is left of stream 1, in any list or count.
fn assert_gone(client: &mut Client, state: State) {
    client.sent();
    let connection = &mut client.connection;
    connection.discharge(usize::MAX);
    assert_eq!((connection.open_calls(), connection.held_bytes()), (0, 0), "{state:?}");
    assert_eq!(connection.footprint(), Default::default(), "{state:?}");
    let lists = [&connection.queue, &connection.starved, &connection.parked, &connection.admissions];
    assert_eq!(lists.map(crate::h2::server::line::Line::len), [0; 4], "{state:?}");
}

#[test]
fn a_call_expires_in_every_state_and_not_before() {
    for state in STATES {
        let (mut client, call) = bring(state);
        client.sent();
        assert_eq!(client.connection.next_deadline_ns(), SECOND_NS, "{state:?}");
        client.connection.expire(SECOND_NS - 1, &TOLD);
        assert_eq!((client.sent(), client.connection.open_calls()), (vec![], 1), "{state:?}");
        client.connection.expire(SECOND_NS, &TOLD);
        let seen = client.feed();
        let expected = call.filter(|_| state.is_heard()).map(Seen::Reset);
        assert_eq!(seen, expected.into_iter().collect::<Vec<_>>(), "{state:?}");
        let sent = client.sent();
        let Some(trailers @ Sent::Headers { stream: 1, end: true, .. }) = sent.first() else {
            panic!("{state:?}: {sent:?}")
        };
        assert_eq!(trailers.field("grpc-status"), Some("4"), "{state:?}");
        let said = trailers.field("grpc-message").unwrap_or_default();
        assert_eq!(said == "told", state.is_heard() || state == State::ReplyWaits, "{state:?}: {said}");
        assert_gone(&mut client, state);
        assert_eq!(client.connection.next_deadline_ns(), u64::MAX);
    }
}

#[test]
fn a_reset_gives_back_what_the_call_held_in_every_state() {
    for state in STATES {
        let (mut client, call) = bring(state);
        client.raw(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
        let seen = client.feed();
        let expected = call.filter(|_| state.is_heard()).map(Seen::Reset);
        assert_eq!(seen, expected.into_iter().collect::<Vec<_>>(), "{state:?}");
        assert_gone(&mut client, state);
    }
}

#[test]
fn the_end_of_the_input_leaves_only_what_can_still_be_answered() {
    for state in STATES {
        let (mut client, call) = bring(state);
        client.connection.end_of_input();
        let stays = matches!(state, State::HeldBack | State::InExecution);
        assert_eq!(client.connection.is_answering(), stays, "{state:?}");
        assert_eq!(client.connection.open_calls(), usize::from(stays), "{state:?}");
        if state == State::InExecution {
            client.connection.finish(call.expect("it is heard of"), &Status::OK, &[]);
        } else if state == State::HeldBack {
            client.connection.discharge(usize::MAX);
            let seen = client.feed();
            client.connection.finish(seen[0].stream(), &Status::OK, &[]);
        }
        assert_gone(&mut client, state);
        assert!(!client.connection.is_answering() && client.connection.is_finished(), "{state:?}");
    }
}

/// What was kept while much was unsent is dealt with before the end of the input counts.
#[test]
fn the_end_of_the_input_comes_after_what_was_kept() {
    let mut client = Client::ready();
    for stream in [1, 3] {
        client.call(stream, GET, b"");
    }
    client.connection.set_sending(usize::MAX / 2);
    assert_eq!(client.feed(), []);
    client.connection.end_of_input();
    assert!(client.connection.is_answering(), "two requests are kept");
    client.connection.set_sending(0);
    let seen = client.feed();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert!(client.connection.is_answering());
        client.reply(seen.stream(), b"");
    }
    assert!(!client.connection.is_answering());
    client.sent();
    assert!(client.connection.is_finished());
}

#[test]
fn only_what_is_late_expires() {
    let mut client = Client::ready();
    let timeouts = ["3S", "1S", "2S", "1S"];
    for (stream, timeout) in (1..).step_by(2).zip(timeouts) {
        client.headers(stream, false, &[&request(GET)[..], &[("grpc-timeout", timeout)]].concat());
    }
    client.open(9, GET);
    client.feed();
    let mut ended = Vec::new();
    for now_ns in [SECOND_NS, 2 * SECOND_NS, 3 * SECOND_NS] {
        assert_eq!(client.connection.next_deadline_ns(), now_ns);
        client.connection.expire(now_ns, &TOLD);
        let sent = client.sent();
        ended.push(sent.iter().filter(|sent| matches!(sent, Sent::Headers { end: true, .. })).count());
    }
    assert_eq!(ended, [2, 1, 1]);
    assert_eq!((client.connection.open_calls(), client.connection.next_deadline_ns()), (1, u64::MAX));
}

#[test]
fn calls_that_are_cut_end_with_the_status_given() {
    let (mut client, call) = bring(State::ServerStreamWaits);
    client.sent();
    client.connection.cut_all(5, &Status::new(Code::Unavailable, "too old"));
    assert_eq!(client.sent()[0].field("grpc-status"), Some("14"));
    assert_eq!(client.feed(), [Seen::Reset(call.expect("it was heard of"))]);
    assert_gone(&mut client, State::ServerStreamWaits);
}

#[test]
fn the_reason_to_leave_is_told_both_times() {
    let mut client = Client::ready();
    let call = client.called(1, GET, b"");
    client.connection.retire(0, "max_age");
    client.connection.retire(1, "");
    client.reply(call, b"");
    let reasons = client.sent().into_iter().filter_map(|sent| match sent {
        Sent::Goaway { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), ["max_age", "max_age"]);
    assert!(client.connection.is_finished());
}

#[test]
fn idle_time_counts_from_the_end_of_the_last_call() {
    let mut client = Client::ready();
    assert_eq!(client.connection.idle_since_ns(), Some(0));
    client.now_ns = 7;
    let call = client.called(1, GET, b"");
    assert_eq!(client.connection.idle_since_ns(), None);
    client.now_ns = 9;
    write_window_update(0, 1, &mut client.bytes);
    client.feed();
    client.reply(call, b"");
    assert_eq!(client.connection.idle_since_ns(), Some(9));
    client.now_ns = 12;
    client.raw(kind::PING, 0, 0, b"a ping !");
    client.feed();
    assert_eq!(client.connection.idle_since_ns(), Some(9), "a ping is no call");
}
