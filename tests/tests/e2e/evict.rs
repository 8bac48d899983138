//! What the program does at the memory bound, by the policies that the file names.

use prism_tests::messages::prism::interfaces::keyvalue::{ExistsRequest, SetRequest};
use prism_tests::{Launch, Proxy};
use tonic::Code;

use crate::clients::KeyValue;

fn start(shards: usize, eviction: &str) -> Proxy {
    let file = format!(
        "backends: {{ memory: {{ type: memstore, memory_bytes_max: 4MiB, eviction: {eviction} }} }}
namespaces: {{ default: {{ backend: memory }}, kept: {{ backend: memory, eviction: none }} }}
"
    );
    Launch::shards(shards).file(&file).start()
}

fn request(namespace: &str, number: usize) -> SetRequest {
    let (key, namespace) = (format!("key-{number}"), namespace.into());
    SetRequest { key, value: vec![number as u8; 2_000], ttl_seconds: 1_000, namespace, ..Default::default() }
}

#[tokio::test]
async fn keys_are_dropped_as_the_policy_of_their_namespace_says() {
    for (shards, eviction) in [(1, "s3fifo"), (2, "s3fifo"), (2, "soonest_expiry")] {
        let proxy = start(shards, eviction);
        let mut client = KeyValue::new(proxy.channel().await);
        for number in 0..100 {
            client.set_request(request("kept", number)).await.unwrap();
        }
        for number in 0..4_000 {
            client.set_request(request("", number)).await.unwrap();
            assert!(client.exists(&format!("key-{number}")).await.unwrap(), "what was written is there");
        }
        let counters = proxy.counters();
        assert!(counters["memstore_evicted"] > 1_500, "{counters:?}");
        assert!(counters["memstore_bytes"] <= 4 << 20, "{counters:?}");
        assert!(!counters.contains_key("memstore_rejected"), "{counters:?}");
        for number in 0..100 {
            let request = ExistsRequest { key: format!("key-{number}"), namespace: "kept".into() };
            assert!(client.0.exists(request).await.unwrap().into_inner().exists, "{number} was dropped");
        }
        assert!(counters["memstore_keys"] > 1_000, "{counters:?}");
    }
}

#[tokio::test]
async fn a_namespace_at_its_own_bound_leaves_the_others_alone() {
    for (shards, eviction) in [(1, "none"), (2, "none"), (2, "s3fifo"), (2, "soonest_expiry")] {
        let file = format!(
            "backends: {{ memory: {{ type: memstore, memory_bytes_max: 16MiB, eviction: {eviction} }} }}
namespaces: {{ default: {{ backend: memory }}, tight: {{ backend: memory, memory_bytes_max: 1MiB }} }}
"
        );
        let proxy = Launch::shards(shards).file(&file).start();
        let mut client = KeyValue::new(proxy.channel().await);
        for number in 0..100 {
            client.set_request(request("", number)).await.unwrap();
        }
        let mut refused = 0;
        for number in 0..1_500 {
            let Err(status) = client.set_request(request("tight", number)).await else { continue };
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert!(status.message().contains("namespaces.tight.memory_bytes_max"), "{status}");
            refused += 1;
        }
        assert_eq!(refused > 0, eviction == "none", "{refused} were refused with {eviction}");
        // Three megabytes came for a bound of one.
        assert!(proxy.counters()["memstore_bytes"] < 2 << 20, "{:?}", proxy.counters());
        for number in 100..2_000 {
            client.set_request(request("", number)).await.unwrap();
        }
        for number in 0..2_000 {
            assert!(client.exists(&format!("key-{number}")).await.unwrap(), "{number} was dropped with {eviction}");
        }
    }
}

#[tokio::test]
async fn without_a_policy_a_write_fails_and_names_the_limit() {
    let proxy = start(2, "none");
    let mut client = KeyValue::new(proxy.channel().await);
    let mut refused = None;
    for number in 0..4_000 {
        if let Err(status) = client.set_request(request("", number)).await {
            refused = Some(status);
            break;
        }
    }
    let status = refused.expect("the store is full");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("backends.memory.memory_bytes_max"), "{status}");
    assert_eq!(client.get("key-0").await.unwrap(), Some(vec![0; 2_000]), "what was there stays");
}
