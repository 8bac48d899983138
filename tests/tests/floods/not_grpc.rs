//! Requests that are not what gRPC says, which others answer OK.

use prism_tests::messages::prism::interfaces::keyvalue::GetRequest;
use prism_tests::{Caller, Launch, Request, prefixed};
use prost::Message;
use tonic::Code;

use crate::frames::GET;

#[tokio::test]
async fn they_are_not_answered_ok() {
    let proxy = Launch::shards(1).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    let message = GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec();
    let get = || Request::unary(GET, &message);

    let two = [prefixed(0, &message), prefixed(0, &message)].concat();
    let answer = caller.call(&get().body(two)).await.unwrap();
    assert_eq!(answer.status().code(), Code::Unimplemented);
    assert!(answer.status().message().contains("more than one message"), "{:?}", answer.status());

    let answer = caller.call(&get().without("content-type")).await.unwrap();
    assert_eq!(answer.http_status, 415);

    for timeout in ["", "1", "S", "1x", "-1S", "123456789S", "1.5S", " 1S"] {
        let answer = caller.call(&get().header("grpc-timeout", timeout)).await;
        // A value with a space before it breaks HTTP/2's rules already.
        let Ok(answer) = answer else { continue };
        assert_eq!(answer.status().code(), Code::InvalidArgument, "{timeout:?}");
        assert!(answer.status().message().contains("grpc-timeout"), "{:?}", answer.status());
    }
    assert_eq!(caller.call(&get()).await.unwrap().status().code(), Code::Ok);
    let counted = proxy.counters();
    assert!(counted["calls_failed"] >= 1 && counted["requests_refused"] >= 7, "{counted:?}");
}
