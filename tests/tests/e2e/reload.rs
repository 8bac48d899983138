//! SIGHUP: the file is read again, and what may change while the process runs does.

use prism_tests::clients::prism::interfaces::keyvalue::key_value_scan_interface_client::KeyValueScanInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, ScanRequest, SetRequest};
use prism_tests::messages::prism::interfaces::pubsub::SubscribeRequest;
use prism_tests::messages::prism::interfaces::stream::ReadRequest;
use prism_tests::{Launch, Proxy, Scratch, until_async};
use tonic::{Code, Status, Streaming};

use crate::clients::KeyValue;
use crate::stream::Logs;

const BEFORE: &str = "limits: {key_bytes_max: 8}
backends: {memory: {type: memstore, memory_bytes_max: 64MiB}}
namespaces: {default: {backend: memory}, sessions: {backend: memory}}
";

const WITHOUT_SESSIONS: &str = "backends: {memory: {type: memstore, memory_bytes_max: 64MiB}}
namespaces: {default: {backend: memory}}
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

    scratch.write("prism.yaml", WITHOUT_SESSIONS);
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

/// How a stream ends, whatever comes before.
async fn end<T>(messages: &mut Streaming<T>) -> Status {
    loop {
        match messages.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return Status::ok(""),
            Err(status) => return status,
        }
    }
}

/// Streams in a namespace: some of each kind, on both shards.
struct Streams {
    messages: Vec<Streaming<prism_tests::messages::prism::interfaces::pubsub::Message>>,
    records: Vec<Streaming<prism_tests::messages::prism::interfaces::stream::StreamRecord>>,
    entries: Vec<Streaming<prism_tests::messages::prism::interfaces::keyvalue::ScanResponse>>,
}

impl Streams {
    async fn begin(proxy: &Proxy, namespace: &str) -> Self {
        let mut streams = Self { messages: Vec::new(), records: Vec::new(), entries: Vec::new() };
        for number in 0..6 {
            let (mut logs, name) = (Logs::connect(proxy).await, format!("log-{number}"));
            let namespace = namespace.to_owned();
            let subscribe = SubscribeRequest {
                topic: name.clone(),
                subscriber_id: name.clone(),
                namespace: namespace.clone(),
                ..Default::default()
            };
            streams.messages.push(logs.topic.subscribe(subscribe).await.unwrap().into_inner());
            let read = ReadRequest {
                stream: name,
                wait_ms: 60_000,
                offset: -2,
                namespace: namespace.clone(),
                ..Default::default()
            };
            streams.records.push(logs.stream.read(read).await.unwrap().into_inner());
            let mut scan = KeyValueScanInterfaceClient::new(proxy.channel().await);
            let scan = scan.scan(ScanRequest { namespace, ..Default::default() }).await.unwrap();
            streams.entries.push(scan.into_inner());
        }
        streams
    }

    /// How each ends.
    async fn ends(self) -> Vec<Status> {
        let mut ends = Vec::new();
        for mut messages in self.messages {
            ends.push(end(&mut messages).await);
        }
        for mut records in self.records {
            ends.push(end(&mut records).await);
        }
        for mut entries in self.entries {
            ends.push(end(&mut entries).await);
        }
        ends
    }
}

/// More than the window of a client that does not read.
async fn fill(proxy: &Proxy, namespace: &str) {
    let mut client = KeyValue::new(proxy.channel().await);
    for number in 0..40 {
        let value = vec![1; 100_000];
        client.set_request(SetRequest { value, ..set(namespace, &format!("k{number}")) }).await.unwrap();
    }
}

#[tokio::test]
async fn streams_of_a_namespace_that_is_taken_away_end_and_others_go_on() {
    let scratch = Scratch::new();
    let proxy = start(&scratch);
    fill(&proxy, "sessions").await;
    let ending = Streams::begin(&proxy, "sessions").await;
    let mut staying = Streams::begin(&proxy, "").await;

    scratch.write("prism.yaml", WITHOUT_SESSIONS);
    proxy.signal("HUP");
    for status in ending.ends().await {
        // A scan may ask a shard that has taken the file over before its own: then it is told to try again.
        assert!([Code::NotFound, Code::Unavailable].contains(&status.code()), "{status}");
        assert!(status.message().contains("\"sessions\""), "{status}");
    }
    let mut logs = Logs::connect(&proxy).await;
    for number in 0..6 {
        logs.publish(&format!("log-{number}"), b"payload").await.unwrap();
        let message = staying.messages[number].message().await.unwrap().unwrap();
        assert_eq!(message.payload, b"payload");
        assert_eq!(staying.records[number].message().await.unwrap().unwrap().payload, b"payload");
    }
}

#[tokio::test]
async fn streams_of_a_namespace_with_another_backend_are_told_to_begin_again() {
    let scratch = Scratch::new();
    let proxy = start(&scratch);
    fill(&proxy, "sessions").await;
    let ending = Streams::begin(&proxy, "sessions").await;
    let moved = "backends: {memory: {type: memstore, memory_bytes_max: 64MiB}, other: {type: memstore}}
namespaces: {default: {backend: memory}, sessions: {backend: other}}
";
    scratch.write("prism.yaml", moved);
    proxy.signal("HUP");
    for status in ending.ends().await {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.message().contains("\"sessions\""), "{status}");
    }
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
