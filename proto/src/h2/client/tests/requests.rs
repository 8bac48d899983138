//! What a request looks like on the wire, and what is refused before it gets there.

use super::server::{GET, Sent, Server, WATCH, message};
use crate::frame::{kind, setting, write_settings};
use crate::h2::client::{Config, Connection, Refused, Request};
use crate::limits::Limits;

/// The bytes of one call's HEADERS frame.
fn headers_bytes(server: &mut Server, request: Request<'_>) -> usize {
    server.called(request, b"k");
    let sent = std::mem::take(server.connection.output());
    let length = u32::from_be_bytes([0, sent[0], sent[1], sent[2]]) as usize;
    assert_eq!(sent[3], kind::HEADERS);
    server.connection.output().extend_from_slice(&sent);
    server.sent();
    length
}

#[test]
fn a_connection_begins_with_its_preface_and_its_settings() {
    let mut server = Server::silent(&Config::default());
    server.called(GET, b"k");
    let sent = server.sent();
    let [
        Sent::Preface,
        Sent::Settings(settings),
        Sent::Window { id: 0, .. },
        Sent::Headers { id: 1, .. },
        Sent::Data { .. },
    ] = &sent[..]
    else {
        panic!("{sent:?}")
    };
    assert_eq!(settings.enable_push, Some(false));
    assert_eq!(settings.header_table_bytes_max, Some(4_096));
    assert_eq!(settings.header_list_bytes_max, Some(16 << 10));
    assert!(settings.initial_window_bytes.is_some());
}

#[test]
fn a_call_is_what_grpc_asks_for() {
    let mut server = Server::ready();
    let metadata: [(&str, &[u8]); 2] = [("x-name", b"a value"), ("x-bytes-bin", &[0, 255, 16])];
    let request = Request { metadata: &metadata, ..Request::from(GET).within(1_500_000_000) };
    server.called(request, b"content");
    let sent = server.sent();
    let [Sent::Headers { id: 1, fields, end: false }, Sent::Data { id: 1, bytes, end: true }] = &sent[..] else {
        panic!("{sent:?}")
    };
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", GET.method().path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", concat!("prism/", env!("CARGO_PKG_VERSION"))),
            ("grpc-timeout", "1500000u"),
            ("x-name", "a value"),
            ("x-bytes-bin", "AP8Q"),
        ]
    );
    assert_eq!(*bytes, message(b"content"));
}

#[test]
fn identifiers_count_up_by_two_and_paths_may_be_any() {
    let mut server = Server::ready();
    for id in [1, 3, 5] {
        assert_eq!(server.called(Request::path("/other.Plugin/Do", true), b"").id, id);
        let sent = server.sent();
        assert_eq!(sent[0].field(":path"), Some("/other.Plugin/Do"));
        assert_eq!(sent[1], Sent::Data { id, bytes: message(b""), end: true });
    }
}

#[test]
fn a_method_that_is_called_again_costs_few_bytes() {
    let mut server = Server::ready();
    let plain = |method| Request::from(method);
    let first = headers_bytes(&mut server, plain(GET));
    assert!(first > 60, "{first}");
    for _ in 0..3 {
        assert_eq!(headers_bytes(&mut server, plain(GET)), 7);
    }
    headers_bytes(&mut server, plain(WATCH));
    assert_eq!(headers_bytes(&mut server, plain(WATCH)), 7);
    // A steady time-out takes one byte once it is known to be steady.
    for _ in 0..3 {
        headers_bytes(&mut server, plain(GET).within(1_000_000_000));
    }
    for _ in 0..3 {
        assert_eq!(headers_bytes(&mut server, plain(GET).within(1_000_000_000)), 8);
    }
    // One that varies is said each time.
    for milliseconds in 0..5 {
        let length = headers_bytes(&mut server, plain(GET).within(900_000_000 + milliseconds * 1_000_000));
        assert!((10..=20).contains(&length), "{length}");
    }
    assert_eq!(headers_bytes(&mut server, plain(GET)), 7);
}

#[test]
fn the_meaning_stays_when_the_table_changes() {
    let mut server = Server::ready();
    for (number, table_bytes) in [4_096, 0, 100, 64, 4_096, 200].into_iter().enumerate() {
        write_settings(&[(setting::HEADER_TABLE_SIZE, table_bytes)], &mut server.bytes);
        assert_eq!(server.feed(), []);
        server.sent();
        for round in 0..4u64 {
            let timeout_ns = [1_000_000_000, 1_000_000_000 + round][number % 2];
            let call = server.called(Request::from(GET).within(timeout_ns), b"");
            let sent = server.sent();
            assert_eq!(sent[0].field(":path"), Some(GET.method().path));
            assert_eq!(sent[0].field("user-agent"), Some(concat!("prism/", env!("CARGO_PKG_VERSION"))));
            assert!(sent[0].field("grpc-timeout").is_some());
            server.connection.cancel(call);
            server.sent();
        }
        server.lives();
    }
}

