//! Header lists: malformed ones, ones that are no calls, and calls that are refused.

use super::client::{Client, GET, Seen, Sent, message, request};
use crate::frame::{ErrorCode, flag, kind};
use crate::limits::Limits;

type Field = (&'static str, &'static str);

/// The header list of a call with one field replaced or removed.
fn with(name: &str, value: Option<&'static str>) -> Vec<Field> {
    let fields = request(GET).into_iter();
    fields.filter_map(|(of, was)| if of == name { value.map(|value| (of, value)) } else { Some((of, was)) }).collect()
}

fn and(more: &[Field]) -> Vec<Field> {
    [&request(GET)[..], more].concat()
}

#[test]
fn malformed_lists_reset_their_stream() {
    let cases: Vec<(&str, Vec<Field>)> = vec![
        ("no method", with(":method", None)),
        ("no scheme", with(":scheme", None)),
        ("no path", with(":path", None)),
        ("an empty path", with(":path", Some(""))),
        ("a method twice", [&[(":method", "POST")], &request(GET)[..]].concat()),
        ("CONNECT with a scheme", vec![(":method", "CONNECT"), (":authority", "x"), (":scheme", "http")]),
        ("CONNECT with a path", vec![(":method", "CONNECT"), (":authority", "x"), (":path", "/")]),
        ("CONNECT to nowhere", vec![(":method", "CONNECT")]),
        ("a late pseudo-header", and(&[(":authority", "x")])),
        ("an unknown pseudo-header", [&[(":protocol", "x")], &request(GET)[..]].concat()),
        ("a response's pseudo-header", [&[(":status", "200")], &request(GET)[..]].concat()),
        ("upper case", and(&[("X-Upper", "x")])),
        ("a space in a name", and(&[("x y", "x")])),
        ("an empty name", and(&[("", "x")])),
        ("connection", and(&[("connection", "close")])),
        ("transfer-encoding", and(&[("transfer-encoding", "chunked")])),
        ("upgrade", and(&[("upgrade", "x")])),
        ("keep-alive", and(&[("keep-alive", "x")])),
        ("proxy-connection", and(&[("proxy-connection", "x")])),
        ("te: gzip", with("te", Some("gzip"))),
        ("a line break", and(&[("x", "a\nb")])),
        ("a NUL", and(&[("x", "a\0b")])),
        ("a space in front", and(&[("x", " a")])),
        ("a space behind", and(&[("x", "a\t")])),
        ("content-length", and(&[("content-length", "x")])),
        ("two lengths", and(&[("content-length", "1"), ("content-length", "2")])),
    ];
    for (name, fields) in cases {
        let mut client = Client::ready();
        client.headers(1, true, &fields);
        assert_eq!(client.resets(1, ErrorCode::ProtocolError), [], "{name}");
        assert_eq!(client.connection.open_calls(), 0);
    }
}

#[test]
fn a_stream_that_depends_on_itself_is_reset_after_its_block() {
    let mut client = Client::ready();
    let block = client.block(&request(GET));
    let payload = [&[0, 0, 0, 1, 9][..], &block].concat();
    client.raw(kind::HEADERS, flag::END_HEADERS | flag::PRIORITY, 1, &payload);
    client.resets(1, ErrorCode::ProtocolError);
    client.called(3, GET, b"the tables are in step");
}

#[test]
fn what_is_tolerated() {
    let cases: Vec<(&str, Vec<Field>)> = vec![
        ("no te", with("te", None)),
        ("no authority", with(":authority", None)),
        ("+proto", with("content-type", Some("application/grpc+proto"))),
        ("parameters", with("content-type", Some("application/grpc;charset=utf-8"))),
        ("identity", and(&[("grpc-encoding", "identity")])),
        (
            "metadata",
            and(&[("x-token-bin", "AAA="), ("x-token-bin", "AAA,AA=="), ("cookie", "a=b"), ("user-agent", "test")]),
        ),
        ("an empty value", and(&[("x", "")])),
        ("the length", and(&[("content-length", "5")])),
    ];
    for (name, fields) in cases {
        let mut client = Client::ready();
        client.headers(1, false, &fields);
        client.data(1, true, &message(b""));
        let seen = client.feed();
        assert!(matches!(&seen[..], [Seen::Unary { .. }]), "{name}: {seen:?} {:?}", client.sent());
    }
}

#[test]
fn who_does_not_speak_grpc_gets_an_http_status() {
    let cases = [
        (with(":method", Some("GET")), "405"),
        (vec![(":method", "CONNECT"), (":authority", "x")], "405"),
        (with("content-type", Some("application/json")), "415"),
        (with("content-type", Some("application/grpc-web")), "415"),
        (with("content-type", None), "415"),
    ];
    for (fields, status) in cases {
        let mut client = Client::ready();
        client.headers(1, true, &fields);
        assert_eq!(client.feed(), []);
        let sent = client.sent_one();
        assert!(matches!(sent, Sent::Headers { stream: 1, end: true, .. }));
        assert_eq!(sent.field(":status"), Some(status));
    }
}

