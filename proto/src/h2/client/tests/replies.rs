//! Replies and their statuses.

use super::server::{GET, Seen, Sent, Server, WATCH, message};
use crate::frame::{ErrorCode, flag, kind};
use crate::h2::client::{Finished, Metadata, Request};
use crate::limits::Limits;
use crate::status::{Code, Status};

fn ok(call: crate::h2::StreamRef) -> Seen {
    Seen::Finished(Finished { call, status: Status::OK, trailers: Metadata::default(), is_unprocessed: false })
}

#[test]
fn a_unary_reply_is_a_message_and_an_end() {
    let mut server = Server::ready();
    for number in 0..5u8 {
        let call = server.called(GET, b"k");
        server.reply(call.id, &[number; 3]);
        assert_eq!(server.feed(), [Seen::Message(call, vec![number; 3]), ok(call)]);
        assert_eq!(server.connection.open_calls(), 0);
    }
    server.lives();
}

#[test]
fn calls_are_answered_in_any_order() {
    let mut server = Server::ready();
    let calls: Vec<_> = (0..50).map(|_| server.called(GET, b"k")).collect();
    for call in calls.iter().rev() {
        server.reply(call.id, &call.id.to_be_bytes());
    }
    let seen = server.feed();
    let expected: Vec<_> =
        calls.iter().rev().flat_map(|&call| [Seen::Message(call, call.id.to_be_bytes().to_vec()), ok(call)]).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_stream_of_messages_comes_one_by_one_however_it_is_cut() {
    let mut server = Server::ready();
    let call = server.called(WATCH, b"");
    server.begin(call.id);
    server.data(call.id, false, &[message(b"a"), message(b""), vec![0, 0]].concat());
    server.data(call.id, false, &[0, 0, 2, b'b']);
    server.data(call.id, false, b"c");
    server.trailers(call.id, "0");
    let messages = [&b"a"[..], b"", b"bc"].map(|content| Seen::Message(call, content.to_vec()));
    assert_eq!(server.feed(), [&messages[..], &[ok(call)]].concat());
}

#[test]
fn a_status_has_its_message_and_its_trailers() {
    let mut server = Server::ready();
    let call = server.called(GET, b"k");
    server.begin(call.id);
    server.headers(
        call.id,
        true,
        &[
            ("grpc-status", "14"),
            ("grpc-message", "the key %C3%A9 100%"),
            ("prism-may-have-applied", "true"),
            ("grpc-retry-pushback-ms", "-1"),
            ("detail-bin", "AP8Q"),
        ],
    );
    let finished = server.fails(Code::Unavailable, "the key é 100%");
    assert_eq!(finished.trailers.text("prism-may-have-applied"), Some("true"));
    assert_eq!(finished.trailers.text("grpc-retry-pushback-ms"), Some("-1"));
    assert_eq!(finished.trailers.binary("detail-bin"), Some(vec![0, 255, 16]));
    assert_eq!(finished.trailers.iter().count(), 3);
    assert_eq!(finished.call, call);
}

#[test]
fn trailers_alone_are_a_reply() {
    let mut server = Server::ready();
    server.called(GET, b"k");
    let fields = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"), ("x", "y")];
    server.headers(1, true, &fields);
    let finished = server.fails(Code::NotFound, "");
    assert_eq!(finished.trailers.text("x"), Some("y"));
    server.lives();
}

#[test]
fn headers_are_told_to_those_who_ask() {
    let mut server = Server::ready();
    let wanted = server.called(Request { wants_headers: true, ..GET.into() }, b"");
    let other = server.called(GET, b"");
    for call in [wanted, other] {
        let fields = [(":status", "200"), ("content-type", "application/grpc"), ("prism-from", "memory")];
        server.headers(call.id, false, &fields);
    }
    let seen = server.feed();
    let [Seen::Headers(call, metadata)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((*call, metadata.text("prism-from")), (wanted, Some("memory")));
    // Plain ones too, also when the block is known.
    for _ in 0..3 {
        let call = server.called(Request { wants_headers: true, ..GET.into() }, b"");
        server.reply(call.id, b"v");
        assert_eq!(server.feed()[0], Seen::Headers(call, Metadata::default()));
    }
}

#[test]
fn what_is_no_grpc_is_mapped_by_its_http_status() {
    let codes = [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("431", Code::Internal),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("500", Code::Unknown),
        ("200", Code::Unknown),
        ("204", Code::Unknown),
    ];
    for (http_status, code) in codes {
        for end in [true, false] {
            let mut server = Server::ready();
            server.called(GET, b"k");
            server.headers(1, end, &[(":status", http_status), ("content-type", "text/html")]);
            server.fails(code, http_status);
            let resets = server.sent().contains(&Sent::Reset { id: 1, code: ErrorCode::Cancel });
            assert_eq!(resets, !end, "a reply that goes on is stopped");
        }
    }
    // The status that gRPC gives counts more.
    let mut server = Server::ready();
    server.called(GET, b"k");
    server.headers(1, true, &[(":status", "503"), ("grpc-status", "7"), ("grpc-message", "no")]);
    server.fails(Code::PermissionDenied, "no");
}

#[test]
fn resets_are_mapped() {
    let codes = [
        (ErrorCode::NoError, Code::Internal),
        (ErrorCode::ProtocolError, Code::Internal),
        (ErrorCode::InternalError, Code::Internal),
        (ErrorCode::FlowControlError, Code::Internal),
        (ErrorCode::FrameSizeError, Code::Internal),
        (ErrorCode::CompressionError, Code::Internal),
        (ErrorCode::RefusedStream, Code::Unavailable),
        (ErrorCode::Cancel, Code::Cancelled),
        (ErrorCode::EnhanceYourCalm, Code::ResourceExhausted),
        (ErrorCode::InadequateSecurity, Code::PermissionDenied),
    ];
    let mut server = Server::ready();
    for (reset, code) in codes {
        let call = server.called(GET, b"k");
        server.raw(kind::RST_STREAM, 0, call.id, &reset.to_wire().to_be_bytes());
        let finished = server.fails(code, "");
        assert_eq!(finished.is_unprocessed, reset == ErrorCode::RefusedStream);
    }
    assert_eq!(server.connection.open_calls(), 0);
    server.lives();
}

#[test]
fn a_reply_that_ends_wrongly_fails() {
    type Build = fn(&mut Server);
    let cases: [(&str, Code, Build); 12] = [
        ("trailers", Code::Internal, |server| server.data(1, true, &message(b""))),
        ("inside a message", Code::Internal, |server| {
            server.data(1, false, &message(b"abc")[..6]);
            server.trailers(1, "0");
        }),
        ("no message", Code::Unimplemented, |server| server.trailers(1, "0")),
        ("more messages", Code::Unimplemented, |server| server.data(1, false, &message(b"").repeat(2))),
        ("without grpc-status", Code::Unknown, |server| server.headers(1, true, &[("x", "y")])),
        ("", Code::Unknown, |server| server.trailers(1, "17")),
        ("", Code::Unknown, |server| server.trailers(1, "")),
        ("", Code::Unknown, |server| server.trailers(1, "0x0")),
        ("", Code::Unknown, |server| server.trailers(1, "-1")),
        ("neither 0 nor 1", Code::Internal, |server| server.data(1, false, &[2, 0, 0, 0, 0])),
        ("compressed", Code::Internal, |server| server.data(1, false, &[1, 0, 0, 0, 0])),
        ("limits.message_bytes_max", Code::ResourceExhausted, |server| server.data(1, false, &[0, 255, 0, 0, 0])),
    ];
    for (part, code, build) in cases {
        let mut server = Server::ready();
        let call = server.called(GET, b"k");
        server.begin(1);
        build(&mut server);
        let seen = server.feed();
        let finished = seen.last().expect("it ends").finished();
        assert_eq!((finished.status.code, finished.call), (code, call), "{finished:?}");
        assert!(finished.status.message.contains(part), "{finished:?} does not say {part}");
        assert_eq!(server.connection.open_calls(), 0);
        assert_eq!(server.connection.held_bytes() - server.connection.output().len(), 0);
        server.lives();
    }
}

#[test]
fn a_failure_needs_no_message() {
    let mut server = Server::ready();
    server.called(GET, b"k");
    server.begin(1);
    server.data(1, false, &message(b"abc")[..6]);
    server.trailers(1, "8");
    server.fails(Code::ResourceExhausted, "");
}

#[test]
fn a_header_list_that_is_too_long_fails_its_call() {
    let mut server = Server::limited(Limits { header_list_bytes_max: 4_096, ..Limits::DEFAULT });
    for is_trailers in [false, true] {
        let call = server.called(GET, b"k");
        if is_trailers {
            server.begin(call.id);
        }
        let long = "x".repeat(5_000);
        server.headers(call.id, is_trailers, &[(":status", "200"), ("long", &long)]);
        server.fails(Code::ResourceExhausted, "limits.header_list_bytes_max");
        server.lives();
    }
}

#[test]
fn informational_responses_are_skipped() {
    let mut server = Server::ready();
    let call = server.called(GET, b"k");
    server.headers(1, false, &[(":status", "103"), ("link", "x")]);
    server.headers(1, false, &[(":status", "100")]);
    server.reply(1, b"v");
    assert_eq!(server.feed(), [Seen::Message(call, b"v".to_vec()), ok(call)]);
}

#[test]
fn malformed_replies_are_stream_errors() {
    type Fields = &'static [(&'static str, &'static str)];
    let cases: [(&str, bool, Fields); 9] = [
        ("no status", false, &[("content-type", "application/grpc")]),
        ("status twice", false, &[(":status", "200"), (":status", "200")]),
        ("status not a number", false, &[(":status", "2x0")]),
        ("unknown pseudo-header", false, &[(":status", "200"), (":path", "/")]),
        ("pseudo-header last", false, &[("x", "y"), (":status", "200")]),
        ("upper case", false, &[(":status", "200"), ("X", "y")]),
        ("of HTTP/1.1", false, &[(":status", "200"), ("connection", "close")]),
        ("informational end", true, &[(":status", "100")]),
        ("content-length", true, &[(":status", "200"), ("content-length", "7"), ("grpc-status", "0")]),
    ];
    for (name, end, fields) in cases {
        let mut server = Server::ready();
        server.called(GET, b"k");
        server.headers(1, end, fields);
        server.fails(Code::Internal, "the server broke HTTP/2");
        assert!(server.sent().contains(&Sent::Reset { id: 1, code: ErrorCode::ProtocolError }), "{name}");
        server.lives();
    }
    type Build = fn(&mut Server);
    let later: [(&str, Build); 4] = [
        ("trailers without end", |server| server.headers(1, false, &[("grpc-status", "0")])),
        ("pseudo-header in trailers", |server| server.headers(1, true, &[(":status", "200")])),
        ("headers as trailers", |server| {
            server.headers(1, true, &[(":status", "200"), ("content-type", "application/grpc")]);
        }),
        ("upper case in trailers", |server| server.headers(1, true, &[("Grpc-Status", "0")])),
    ];
    for (name, build) in later {
        let mut server = Server::ready();
        server.called(GET, b"k");
        server.begin(1);
        build(&mut server);
        server.fails(Code::Internal, "the server broke HTTP/2");
        assert!(server.sent().contains(&Sent::Reset { id: 1, code: ErrorCode::ProtocolError }), "{name}");
    }
    let mut server = Server::ready();
    server.called(GET, b"k");
    server.data(1, false, b"");
    server.fails(Code::Internal, "DATA before HEADERS");
}

#[test]
fn content_length_is_held_to() {
    for (length, end_fails) in [("5", false), ("4", true), ("6", true)] {
        let mut server = Server::ready();
        server.called(GET, b"k");
        let fields = [(":status", "200"), ("content-type", "application/grpc"), ("content-length", length)];
        server.headers(1, false, &fields);
        server.data(1, false, &message(b""));
        server.trailers(1, "0");
        let seen = server.feed();
        let finished = seen.last().expect("it ends").finished();
        assert_eq!(finished.status.code != Code::Ok, end_fails, "{length}: {finished:?}");
    }
}

#[test]
fn a_reply_that_ends_before_its_request_stops_it() {
    let mut server = Server::ready();
    let call = server.opened(GET);
    server.send(call, b"first").expect("it is taken");
    server.sent();
    server.reply(call.id, b"v");
    // What a server sends that wants no more of the request.
    server.raw(kind::RST_STREAM, 0, call.id, &ErrorCode::NoError.to_wire().to_be_bytes());
    assert_eq!(server.feed(), [Seen::Message(call, b"v".to_vec()), ok(call)]);
    assert_eq!(server.sent_one(), Sent::Reset { id: call.id, code: ErrorCode::NoError });
    assert!(server.send(call, b"more").is_err());
    server.connection.close_send(call);
    server.lives();
}

#[test]
fn padding_and_priority_mean_nothing() {
    let mut server = Server::ready();
    let call = server.called(GET, b"k");
    let block = server.block(&[(":status", "200"), ("content-type", "application/grpc")]);
    let padded = [&[3][..], &[0x80, 0, 0, 0, 9], &block, &[0; 3]].concat();
    server.raw(kind::HEADERS, flag::PADDED | flag::PRIORITY, 1, &padded);
    server.raw(kind::CONTINUATION, flag::END_HEADERS, 1, b"");
    server.raw(kind::DATA, flag::PADDED, 1, &[&[2][..], &message(b"v"), &[0; 2]].concat());
    server.raw(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 9]);
    server.raw(0x77, 0xff, 1, b"unknown");
    server.trailers(1, "0");
    assert_eq!(server.feed(), [Seen::Message(call, b"v".to_vec()), ok(call)]);
}

/// Found by fuzzing: a call may be made again only when nobody has looked at it.
#[test]
fn who_has_begun_to_answer_has_looked_at_the_call() {
    for goes_away in [false, true] {
        let mut server = Server::ready();
        server.opened(WATCH);
        server.begin(1);
        server.data(1, false, &message(b"first"));
        if goes_away {
            crate::frame::write_goaway(0, ErrorCode::NoError, b"", &mut server.bytes);
        } else {
            server.raw(kind::RST_STREAM, 0, 1, &ErrorCode::RefusedStream.to_wire().to_be_bytes());
        }
        let seen = server.feed();
        let finished = seen.last().expect("the call ends").finished();
        assert_eq!((finished.status.code, finished.is_unprocessed), (Code::Unavailable, false));
    }
}
