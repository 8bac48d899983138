//! The method table agrees with its look-up.

use super::*;

#[test]
fn every_path_finds_its_own_method() {
    for (index, method) in METHODS.iter().enumerate() {
        let found = lookup(method.path.as_bytes()).expect("a path of the table is found");
        assert_eq!(usize::from(found.0), index, "{}", method.path);
        assert_eq!(found.method(), method);
        assert_eq!(method.path, format!("/{}/{}", method.service, method.name()));
        assert!(SERVICES.contains(&Service { name: method.service, group: method.group }), "{}", method.service);
    }
}

#[test]
fn a_path_that_differs_anywhere_is_not_found() {
    for method in METHODS {
        let path = method.path.as_bytes();
        for at in 0..path.len() {
            let mut other = path.to_vec();
            other[at] ^= 0x20;
            assert_eq!(lookup(&other), None, "{}", String::from_utf8_lossy(&other));
        }
        assert_eq!(lookup(&path[1..]), None);
        assert_eq!(lookup(&[path, b"/"].concat()), None);
    }
    assert_eq!(lookup(b""), None);
    assert_eq!(lookup(b"/prism.interfaces.LifecycleInterface/Start"), None);
}

#[test]
fn constants_name_their_methods() {
    for (id, path) in [
        (id::KEYVALUE_BASIC_GET, "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get"),
        (id::KEYVALUE_TTL_GET_TTL, "/prism.interfaces.keyvalue.KeyValueTTLInterface/GetTTL"),
        (id::KEYVALUE_SCAN_SCAN_KEYS, "/prism.interfaces.keyvalue.KeyValueScanInterface/ScanKeys"),
        (id::LIST_BASIC_PUSH_LEFT, "/prism.interfaces.list.ListBasicInterface/PushLeft"),
        (id::PUBSUB_BASIC_SUBSCRIBE, "/prism.interfaces.pubsub.PubSubBasicInterface/Subscribe"),
        (id::STREAM_BASIC_GET_LATEST_OFFSET, "/prism.interfaces.stream.StreamBasicInterface/GetLatestOffset"),
        (id::HEALTH_WATCH, "/grpc.health.v1.Health/Watch"),
    ] {
        assert_eq!(id.method().path, path);
    }
    assert!(id::KEYVALUE_BASIC_GET.method().is_unary());
    assert!(id::HEALTH_WATCH.method().server_streaming);
    assert!(id::REFLECTION_V1ALPHA_SERVER_REFLECTION_INFO.method().client_streaming);
    assert_eq!(id::REFLECTION_V1_SERVER_REFLECTION_INFO.method().group, Group::Reflection);
    assert_eq!(Group::KeyvalueTtl.name(), "keyvalue_ttl");
    let subscribe = id::PUBSUB_BASIC_SUBSCRIBE.method();
    assert_eq!(subscribe.request, "prism.interfaces.pubsub.SubscribeRequest");
    assert_eq!(subscribe.response, "prism.interfaces.pubsub.Message");
}
