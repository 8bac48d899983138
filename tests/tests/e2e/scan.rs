//! Scan, ScanKeys and Count, on one shard and on two.

use std::collections::BTreeMap;

use prism_tests::clients::prism::interfaces::keyvalue::key_value_scan_interface_client::KeyValueScanInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{CountRequest, ScanKeysRequest, ScanRequest, ScanResponse};
use prism_tests::{Caller, Launch, Proxy, Random};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::clients::KeyValue;

type Client = KeyValueScanInterfaceClient<Channel>;

/// A proxy on one shard, and one on two, with so many keys; the value of each is the key again.
async fn on_one_and_two_shards(keys: usize, test: impl AsyncFn(Proxy, Client)) {
    for shards in [1, 2] {
        let proxy = Launch::shards(shards).start();
        fill(&proxy, keys).await;
        let client = Client::new(proxy.channel().await);
        test(proxy, client).await;
    }
}

async fn fill(proxy: &Proxy, keys: usize) {
    let client = KeyValue::new(proxy.channel().await);
    let mut sets = JoinSet::new();
    for lane in 0..50 {
        let mut client = client.clone();
        sets.spawn(async move {
            for index in (lane..keys).step_by(50) {
                client.set(&key(index), key(index).as_bytes()).await.unwrap();
            }
        });
    }
    sets.join_all().await;
}

fn key(index: usize) -> String {
    format!("{}:{index:06}", if index.is_multiple_of(3) { "third" } else { "other" })
}

fn scan_from(prefix: &str, limit: i32, cursor: Vec<u8>) -> ScanRequest {
    ScanRequest { prefix: prefix.into(), limit, cursor, namespace: String::new() }
}

async fn scanned(client: &mut Client, request: ScanRequest) -> Result<Vec<ScanResponse>, Status> {
    collected(client.scan(request).await?.into_inner()).await
}

