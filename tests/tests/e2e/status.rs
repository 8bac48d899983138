//! How a call fails: the status that a client acts on, and words that help a person.

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Answer, Caller, Launch, Proxy, Request, prefixed};
use prost::Message;
use tonic::Code;

use crate::clients::{GET, SET};

async fn start() -> (Proxy, Caller) {
    let proxy = Launch::shards(1).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    (proxy, caller)
}

fn get(key: &str) -> Request {
    Request::unary(GET, &GetRequest { key: key.into(), ..Default::default() }.encode_to_vec())
}

#[track_caller]
fn assert_fails(answer: &Answer, code: Code, part: &str) {
    let status = answer.status();
    assert_eq!(status.code(), code, "{}", status.message());
    assert!(status.message().contains(part), "{:?} does not name {part:?}", status.message());
    assert!(answer.messages.is_empty(), "a failed unary call has no message");
}

#[tokio::test]
async fn a_namespace_that_nobody_configured_is_not_found() {
    let (_proxy, caller) = start().await;
    let with = |namespace: &str| {
        let request = GetRequest { key: "k".into(), namespace: namespace.into() };
        Request::unary(GET, &request.encode_to_vec())
    };
    for namespace in ["", "default"] {
        caller.call(&with(namespace)).await.unwrap().message();
    }
    assert_fails(&caller.call(&with("nowhere")).await.unwrap(), Code::NotFound, "nowhere");
    // The namespace is looked at before the arguments.
    let request = SetRequest { namespace: "nowhere".into(), ..Default::default() };
    let answer = caller.call(&Request::unary(SET, &request.encode_to_vec())).await.unwrap();
    assert_fails(&answer, Code::NotFound, "nowhere");
}

#[tokio::test]
async fn namespaces_do_not_see_each_other() {
    let file = "backends: { memory: { type: memstore } }
namespaces: { default: { backend: memory }, other: { backend: memory } }
";
    let proxy = Launch::shards(2).file(file).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    for (namespace, value) in [("", "one"), ("other", "two")] {
        let request =
            SetRequest { key: "k".into(), value: value.into(), namespace: namespace.into(), ..Default::default() };
        caller.call(&Request::unary(SET, &request.encode_to_vec())).await.unwrap().message();
    }
    for (namespace, value) in [("default", "one"), ("other", "two")] {
        let request = GetRequest { key: "k".into(), namespace: namespace.into() };
        let answer = caller.call(&Request::unary(GET, &request.encode_to_vec())).await.unwrap();
        let response =
            prism_tests::messages::prism::interfaces::keyvalue::GetResponse::decode(answer.message()).unwrap();
        assert_eq!(response.value, value.as_bytes(), "{namespace}");
    }
}

#[tokio::test]
async fn what_is_not_served_is_unimplemented() {
    let (_proxy, caller) = start().await;
    let paths = [
        "/prism.interfaces.keyvalue.KeyValueBasicInterface/Nothing",
        "/no.such.Service/Get",
        "/prism.interfaces.keyvalue.KeyValueBasicInterface/get",
        "/",
        "/nothing",
    ];
    for path in paths {
        let answer = caller.call(&Request::unary(path, b"")).await.unwrap();
        assert_eq!(answer.http_status, 200, "{path}");
        assert_fails(&answer, Code::Unimplemented, path);
    }
    caller.call(&get("k")).await.unwrap().message();
}

#[tokio::test]
async fn interfaces_that_a_namespace_does_not_offer_are_unimplemented() {
    let yaml = "backends: {memory: {type: memstore}}\nnamespaces: {default: {keyvalue: memory, stream: memory}}";
    let proxy = Launch::shards(1).file(yaml).start();
    let caller = Caller::connect(proxy.address()).await.unwrap();
    let calls = [
        ("prism.interfaces.list.ListBasicInterface", "PushLeft"),
        ("prism.interfaces.list.ListBasicInterface", "Length"),
        ("prism.interfaces.pubsub.PubSubBasicInterface", "Publish"),
        ("prism.interfaces.pubsub.PubSubBasicInterface", "Subscribe"),
        ("prism.interfaces.pubsub.PubSubBasicInterface", "Unsubscribe"),
    ];
    for (service, method) in calls {
        let answer = caller.call(&Request::unary(&format!("/{service}/{method}"), b"")).await.unwrap();
        let interface = service.rsplit('.').next().unwrap();
        assert_fails(&answer, Code::Unimplemented, interface);
        assert_fails(&answer, Code::Unimplemented, "default");
    }
}

#[tokio::test]
async fn malformed_protobuf_is_an_invalid_argument() {
    let (_proxy, caller) = start().await;
    let bad: [(&str, &[u8]); 7] = [
        ("a length beyond the end", &[0x0a, 0x05, b'k']),
        ("a tag without its value", &[0x0a]),
        ("a varint of eleven bytes", &[0xff; 11]),
        ("the wrong wire type", &[0x08, 0x01]),
        ("a key that is not UTF-8", &[0x0a, 0x02, 0xff, 0xfe]),
        ("field number 0", &[0x02, 0x00]),
        ("a group that never ends", &[0x1b]),
    ];
    for (what, message) in bad {
        for path in [GET, SET] {
            let answer = caller.call(&Request::unary(path, message)).await.unwrap();
            assert_eq!(answer.status().code(), Code::InvalidArgument, "{what}: {}", answer.status().message());
            assert!(!answer.status().message().is_empty(), "{what} needs words");
        }
    }
    // Fields that nobody knows are skipped.
    let mut message = GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec();
    message.extend([0xf8, 0x07, 0x01]);
    caller.call(&Request::unary(GET, &message)).await.unwrap().message();
}

#[tokio::test]
async fn a_unary_call_has_exactly_one_message() {
    let (_proxy, caller) = start().await;
    let one = prefixed(0, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
    let bodies = [
        (Vec::new(), Code::Unimplemented),
        ([&one[..], &one[..]].concat(), Code::Unimplemented),
        (one[..one.len() - 1].to_vec(), Code::Internal),
        (one[..3].to_vec(), Code::Internal),
    ];
    for (body, expected) in bodies {
        let bytes = body.len();
        let answer = caller.call(&get("k").body(body)).await.unwrap();
        assert_eq!(answer.status().code(), expected, "{bytes} bytes: {}", answer.status());
        caller.call(&get("k")).await.unwrap().message();
    }
}
