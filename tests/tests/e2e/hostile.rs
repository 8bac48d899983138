//! Bad input on the port: the one who sent it loses the connection, nobody else notices.

use std::net::TcpStream;

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Caller, Launch, Proxy, Random, Request, Wire, flag, kind, prefixed, until, until_async};
use prost::Message;

use crate::clients::{GET, SET};

/// What the allocator may keep of memory that was used in between.
const RESIDENT_SLACK_BYTES: u64 = 48 << 20;

/// A proxy with a client that must not notice anything.
struct Bench {
    proxy: Proxy,
    witness: Caller,
    resident_bytes: u64,
    descriptors: usize,
}

impl Bench {
    async fn start() -> Self {
        let proxy = Launch::shards(2).start();
        let witness = Caller::connect(proxy.address()).await.unwrap();
        let set = SetRequest { key: "k".into(), value: "v".into(), ..Default::default() }.encode_to_vec();
        witness.call(&Request::unary(SET, &set)).await.unwrap().message();
        let (resident_bytes, descriptors) = (proxy.resident_bytes(), proxy.descriptors());
        Self { proxy, witness, resident_bytes, descriptors }
    }

    fn address(&self) -> &str {
        self.proxy.address()
    }

    /// The witness's call goes through.
    async fn assert_serves(&self) {
        let get = GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec();
        let answer = self.witness.call(&Request::unary(GET, &get)).await.unwrap();
        assert!(!answer.message().is_empty(), "the value is found");
    }

    /// Nothing is left of the connections that came and went.
    async fn assert_recovers(&self) {
        self.assert_serves().await;
        let closed = || (self.proxy.descriptors() <= self.descriptors).then_some(());
        until("descriptors return to where they were", closed);
        let bound = self.resident_bytes + RESIDENT_SLACK_BYTES;
        let freed = async || (self.proxy.resident_bytes() <= bound).then_some(());
        until_async("memory returns to near where it was", freed).await;
    }
}

#[tokio::test]
async fn random_bytes_close_their_connection_only() {
    let bench = Bench::start().await;
    let mut random = Random::seeded();
    for _ in 0..200 {
        let mut wire = Wire::connect(bench.address());
        let count = usize::try_from(random.below(4_096)).unwrap() + 64;
        // A reset while writing is an answer as well.
        let _ = wire.bytes(&random.bytes(count));
        wire.read_to_end();
    }
    bench.assert_recovers().await;
}

#[tokio::test]
async fn random_bytes_after_a_proper_greeting_close_their_connection_only() {
    let bench = Bench::start().await;
    let mut random = Random::seeded();
    for _ in 0..200 {
        let mut wire = Wire::greet(bench.address());
        let count = usize::try_from(random.below(4_096)).unwrap() + 64;
        let _ = wire.bytes(&random.bytes(count));
        // What looks like a frame may wait for its end.
        wire.half_close();
        wire.read_to_end();
    }
    bench.assert_recovers().await;
}

#[tokio::test]
async fn frames_of_random_content_do_no_harm() {
    let bench = Bench::start().await;
    let mut random = Random::seeded();
    for _ in 0..200 {
        let mut wire = Wire::greet(bench.address());
        for _ in 0..20 {
            let kind = u8::try_from(random.below(12)).unwrap();
            let flags = random.bytes(1)[0];
            let stream = u32::try_from(random.below(8)).unwrap();
            let count = usize::try_from(random.below(64)).unwrap();
            if wire.frame(kind, flags, stream, &random.bytes(count)).is_err() {
                break;
            }
        }
        wire.half_close();
        wire.read_to_end();
    }
    bench.assert_recovers().await;
}

#[tokio::test]
async fn http_1_is_told_what_is_spoken_here() {
    let bench = Bench::start().await;
    for request in
        ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"]
    {
        let mut wire = Wire::connect(bench.address());
        wire.bytes(request.as_bytes()).unwrap();
        let answer = String::from_utf8_lossy(&wire.read_to_end()).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
        assert!(answer.contains("gRPC"), "{answer:?}");
    }
    bench.assert_recovers().await;
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_a_connection_error() {
    let bench = Bench::start().await;
    let mut wire = Wire::greet(bench.address());
    wire.bytes(&[0xff, 0xff, 0xff, kind::DATA, 0, 0, 0, 0, 1]).unwrap();
    let goaway = wire.read_kind(kind::GOAWAY).expect("the proxy says why");
    assert_eq!(goaway.payload[4..8], [0, 0, 0, 6], "FRAME_SIZE_ERROR");
    bench.assert_recovers().await;
}

#[tokio::test]
async fn a_header_block_that_cannot_be_decoded_is_a_connection_error() {
    let bench = Bench::start().await;
    let mut wire = Wire::greet(bench.address());
    wire.frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[0xff; 16]).unwrap();
    let goaway = wire.read_kind(kind::GOAWAY).expect("the proxy says why");
    assert_eq!(goaway.payload[4..8], [0, 0, 0, 9], "COMPRESSION_ERROR");
    bench.assert_recovers().await;
}