#[test]
fn many_steady_timeouts_do_not_fill_the_table() {
    let mut server = Server::ready();
    for timeout in 0..40u64 {
        for _ in 0..3 {
            let request = Request::from(GET).within(1_000_000_000 + timeout * 1_000_000);
            let call = server.called(request, b"");
            let sent = server.sent();
            let milliseconds = 1_000 + timeout;
            assert_eq!(sent[0].field("grpc-timeout"), Some(format!("{milliseconds}000u").as_str()));
            server.connection.cancel(call);
            server.sent();
        }
    }
    assert_eq!(headers_bytes(&mut server, GET.into()), 7, "the method is still known");
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut server = Server::limited(Limits { message_bytes_max: 10, ..Limits::DEFAULT });
    let bad = |server: &mut Server, name: &str, value: &[u8]| {
        let metadata = [(name, value)];
        let request = Request { metadata: &metadata, ..GET.into() };
        matches!(server.call(request, b""), Err(Refused::Invalid(_)))
    };
    for name in ["", "Upper", "a b", "a:b", ":path", "te", "grpc-timeout", "content-type", "connection", "ä"] {
        assert!(bad(&mut server, name, b"v"), "{name}");
    }
    for value in [&b" a"[..], b"a ", b"a\n", b"\x00", b"\xff"] {
        assert!(bad(&mut server, "x", value), "{value:?}");
    }
    assert!(!bad(&mut server, "x-bin", b"\n\x00\xff"));
    assert!(!bad(&mut server, "x", b""));
    for path in ["", "x", "/ä", "/a b", "/a\n"] {
        assert!(matches!(server.call(Request::path(path, false), b""), Err(Refused::Invalid(_))), "{path}");
    }
    assert_eq!(server.call(GET, &[0; 11]), Err(Refused::TooLong));
    assert_eq!(server.call(Request::from(GET).within(0), b""), Err(Refused::Expired));
    server.sent();
    assert_eq!(server.connection.open_calls(), 2);
    server.lives();
}

#[test]
fn headers_longer_than_the_server_takes_are_refused() {
    let mut server = Server::ready();
    write_settings(&[(setting::MAX_HEADER_LIST_SIZE, 700)], &mut server.bytes);
    server.feed();
    server.called(GET, b"");
    let long = [b'x'; 400];
    let metadata: [(&str, &[u8]); 1] = [("x-long", &long)];
    let refused = server.call(Request { metadata: &metadata, ..GET.into() }, b"");
    assert!(matches!(refused, Err(Refused::Invalid(_))), "{refused:?}");
}

#[test]
fn long_headers_are_cut_into_continuations() {
    let mut server = Server::ready();
    let long = [b'%'; 60_000];
    let metadata: [(&str, &[u8]); 1] = [("x-long", &long)];
    server.called(Request { metadata: &metadata, ..GET.into() }, b"");
    let bytes = std::mem::take(server.connection.output());
    let (mut kinds, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((head, after)) = rest.split_first_chunk() {
        let head = crate::frame::Head::parse(head);
        kinds.push((head.kind, head.flags));
        rest = &after[head.length as usize..];
    }
    assert_eq!(kinds, [(kind::HEADERS, 0), (kind::CONTINUATION, 0), (kind::CONTINUATION, 4), (kind::DATA, 1)]);
}

#[test]
fn a_configuration_that_cannot_be_sent_is_refused() {
    for config in [
        Config { authority: "a b".into(), ..Config::default() },
        Config { authority: String::new(), ..Config::default() },
        Config { user_agent: "ä".into(), ..Config::default() },
        Config { metadata: vec![("Bad".into(), b"v".to_vec())], ..Config::default() },
    ] {
        assert!(Connection::new(&config, 0).is_err(), "{config:?}");
    }
    let metadata = vec![("x-fixed".to_owned(), b"v".to_vec()), ("x-bin".to_owned(), vec![255])];
    let mut server = Server::ready_with(&Config { metadata, ..Config::default() });
    for _ in 0..2 {
        server.called(GET, b"");
        let sent = server.sent();
        assert_eq!((sent[0].field("x-fixed"), sent[0].field("x-bin")), (Some("v"), Some("/w")));
    }
}
