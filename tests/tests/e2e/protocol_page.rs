//! The page "gRPC over HTTP/2", point by point in its order: each test is named after what the page defines, so that a
//! reader can tick it off.
//!
//! Tested elsewhere: GOAWAY and draining (`drain.rs`), deadlines while a call waits (`deadline.rs`), pings and strikes
//! (`interop/cases.rs` and the engine's own tests), streams in both directions (`reflection.rs`, `health.rs`).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Answer, Caller, Launch, Proxy, Request, Wire, flag, kind, prefixed};
use prost::Message;
use tonic::Code;

use crate::clients::{GET, SET};

async fn start() -> (Proxy, Caller) {
    let proxy = Launch::shards(1).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    (proxy, caller)
}

fn get() -> Request {
    Request::unary(GET, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec())
}

/// The message of [`get`], without its prefix.
fn get_message() -> Vec<u8> {
    GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn assert_fails(answer: &Answer, code: Code, part: &str) {
    let status = answer.status();
    assert_eq!(status.code(), code, "{}", status.message());
    assert!(status.message().contains(part), "{:?} does not name {part:?}", status.message());
    assert!(answer.messages.is_empty(), "a failed unary call has no message");
}

#[tokio::test]
async fn method_is_post() {
    let (_proxy, caller) = start().await;
    for method in ["GET", "PUT", "HEAD", "OPTIONS"] {
        let answer = caller.call(&get().method(method).body("")).await.unwrap();
        assert_eq!(answer.http_status, 405, "{method}");
        assert_eq!(answer.headers.get("allow").unwrap(), "POST");
    }
}

#[tokio::test]
async fn path_is_service_and_method() {
    let (_proxy, caller) = start().await;
    for path in ["/", "/no.such.Service/Get", "/prism.interfaces.keyvalue.KeyValueBasicInterface/Nothing"] {
        assert_fails(&caller.call(&Request::unary(path, b"")).await.unwrap(), Code::Unimplemented, path);
    }
}

#[tokio::test]
async fn te_is_trailers() {
    let (_proxy, caller) = start().await;
    caller.call(&get()).await.unwrap().message();
    // The page asks clients to send it; whoever does not is served all the same.
    caller.call(&get().without("te")).await.unwrap().message();
}

#[tokio::test]
async fn timeout_is_digits_and_one_of_six_units() {
    let (_proxy, caller) = start().await;
    for good in ["1H", "1M", "60S", "60000m", "60000000u", "99999999n", "00000001H", "99999999H"] {
        caller.call(&get().header("grpc-timeout", good)).await.unwrap().message();
    }
    for bad in ["", "1", "S", "1s", "1h", "-1S", "+1S", "1.5S", "123456789S", "1SS", "1 S", "abc"] {
        let answer = caller.call(&get().header("grpc-timeout", bad)).await.unwrap();
        assert_fails(&answer, Code::InvalidArgument, "grpc-timeout");
    }
    for passed in ["0n", "0H"] {
        let answer = caller.call(&get().header("grpc-timeout", passed)).await.unwrap();
        assert_fails(&answer, Code::DeadlineExceeded, "not executed");
    }
}

#[tokio::test]
async fn content_type_is_application_grpc() {
    let (_proxy, caller) = start().await;
    for good in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
        "application/grpc; charset=utf-8",
        "Application/gRPC",
    ] {
        let answer = caller.call(&get().header("content-type", good)).await.unwrap();
        answer.message();
        assert_eq!(answer.headers.get("content-type").unwrap(), "application/grpc", "{good}");
    }
    for bad in ["application/json", "application/grpc-web", "application/grpcx", "text/plain", ""] {
        assert_eq!(caller.call(&get().header("content-type", bad)).await.unwrap().http_status, 415, "{bad:?}");
    }
    assert_eq!(caller.call(&get().without("content-type")).await.unwrap().http_status, 415);
}

#[tokio::test]
async fn message_encoding_is_gzip_or_identity() {
    let (_proxy, caller) = start().await;
    let compressed = get().body(prefixed(1, &gzip(&get_message())));
    caller.call(&compressed.clone().header("grpc-encoding", "gzip")).await.unwrap().message();
    caller.call(&get().header("grpc-encoding", "identity")).await.unwrap().message();
    for unknown in ["deflate", "snappy", "zstd", "br", "GZIP", "gzip,identity"] {
        let answer = caller.call(&compressed.clone().header("grpc-encoding", unknown)).await.unwrap();
        assert_fails(&answer, Code::Unimplemented, unknown);
        // The page: it names the encodings that are understood.
        assert_eq!(answer.trailers.get("grpc-accept-encoding").unwrap(), "gzip,identity");
    }
}

