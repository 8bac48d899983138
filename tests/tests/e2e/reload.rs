//! SIGHUP: the file is read again, and what may change while the process runs does.

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Launch, Proxy, Scratch, until_async};
use tonic::Code;

use crate::clients::KeyValue;

const BEFORE: &str = "limits: {key_bytes_max: 8}
backends: {memory: {type: memstore, memory_bytes_max: 64MiB}}
namespaces: {default: {backend: memory}, sessions: {backend: memory}}
";

fn start(scratch: &Scratch) -> Proxy {
    let path = scratch.write("prism.yaml", BEFORE);
    Launch::shards(2).argument("--config").argument(path.to_str().unwrap()).start()
}

fn set(namespace: &str, key: &str) -> SetRequest {
    SetRequest { key: key.into(), value: b"v".to_vec(), namespace: namespace.into(), ..Default::default() }
}

async fn value(client: &mut KeyValue, namespace: &str, key: &str) -> Vec<u8> {
    let request = GetRequest { key: key.into(), namespace: namespace.into() };
    client.0.get(request).await.unwrap().into_inner().value
}

#[tokio::test]
async fn limits_and_namespaces_change_and_keys_stay() {
    let scratch = Scratch::new();
    let proxy = start(&scratch);
    let mut client = KeyValue::new(proxy.channel().await);
    for number in 0..50 {
        client.set_request(set("sessions", &format!("k{number}"))).await.unwrap();
    }
    assert_eq!(client.set_request(set("", "a long key")).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.set_request(set("fresh", "k")).await.unwrap_err().code(), Code::NotFound);

    // `sessions` moves to another place in the file, `fresh` comes, and memory cannot change.
    scratch.write(
        "prism.yaml",
        "limits: {key_bytes_max: 64}
backends: {memory: {type: memstore, memory_bytes_max: 128MiB}}
namespaces: {fresh: {backend: memory}, sessions: {backend: memory}, default: {backend: memory}}
",
    );
    proxy.signal("HUP");
    proxy.wait_log("backends.memory.memory_bytes_max has changed: it takes effect after a restart");
    proxy.wait_log("configuration reloaded");
    let mut other = client.clone();
    // The shards take it over one after the other.
    until_async("the new limit holds on every shard", async || {
        let mut all = Vec::new();
        for number in 0..50 {
            all.push(other.set_request(set("fresh", &format!("a long key {number}"))).await.is_ok());
        }
        all.into_iter().all(|is_ok| is_ok).then_some(())
    })
    .await;
    for number in 0..50 {
        assert_eq!(value(&mut client, "sessions", &format!("k{number}")).await, b"v", "k{number}");
        assert_eq!(value(&mut client, "default", &format!("k{number}")).await, b"", "namespaces are separate");
    }
}

#[tokio::test]
async fn a_namespace_that_is_taken_away_is_not_found_until_it_is_back() {
    let scratch = Scratch::new();
    let proxy = start(&scratch);
    let mut client = KeyValue::new(proxy.channel().await);
    client.set_request(set("sessions", "k")).await.unwrap();

    let without = "backends: {memory: {type: memstore, memory_bytes_max: 64MiB}}
namespaces: {default: {backend: memory}}
";
    scratch.write("prism.yaml", without);
    proxy.signal("HUP");
    let mut other = client.clone();
    until_async("the namespace is gone", async || {
        let request = GetRequest { key: "k".into(), namespace: "sessions".into() };
        let error = other.0.get(request).await.err()?;
        if error.code() == Code::Unavailable {
            // The key's shard has taken the file over, the connection's has not yet: safe to retry.
            return None;
        }
        assert_eq!(error.code(), Code::NotFound, "{error}");
        assert!(error.message().contains("\"sessions\""), "{error}");
        Some(())
    })
    .await;

    scratch.write("prism.yaml", BEFORE);
    proxy.signal("HUP");
    until_async("the namespace is back with its keys", async || {
        let request = GetRequest { key: "k".into(), namespace: "sessions".into() };
        client.0.get(request).await.ok().map(|response| assert_eq!(response.into_inner().value, b"v"))
    })
    .await;
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_is_explained() {
    let scratch = Scratch::new();
    let proxy = start(&scratch);
    let mut client = KeyValue::new(proxy.channel().await);
    scratch.write("prism.yaml", "limits: {key_bytes_mx: 64}\n");
    proxy.signal("HUP");
    proxy.wait_log("key_bytes_mx");
    proxy.wait_log("the configuration was not reloaded: the earlier one stays in force");
    client.set_request(set("sessions", "k")).await.unwrap();
    assert_eq!(client.set_request(set("", "a long key")).await.unwrap_err().code(), Code::InvalidArgument);
}