#[tokio::test]
async fn clients_that_reset_their_calls_do_no_harm() {
    let bench = Bench::start().await;
    for _ in 0..20 {
        let mut wire = Wire::greet(bench.address());
        for stream in (1..100).step_by(2) {
            let cancelled = wire.open(stream, SET).and_then(|()| wire.frame(kind::DATA, 0, stream, &[0, 0, 0, 9]));
            // Resets this fast are an attack with a name: being thrown out is right.
            if cancelled.and_then(|()| wire.frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8])).is_err() {
                break;
            }
        }
    }
    bench.assert_recovers().await;
}

#[tokio::test]
async fn clients_that_vanish_leave_nothing_behind() {
    let bench = Bench::start().await;
    let message = SetRequest { key: "gone".into(), value: vec![1; 60_000], ..Default::default() }.encode_to_vec();
    let body = prefixed(0, &message);
    for round in 0..300 {
        let mut wire = Wire::greet(bench.address());
        // Half a message, in frames that arrive; then the socket is closed without a word.
        wire.open(1, SET).unwrap();
        for chunk in body[..body.len() / 2].chunks(16_000) {
            wire.frame(kind::DATA, 0, 1, chunk).unwrap();
        }
        if round % 10 == 0 {
            bench.assert_serves().await;
        }
    }
    bench.assert_recovers().await;
    let get = GetRequest { key: "gone".into(), ..Default::default() }.encode_to_vec();
    let answer = bench.witness.call(&Request::unary(GET, &get)).await.unwrap();
    assert!(answer.message().is_empty(), "half a message is not executed");
}

#[tokio::test]
async fn clients_that_close_their_half_are_let_go() {
    let bench = Bench::start().await;
    let body = prefixed(0, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
    for bytes in 0..=body.len() {
        let mut wire = Wire::greet(bench.address());
        wire.open(1, GET).unwrap();
        let flags = if bytes == body.len() { flag::END_STREAM } else { 0 };
        wire.frame(kind::DATA, flags, 1, &body[..bytes]).unwrap();
        wire.half_close();
        wire.read_to_end();
    }
    bench.assert_recovers().await;
}

#[tokio::test]
async fn connections_that_say_nothing_are_only_counted() {
    let bench = Bench::start().await;
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(bench.address()).unwrap()).collect();
    until("they are accepted", || (bench.proxy.descriptors() >= bench.descriptors + 200).then_some(()));
    bench.assert_serves().await;
    drop(silent);
    bench.assert_recovers().await;
}

#[tokio::test]
async fn a_client_that_never_reads_holds_up_nobody() {
    let bench = Bench::start().await;
    let value = vec![7; 1 << 20];
    let set = SetRequest { key: "large".into(), value, ..Default::default() }.encode_to_vec();
    bench.witness.call(&Request::unary(SET, &set)).await.unwrap().message();
    let body = prefixed(0, &GetRequest { key: "large".into(), ..Default::default() }.encode_to_vec());
    let mut greedy = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::greet(bench.address());
        // All the window there is, then a hundred answers of a mebibyte that nobody takes.
        wire.frame(kind::SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).unwrap();
        wire.frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]).unwrap();
        for stream in (1..200).step_by(2) {
            if wire.open(stream, GET).and_then(|()| wire.frame(kind::DATA, flag::END_STREAM, stream, &body)).is_err() {
                break;
            }
        }
        greedy.push(wire);
    }
    for _ in 0..50 {
        bench.assert_serves().await;
    }
    // Unbounded, it would be 100 MiB for each of them.
    let bound = bench.resident_bytes + (32 << 20);
    assert!(bench.proxy.resident_bytes() <= bound, "{} MiB", bench.proxy.resident_bytes() >> 20);
    drop(greedy);
    bench.assert_recovers().await;
}