#[tokio::test]
async fn message_accept_encoding_is_answered() {
    let (_proxy, caller) = start().await;
    for asked in ["identity,deflate,gzip", "gzip", "identity", "br"] {
        let answer = caller.call(&get().header("grpc-accept-encoding", asked)).await.unwrap();
        answer.message();
        assert_eq!(answer.headers.get("grpc-accept-encoding").unwrap(), "gzip,identity", "{asked}");
        assert!(!answer.headers.contains_key("grpc-encoding"), "replies are not compressed");
    }
    let answer = caller.call(&get()).await.unwrap();
    assert!(!answer.headers.contains_key("grpc-accept-encoding"), "who does not ask is spared the bytes");
}

#[tokio::test]
async fn user_agent_is_free_text() {
    let (_proxy, caller) = start().await;
    for agent in ["grpc-python/1.85.1 grpc-c/52.0.0 (linux; chttp2)", "x", ""] {
        caller.call(&get().header("user-agent", agent)).await.unwrap().message();
    }
}

#[tokio::test]
async fn message_type_and_custom_metadata_are_ignored() {
    let (_proxy, caller) = start().await;
    for (name, value) in
        [("grpc-message-type", "x.Y"), ("x-request-id", "1"), ("x_1.y-2", "a, b"), ("cookie", "a=b"), ("x", "")]
    {
        caller.call(&get().header(name, value)).await.unwrap().message();
    }
}

#[tokio::test]
async fn binary_metadata_is_base64_with_or_without_padding() {
    let (_proxy, caller) = start().await;
    for good in ["", "AAECAwQFBgc=", "AAECAwQFBgc", "AA==", "AA", "+/+/", "AA==,AAE", "AA, AAE="] {
        caller.call(&get().header("x-data-bin", good)).await.unwrap().message();
    }
    // As gRPC's C core answers them.
    for bad in ["A", "AAAAA", "AAAA=", "AB", "-_-_", "not base64"] {
        assert_fails(&caller.call(&get().header("x-data-bin", bad)).await.unwrap(), Code::Internal, "x-data-bin");
    }
}

#[tokio::test]
async fn reserved_headers_are_ignored() {
    let (_proxy, caller) = start().await;
    for name in ["grpc-previous-rpc-attempts", "grpc-tags-bin", "grpc-trace-bin", "grpc-status", "grpc-nobody-knows"] {
        caller.call(&get().header(name, "AAAA")).await.unwrap().message();
    }
}

#[tokio::test]
async fn length_prefixed_message_says_whether_it_is_compressed() {
    let (_proxy, caller) = start().await;
    // Flag 0 within a call that has an encoding, which the page allows.
    caller.call(&get().header("grpc-encoding", "gzip")).await.unwrap().message();
    let compressed = get().body(prefixed(1, &gzip(&get_message())));
    assert_fails(&caller.call(&compressed).await.unwrap(), Code::Internal, "grpc-encoding");
    let identity = compressed.clone().header("grpc-encoding", "identity");
    assert_fails(&caller.call(&identity).await.unwrap(), Code::Internal, "grpc-encoding");
    let garbage = get().header("grpc-encoding", "gzip").body(prefixed(1, b"garbage"));
    assert_fails(&caller.call(&garbage).await.unwrap(), Code::Internal, "gzip");
    assert_fails(&caller.call(&get().body(prefixed(2, b""))).await.unwrap(), Code::Internal, "flag");
}

#[tokio::test]
async fn length_prefixed_message_is_bounded_before_and_after_inflation() {
    let (_proxy, caller) = start().await;
    let set = |bytes: usize| {
        let value = vec![0; bytes];
        Request::unary(SET, &[])
            .body(prefixed(1, &gzip(&SetRequest { key: "k".into(), value, ..Default::default() }.encode_to_vec())))
    };
    caller.call(&set(4_000_000).header("grpc-encoding", "gzip")).await.unwrap().message();
    let bomb = set(64 << 20).header("grpc-encoding", "gzip");
    assert_fails(&caller.call(&bomb).await.unwrap(), Code::ResourceExhausted, "limits.message_bytes_max");
    let declared = get().body(&[0, 0xff, 0xff, 0xff, 0xff][..]);
    assert_fails(&caller.call(&declared).await.unwrap(), Code::ResourceExhausted, "limits.message_bytes_max");
}

