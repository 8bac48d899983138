//! Signals: calls in flight finish, nothing acknowledged is lost, and the process ends well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prism_tests::messages::prism::interfaces::keyvalue::{SetRequest, SetResponse};
use prism_tests::{Caller, Launch, Request, Wire, kind, until_async};
use prost::Message;
use tokio::task::JoinSet;

use crate::clients::SET;

#[test]
fn an_idle_proxy_ends_at_once() {
    for signal in ["TERM", "INT"] {
        let mut proxy = Launch::shards(2).start();
        proxy.signal(signal);
        assert_eq!(proxy.wait().code(), Some(0), "{signal}: {}", proxy.log());
    }
}

// Two threads: the client answers while the test waits for the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_calls_does_not_hold_up_the_end() {
    let mut proxy = Launch::shards(2).file("limits:\n  drain_timeout: 600s\n").start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    caller.call(&set("k")).await.unwrap().message();
    proxy.signal("TERM");
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
    assert!(caller.call(&set("k")).await.is_err(), "the connection is gone");
}

#[test]
fn a_client_is_told_in_two_steps() {
    let mut proxy = Launch::shards(1).start();
    let mut wire = Wire::greet(proxy.address());
    assert!(wire.read_kind(kind::SETTINGS).is_some());
    wire.frame(kind::SETTINGS, prism_tests::flag::ACK, 0, &[]).unwrap();
    wire.read_kind(kind::SETTINGS).expect("ours is acknowledged: the connection is in place");
    proxy.signal("TERM");
    let first = wire.read_kind(kind::GOAWAY).expect("it says that it goes");
    assert_eq!(first.payload[..8], [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], "no stream is cut off yet");
    let ping = wire.read_kind(kind::PING).expect("a round trip tells when the client knows");
    wire.frame(kind::PING, prism_tests::flag::ACK, 0, &ping.payload).unwrap();
    let second = wire.read_kind(kind::GOAWAY).expect("then it says which streams it took");
    assert_eq!(second.payload[..8], [0; 8], "none, and no error");
    assert!(wire.read().is_none(), "and closes");
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
}

#[test]
fn a_client_that_does_not_answer_holds_up_nothing() {
    let mut proxy = Launch::shards(2).file("limits:\n  drain_timeout: 600s\n").start();
    let mut wire = Wire::greet(proxy.address());
    wire.frame(kind::PING, 0, 0, b"in place").unwrap();
    while wire.read_kind(kind::PING).expect("the proxy answers").payload != b"in place" {}
    proxy.signal("TERM");
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
    wire.read_kind(kind::GOAWAY).expect("it says that it goes");
    let second = wire.read_kind(kind::GOAWAY).expect("and, without an answer, which streams it took");
    assert_eq!(second.payload[..8], [0; 8], "none, and no error");
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_that_waits() {
    let mut proxy = Launch::shards(1).file("limits:\n  drain_timeout: 600s\n").start();
    // A call that never completes holds the drain up.
    let mut wire = Wire::greet(proxy.address());
    wire.open(1, SET).unwrap();
    wire.frame(kind::PING, 0, 0, b"in place").unwrap();
    while wire.read_kind(kind::PING).expect("the proxy answers").payload != b"in place" {}
    proxy.signal("TERM");
    wire.read_kind(kind::GOAWAY).expect("the drain has begun");
    assert!(proxy.is_running(), "it waits for the call");
    proxy.signal("TERM");
    assert_ne!(proxy.wait().code(), None, "it exits, it is not killed");
}

#[tokio::test]
async fn a_drain_that_waits_ends_at_its_timeout() {
    let mut proxy = Launch::shards(1).file("limits:\n  drain_timeout: 1s\n").start();
    let mut wire = Wire::greet(proxy.address());
    wire.open(1, SET).unwrap();
    wire.frame(kind::PING, 0, 0, b"in place").unwrap();
    while wire.read_kind(kind::PING).expect("the proxy answers").payload != b"in place" {}
    proxy.signal("TERM");
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
}

#[derive(Default)]
struct Tally {
    acknowledged: AtomicU64,
    turned_away: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_when_the_proxy_is_told_to_end_under_load() {
    let mut proxy = Launch::shards(2).start();
    let tally = Arc::new(Tally::default());
    let mut lanes = JoinSet::new();
    for connection in 0..20 {
        let caller = Caller::connect(proxy.address()).await.unwrap();
        for lane in 0..16 {
            lanes.spawn(write_until_turned_away(caller.clone(), format!("{connection}-{lane}"), Arc::clone(&tally)));
        }
    }
    let busy = async || (tally.acknowledged.load(Ordering::Relaxed) >= 5_000).then_some(());
    until_async("the load is under way", busy).await;
    proxy.signal("TERM");
    let mut counted = 0;
    while let Some(lane) = lanes.join_next().await {
        counted += lane.unwrap();
    }
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
    assert_eq!(counted, tally.acknowledged.load(Ordering::Relaxed));
    assert_eq!(tally.turned_away.load(Ordering::Relaxed), 20 * 16, "every lane ended by being turned away");
}

/// Writes until the proxy goes; returns how many writes were acknowledged.
///
/// A call may end in two ways: it is answered, or the proxy says that it was not taken. Anything else is a lost call.
async fn write_until_turned_away(caller: Caller, lane: String, tally: Arc<Tally>) -> u64 {
    for number in 0.. {
        let outcome = caller.call(&set(&format!("{lane}-{number}"))).await;
        match outcome {
            Ok(answer) if answer.status().code() == tonic::Code::Unavailable => {}
            Ok(answer) => {
                assert!(SetResponse::decode(answer.message()).unwrap().success);
                tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            Err(error) => {
                let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
                assert!(error.is_go_away() || refused, "{lane}-{number} was lost: {error:?}");
            }
        }
        tally.turned_away.fetch_add(1, Ordering::Relaxed);
        return number;
    }
    unreachable!("the numbers do not end");
}

fn set(key: &str) -> Request {
    let request = SetRequest { key: key.into(), value: "value".into(), ..Default::default() };
    Request::unary(SET, &request.encode_to_vec())
}
