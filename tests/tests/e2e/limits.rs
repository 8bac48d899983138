//! Every bound answers at once and names its key.

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Caller, Launch, Request};
use prost::Message;
use tonic::Code;

use crate::clients::{GET, KeyValue, SET};

#[tokio::test]
async fn keys_have_one_to_1024_bytes() {
    let proxy = Launch::shards(2).start();
    let mut client = KeyValue::new(proxy.channel().await);
    for key in ["k".to_owned(), "k".repeat(1_024), "ü".repeat(512)] {
        client.set(&key, b"v").await.unwrap();
        assert!(client.exists(&key).await.unwrap());
        assert!(client.delete(&key).await.unwrap());
    }
    for key in [String::new(), "k".repeat(1_025), "ü".repeat(513)] {
        let failures = [
            client.set(&key, b"v").await.unwrap_err(),
            client.get(&key).await.unwrap_err(),
            client.delete(&key).await.unwrap_err(),
            client.exists(&key).await.unwrap_err(),
        ];
        for status in failures {
            assert_eq!(status.code(), Code::InvalidArgument, "{} bytes: {}", key.len(), status.message());
            if !key.is_empty() {
                assert!(status.message().contains("limits.key_bytes_max"), "{}", status.message());
            }
        }
    }
}

#[tokio::test]
async fn a_time_to_live_is_at_most_a_hundred_years() {
    let proxy = Launch::shards(1).start();
    let mut client = KeyValue::new(proxy.channel().await);
    let with = |ttl_seconds| SetRequest { key: "k".into(), value: "v".into(), ttl_seconds, ..Default::default() };
    client.set_request(with(3_153_600_000)).await.unwrap();
    for ttl_seconds in [-1, i64::MIN, 3_153_600_001, i64::MAX] {
        let status = client.set_request(with(ttl_seconds)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{ttl_seconds}: {}", status.message());
        assert!(status.message().contains("ttl_seconds"), "{}", status.message());
    }
}

#[tokio::test]
async fn a_message_has_at_most_four_mebibytes() {
    let proxy = Launch::shards(2).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    for (message_bytes, fits) in [((4 << 20) - 1, true), (4 << 20, true), ((4 << 20) + 1, false)] {
        let request = set_of_bytes(message_bytes);
        let answer = caller.call(&Request::unary(SET, &request.encode_to_vec())).await.unwrap();
        let status = answer.status();
        if fits {
            assert_eq!(status.code(), Code::Ok, "{message_bytes}: {}", status.message());
            let get = GetRequest { key: request.key, ..Default::default() };
            let answer = caller.call(&Request::unary(GET, &get.encode_to_vec())).await.unwrap();
            assert!(answer.message().len() >= request.value.len(), "the value comes back whole");
        } else {
            assert_eq!(status.code(), Code::ResourceExhausted, "{}", status.message());
            assert!(status.message().contains("limits.message_bytes_max"), "{}", status.message());
        }
    }
    // The connection lives on.
    let get = GetRequest { key: "k".into(), ..Default::default() };
    caller.call(&Request::unary(GET, &get.encode_to_vec())).await.unwrap().message();
}

/// A request that is exactly so long when encoded.
fn set_of_bytes(message_bytes: usize) -> SetRequest {
    let mut request = SetRequest { key: "k".into(), value: vec![7; message_bytes - 64], ..Default::default() };
    let missing = message_bytes - request.encoded_len();
    request.value = vec![7; request.value.len() + missing];
    assert_eq!(request.encoded_len(), message_bytes);
    request
}

#[tokio::test]
async fn limits_come_from_the_file() {
    let file = "limits:\n  message_bytes_max: 64KiB\n  key_bytes_max: 10\n";
    let proxy = Launch::shards(1).file(file).start();
    let mut client = KeyValue::new(proxy.channel().await);
    client.set("0123456789", &[1; 60_000]).await.unwrap();
    let status = client.set("0123456789x", b"").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("limits.key_bytes_max"), "{}", status.message());
    let status = client.set("k", &[1; 70_000]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("limits.message_bytes_max"), "{}", status.message());
}

#[tokio::test]
async fn headers_beyond_their_limit_fail_only_their_call() {
    let proxy = Launch::shards(1).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    let get = Request::unary(GET, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
    let answer = caller.call(&get.clone().header("padding", &"x".repeat(20_000))).await;
    // 431 of HTTP or RESOURCE_EXHAUSTED of gRPC, or the stream is reset: but not the connection.
    if let Ok(answer) = answer {
        assert!(answer.http_status == 431 || answer.status().code() == Code::ResourceExhausted, "{answer:?}");
    }
    assert_eq!(caller.call(&get).await.unwrap().status().code(), Code::Ok);
}

#[tokio::test]
async fn connections_beyond_their_limit_wait_for_a_place() {
    let proxy = Launch::shards(2).file("limits:\n  connections_max: 4\n").start();
    let get = Request::unary(GET, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
    let mut held = Vec::new();
    for _ in 0..4 {
        let caller = Caller::connect(proxy.address()).await.unwrap();
        assert_eq!(caller.call(&get).await.unwrap().status().code(), Code::Ok);
        held.push(caller);
    }
    let fifth = {
        let (address, get) = (proxy.address().to_owned(), get.clone());
        tokio::spawn(async move { Caller::connect(&address).await.unwrap().call(&get).await })
    };
    for _ in 0..200 {
        for caller in &held {
            assert_eq!(caller.call(&get).await.unwrap().status().code(), Code::Ok, "the others go on");
        }
    }
    assert!(!fifth.is_finished(), "the fifth connection is not served: {:?}", fifth.await);
    held.pop();
    assert_eq!(fifth.await.unwrap().unwrap().status().code(), Code::Ok, "its place is free now");
}