#[test]
fn refused_calls_say_why() {
    let long = "/".repeat(5_000).leak();
    let cases: Vec<(Vec<Field>, &str, &str)> = vec![
        (with(":path", Some("/prism.Nothing/Get")), "12", "/prism.Nothing/Get"),
        (with(":path", Some(long)), "12", "/////"),
        (with(":path", Some("*")), "12", "*"),
        (and(&[("grpc-timeout", "1")]), "3", "grpc-timeout"),
        (and(&[("grpc-timeout", "1S"), ("grpc-timeout", "2S")]), "3", "grpc-timeout"),
        (and(&[("grpc-encoding", "br")]), "12", "br"),
        (and(&[("grpc-encoding", "deflate")]), "12", "deflate"),
        (and(&[("grpc-encoding", "GZIP")]), "12", "GZIP"),
        (and(&[("x-token-bin", "AAA")]), "12", "no message"),
        (and(&[("x-token-bin", "A")]), "13", "x-token-bin is not base64"),
    ];
    for (fields, status, part) in cases {
        let mut client = Client::ready();
        client.headers(1, true, &fields);
        client.fails(1, status, part);
        assert_eq!(client.connection.open_calls(), 0);
    }
    let mut client = Client::ready();
    client.headers(1, true, &and(&[("grpc-encoding", "br")]));
    client.feed();
    assert_eq!(client.sent_one().field("grpc-accept-encoding"), Some("gzip,identity"));
}

#[test]
fn the_rest_of_a_refused_request_is_ignored_and_counted() {
    let mut client = Client::ready();
    client.headers(1, false, &with(":path", Some("/a/b")));
    client.feed();
    let sent = client.sent();
    assert!(matches!(sent[0], Sent::Headers { end: true, .. }));
    assert_eq!(sent[1], Sent::Reset { stream: 1, code: ErrorCode::NoError });
    let mut granted = 0;
    for _ in 0..200 {
        client.data(1, false, &[0; 16_384]);
        client.feed();
        granted += client.sent().iter().map(|sent| window(sent, 0)).sum::<u32>();
    }
    assert!(granted >= 2 << 20, "the connection's window comes back: {granted}");
    client.headers(1, true, &[("x-trailer", "1")]);
    client.feed();
    assert_eq!(client.sent(), []);
}

fn window(sent: &Sent, of: u32) -> u32 {
    match sent {
        Sent::Window { stream, increment } if *stream == of => *increment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_that_is_too_long_is_answered_and_the_tables_stay_in_step() {
    let limits = Limits { header_list_bytes_max: 1_000, ..Limits::DEFAULT };
    let long: &str = "v".repeat(900).leak();
    let mut client = Client::ready_with(limits);
    client.headers(1, true, &and(&[("x-long", long)]));
    client.fails(1, "8", "limits.header_list_bytes_max");
    client.headers(3, true, &[&[("x-long", long)], &request(GET)[..]].concat());
    client.feed();
    assert_eq!(client.sent_one().field(":status"), Some("431"));
    client.called(5, GET, b"still in step");
}

#[test]
fn content_length_is_held_to() {
    for (length, parts, good) in
        [("5", vec![5], true), ("6", vec![5], false), ("4", vec![5], false), ("7", vec![5, 2], true)]
    {
        let mut client = Client::ready();
        client.headers(1, false, &[&request(GET)[..], &[("content-length", length)]].concat());
        let last = parts.len() - 1;
        let content = message(&[1, 2][..if last == 0 { 0 } else { 2 }]);
        let mut start = 0;
        for (index, part) in parts.iter().enumerate() {
            client.data(1, index == last, &content[start..start + part]);
            start += part;
        }
        if good {
            assert_eq!(client.feed().len(), 1, "{length}");
        } else {
            client.resets(1, ErrorCode::ProtocolError);
        }
    }
    let mut client = Client::ready();
    client.headers(1, true, &and(&[("content-length", "5")]));
    client.resets(1, ErrorCode::ProtocolError);

    let mut client = Client::ready();
    client.headers(1, false, &and(&[("content-length", "6")]));
    client.data(1, false, &message(b""));
    client.headers(1, true, &[("x-trailer", "1")]);
    client.resets(1, ErrorCode::ProtocolError);
}

#[test]
fn trailers_are_checked_and_ignored() {
    for (fields, end) in [(vec![("x", "y")], false), (vec![(":path", "/")], true), (vec![("Upper", "y")], true)] {
        let mut client = Client::ready();
        client.open(1, GET);
        client.data(1, false, &message(b""));
        client.headers(1, end, &fields);
        assert_eq!(client.resets(1, ErrorCode::ProtocolError), []);
    }
}
