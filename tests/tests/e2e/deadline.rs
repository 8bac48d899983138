//! `grpc-timeout`: honoured when it is well formed, refused when it is not.

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Caller, Launch, Request};
use prost::Message;
use tonic::Code;

use crate::clients::{GET, SET};

fn get(key: &str) -> Request {
    Request::unary(GET, &GetRequest { key: key.into(), ..Default::default() }.encode_to_vec())
}

#[tokio::test]
async fn a_call_that_has_expired_is_not_executed() {
    let proxy = Launch::shards(2).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    for number in 0..20 {
        let key = format!("key-{number}");
        let set = SetRequest { key: key.clone(), value: "v".into(), ..Default::default() }.encode_to_vec();
        let answer = caller.call(&Request::unary(SET, &set).header("grpc-timeout", "0n")).await.unwrap();
        assert_eq!(answer.status().code(), Code::DeadlineExceeded, "{}", answer.status().message());
        let answer = caller.call(&get(&key)).await.unwrap();
        assert!(answer.message().is_empty(), "the expired write was not applied");
    }
}

#[tokio::test]
async fn the_deadline_is_looked_at_before_the_request() {
    let proxy = Launch::shards(1).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    for bad in [get(""), Request::unary(GET, &[0xff])] {
        let answer = caller.call(&bad.header("grpc-timeout", "0S")).await.unwrap();
        assert_eq!(answer.status().code(), Code::DeadlineExceeded, "{}", answer.status().message());
    }
}

#[tokio::test]
async fn a_deadline_that_is_far_enough_does_no_harm() {
    let proxy = Launch::shards(2).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    for timeout in ["1H", "90M", "60S", "60000m", "60000000u", "99999999m", "99999999H"] {
        let answer = caller.call(&get("k").header("grpc-timeout", timeout)).await.unwrap();
        assert_eq!(answer.status().code(), Code::Ok, "{timeout}: {}", answer.status().message());
    }
}

#[tokio::test]
async fn a_malformed_timeout_is_an_invalid_argument() {
    let proxy = Launch::shards(1).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    for timeout in ["", "1", "S", "1x", "-1S", "1.5S", "123456789S", "1 S", "1s", "+1S", "SS"] {
        let answer = caller.call(&get("k").header("grpc-timeout", timeout)).await.unwrap();
        let status = answer.status();
        assert_eq!(status.code(), Code::InvalidArgument, "{timeout:?}: {}", status.message());
        assert!(status.message().contains("grpc-timeout"), "{}", status.message());
    }
}