#[tokio::test]
async fn end_of_stream_may_stand_in_a_frame_of_its_own() {
    let (proxy, _caller) = start().await;
    let mut wire = Wire::greet(proxy.address());
    wire.open(1, GET).unwrap();
    for byte in prefixed(0, &get_message()) {
        wire.frame(kind::DATA, 0, 1, &[byte]).unwrap();
    }
    wire.frame(kind::DATA, flag::END_STREAM, 1, &[]).unwrap();
    let headers = wire.read_kind(kind::HEADERS).expect("an answer");
    assert_eq!(headers.flags & flag::END_STREAM, 0, "the call succeeds, so that a message follows");
}

#[tokio::test]
async fn response_is_headers_messages_and_trailers() {
    let (_proxy, caller) = start().await;
    let answer = caller.call(&get()).await.unwrap();
    assert_eq!(answer.http_status, 200);
    assert_eq!(answer.headers.get("content-type").unwrap(), "application/grpc");
    assert!(!answer.headers.contains_key("grpc-status"), "the status of a success comes last");
    assert_eq!(answer.messages.len(), 1);
    assert_eq!(answer.trailers.get("grpc-status").unwrap(), "0");
}

#[tokio::test]
async fn trailers_only_is_one_header_block() {
    let (proxy, caller) = start().await;
    let answer = caller.call(&Request::unary("/no.such.Service/Get", b"")).await.unwrap();
    assert_eq!(answer.http_status, 200);
    assert_eq!(answer.headers.get("content-type").unwrap(), "application/grpc");
    assert_eq!(answer.headers.get("grpc-status").unwrap(), "12");
    let mut wire = Wire::greet(proxy.address());
    wire.open(1, "/no.such.Service/Get").unwrap();
    wire.frame(kind::DATA, flag::END_STREAM, 1, &prefixed(0, b"")).unwrap();
    let headers = wire.read_kind(kind::HEADERS).expect("an answer");
    assert_eq!(headers.flags & flag::END_STREAM, flag::END_STREAM);
}

#[tokio::test]
async fn status_is_digits_and_its_message_percent_encoded() {
    let (_proxy, caller) = start().await;
    let request = GetRequest { key: "k".into(), namespace: "größe 100%\n".into() };
    let answer = caller.call(&Request::unary(GET, &request.encode_to_vec())).await.unwrap();
    assert_eq!(answer.trailers.get("grpc-status").unwrap(), "5");
    let message = answer.trailers.get("grpc-message").unwrap().to_str().expect("it is plain ASCII").to_owned();
    assert!(message.contains("gr%C3%B6%C3%9Fe 100%25"), "{message}");
    assert!(message.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{message}");
    assert!(answer.status().message().contains("größe 100%"), "{:?}", answer.status());
}

#[tokio::test]
async fn http_1_is_answered_in_a_line_that_names_grpc() {
    let (proxy, _caller) = start().await;
    let mut wire = Wire::connect(proxy.address());
    wire.bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let answer = String::from_utf8(wire.read_to_end()).expect("it is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 400 ") && head.contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(body.contains("gRPC") && body.lines().count() == 1, "{body}");
}

#[tokio::test]
async fn ping_frames_are_acknowledged() {
    let (proxy, _caller) = start().await;
    let mut wire = Wire::greet(proxy.address());
    wire.frame(kind::PING, 0, 0, b"are you?").unwrap();
    let pong = wire.read_kind(kind::PING).expect("an answer");
    assert_eq!((pong.flags, &pong.payload[..]), (flag::ACK, &b"are you?"[..]));
}

#[tokio::test]
async fn a_cancelled_stream_is_told_nothing_more() {
    let (proxy, _caller) = start().await;
    let mut wire = Wire::greet(proxy.address());
    wire.open(1, GET).unwrap();
    wire.frame(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]).unwrap();
    wire.frame(kind::PING, 0, 0, b"are you?").unwrap();
    while let Some(frame) = wire.read() {
        assert_ne!(frame.stream, 1, "{frame:?}");
        if frame.kind == kind::PING {
            break;
        }
    }
}