async fn collected<T>(mut stream: Streaming<T>) -> Result<Vec<T>, Status> {
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

async fn count(client: &mut Client, prefix: &str) -> i64 {
    let request = CountRequest { prefix: prefix.into(), namespace: String::new() };
    let response = client.count(request).await.unwrap().into_inner();
    assert!(!response.approximate);
    response.count
}

fn keys_of(messages: &[ScanResponse]) -> Vec<String> {
    let mut keys: Vec<_> = messages.iter().map(|message| message.key.clone()).collect();
    keys.sort();
    keys
}

fn expected(keys: usize, prefix: &str) -> Vec<String> {
    let mut keys: Vec<_> = (0..keys).map(key).filter(|key| key.starts_with(prefix)).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn every_key_with_the_prefix_comes_once_and_is_counted() {
    on_one_and_two_shards(3_000, async |_proxy, mut client| {
        for prefix in ["", "third:", "third:0000", "nothing", "th*"] {
            let messages = scanned(&mut client, scan_from(prefix, 0, Vec::new())).await.unwrap();
            assert_eq!(keys_of(&messages), expected(3_000, prefix));
            assert!(messages.iter().all(|message| message.value == message.key.as_bytes()));
            let request = ScanKeysRequest { prefix: prefix.into(), ..Default::default() };
            let keys = collected(client.scan_keys(request).await.unwrap().into_inner()).await.unwrap();
            let order: Vec<_> = messages.iter().map(|message| &message.key).collect();
            assert_eq!(keys.iter().map(|message| &message.key).collect::<Vec<_>>(), order);
            assert_eq!(count(&mut client, prefix).await, messages.len() as i64);
        }
    })
    .await;
}

#[tokio::test]
async fn a_cursor_resumes_anywhere_on_any_connection() {
    on_one_and_two_shards(1_000, async |proxy, mut client| {
        let all = scanned(&mut client, scan_from("", 0, Vec::new())).await.unwrap();
        for at in [0, 1, 499, 500, 998, 999] {
            let mut other = Client::new(proxy.channel().await);
            let rest = scanned(&mut other, scan_from("", 0, all[at].cursor.clone())).await.unwrap();
            assert_eq!(rest, all[at + 1..], "behind entry {at}");
            let request = ScanKeysRequest { cursor: all[at].cursor.clone(), ..Default::default() };
            let keys = collected(other.scan_keys(request).await.unwrap().into_inner()).await.unwrap();
            assert_eq!(keys.len(), 999 - at, "ScanKeys takes the cursors of Scan");
        }
        let (mut pieces, mut cursor) = (Vec::new(), Vec::new());
        loop {
            let piece = scanned(&mut client, scan_from("", 7, cursor.clone())).await.unwrap();
            assert!(piece.len() == 7 || piece.len() == 1_000 % 7 || piece.is_empty());
            let Some(last) = piece.last() else { break };
            cursor.clone_from(&last.cursor);
            pieces.extend(piece);
        }
        assert_eq!(pieces, all);
    })
    .await;
}

#[tokio::test]
async fn anything_else_for_a_cursor_is_an_invalid_argument() {
    let file = "backends: {m: {type: memstore}}\nnamespaces: {default: {backend: m}, other: {backend: m}}\n";
    let proxy = Launch::shards(2).file(file).start();
    fill(&proxy, 100).await;
    let mut client = Client::new(proxy.channel().await);
    let cursor = scanned(&mut client, scan_from("third", 1, Vec::new())).await.unwrap()[0].cursor.clone();
    let mut random = Random::seeded();
    let mut bad = vec![scan_from("", 0, cursor.clone()), scan_from("thir", 0, cursor.clone())];
    bad.push(ScanRequest { namespace: "other".into(), ..scan_from("third", 0, cursor.clone()) });
    for at in 0..cursor.len() {
        let mut changed = cursor.clone();
        changed[at] ^= 1 << (at % 8);
        bad.push(scan_from("third", 0, changed));
        bad.push(scan_from("third", 0, cursor[..at.max(1)].to_vec()));
        bad.push(scan_from("third", 0, random.bytes(at + 1)));
    }
    bad.push(scan_from("third", 0, random.bytes(100_000)));
    for request in bad {
        let status = scanned(&mut client, request.clone()).await.expect_err("it is no cursor of this scan");
        assert_eq!(status.code(), Code::InvalidArgument, "{request:?}: {}", status.message());
        assert!(status.message().contains("cursor"), "{}", status.message());
    }
    assert_eq!(scanned(&mut client, scan_from("third", 0, cursor)).await.unwrap().len(), 33);
}

#[tokio::test]
async fn arguments_are_checked() {
    let proxy = Launch::shards(1).start();
    let mut client = Client::new(proxy.channel().await);
    let nowhere = ScanRequest { namespace: "nowhere".into(), limit: -1, ..Default::default() };
    for (request, code, word) in [
        (scan_from("", -1, Vec::new()), Code::InvalidArgument, "limit"),
        (scan_from(&"p".repeat(1_025), 0, Vec::new()), Code::InvalidArgument, "prefix"),
        (nowhere, Code::NotFound, "nowhere"),
    ] {
        let status = scanned(&mut client, request).await.expect_err("it is wrong");
        assert_eq!(status.code(), code);
        assert!(status.message().contains(word), "{}", status.message());
    }
    assert!(scanned(&mut client, scan_from(&"p".repeat(1_024), 0, Vec::new())).await.unwrap().is_empty());
    assert_eq!(count(&mut client, "").await, 0);
}

/// Each entry is longer than what a stream may send at once, and all together longer than what a connection may hold.
#[tokio::test]
async fn long_values_come_as_the_client_takes_them() {
    let random = Random::seeded();
    on_one_and_two_shards(500, async |proxy, mut client| {
        let mut long = BTreeMap::new();
        let mut writer = KeyValue::new(proxy.channel().await);
        for (index, bytes) in [5_000, 40_000, 100_000, 1 << 20, 3 << 20].into_iter().cycle().take(20).enumerate() {
            let value = random.fork(index as u64).bytes(bytes);
            writer.set(&format!("long-{index}"), &value).await.unwrap();
            long.insert(format!("long-{index}"), value);
        }
        let mut streams = JoinSet::new();
        for _ in 0..4 {
            let stream = client.scan(scan_from("", 0, Vec::new())).await.unwrap().into_inner();
            streams.spawn(collected(stream));
        }
        for messages in streams.join_all().await {
            let messages = messages.unwrap();
            assert_eq!(messages.len(), 520);
            for message in messages {
                let expected = long.get(&message.key).map_or(message.key.as_bytes(), |value| value);
                assert!(message.value == expected, "{} came back changed", message.key);
            }
        }
    })
    .await;
}

/// Many scans on one connection that nobody reads take turns with one that is read, and cost no more than they may.
#[tokio::test]
async fn scans_that_nobody_reads_hold_up_nobody() {
    on_one_and_two_shards(20_000, async |proxy, mut client| {
        let mut unread = Vec::new();
        for _ in 0..100 {
            unread.push(client.scan(scan_from("", 0, Vec::new())).await.unwrap().into_inner());
        }
        let mut other = Client::new(proxy.channel().await);
        let mut reader = KeyValue::new(proxy.channel().await);
        for index in 0..100 {
            assert!(reader.exists(&key(index)).await.unwrap());
        }
        assert_eq!(scanned(&mut other, scan_from("", 0, Vec::new())).await.unwrap().len(), 20_000);
        assert_eq!(count(&mut other, "third").await, 6_667);
        // Those that are given up leave nothing behind, and the others go on where they stood.
        unread.truncate(10);
        let read: JoinSet<_> = unread.into_iter().map(collected).collect();
        for messages in read.join_all().await {
            assert_eq!(keys_of(&messages.unwrap()), expected(20_000, ""));
        }
        assert_eq!(scanned(&mut client, scan_from("third", 0, Vec::new())).await.unwrap().len(), 6_667);
        // The most of each shard, added up.
        let counters = proxy.counters();
        let most = counters["pull_work_most"] / proxy.shards() as u64;
        assert!(counters["pages"] > 100 && (100..400).contains(&most), "{most} in one turn: {counters:?}");
    })
    .await;
}

#[tokio::test]
async fn a_scan_that_is_not_read_ends_at_its_deadline() {
    on_one_and_two_shards(100, async |proxy, mut client| {
        let mut writer = KeyValue::new(proxy.channel().await);
        for index in 0..8 {
            writer.set(&format!("long-{index}"), &[7; 1_500_000]).await.unwrap();
        }
        let mut request = Request::new(scan_from("", 0, Vec::new()));
        request.metadata_mut().insert("grpc-timeout", "200m".parse().unwrap());
        let mut stream = client.scan(request).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some());
        // A stream with the same time-out, begun later, ends later.
        let caller = Caller::connect(proxy.address()).await.unwrap();
        let watch = prism_tests::Request::unary("/grpc.health.v1.Health/Watch", &[]).header("grpc-timeout", "200m");
        assert_eq!(caller.call(&watch).await.unwrap().status().code(), Code::DeadlineExceeded);
        let status = collected(stream).await.expect_err("more was there than the client had room for");
        assert_eq!(status.code(), Code::DeadlineExceeded, "{}", status.message());
    })
    .await;
}

// Two threads: the client answers while the test waits for the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_lets_scans_finish() {
    // Time enough on a machine that has other things to do.
    let mut proxy = Launch::shards(2).file("limits: {drain_timeout: 60s}").start();
    fill(&proxy, 20_000).await;
    let mut client = Client::new(proxy.channel().await);
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = client.scan(scan_from("", 0, Vec::new())).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some(), "it is under way");
        streams.push(stream);
    }
    proxy.signal("TERM");
    proxy.wait_log("draining");
    let read: JoinSet<_> = streams.into_iter().map(collected).collect();
    for messages in read.join_all().await {
        assert_eq!(messages.unwrap().len(), 19_999);
    }
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
}
