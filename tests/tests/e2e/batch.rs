//! BatchSet, BatchGet and BatchDelete, on one shard and on two.

use std::collections::BTreeMap;

use prism_tests::clients::prism::interfaces::keyvalue::key_value_batch_interface_client::KeyValueBatchInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_scan_interface_client::KeyValueScanInterfaceClient;
use prism_tests::clients::prism::interfaces::list::list_basic_interface_client::ListBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{
    BatchDeleteRequest, BatchGetRequest, BatchGetResponse, BatchSetRequest, BatchSetResponse, CountRequest,
    ScanKeysRequest, SetRequest,
};
use prism_tests::messages::prism::interfaces::list::PushRightRequest;
use prism_tests::{Launch, Proxy, Random};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::clients::KeyValue;

type Client = KeyValueBatchInterfaceClient<Channel>;

async fn connect(proxy: &Proxy) -> Client {
    Client::new(proxy.channel().await).max_encoding_message_size(8 << 20).max_decoding_message_size(8 << 20)
}

async fn on_one_and_two_shards(test: impl AsyncFn(Proxy, Client)) {
    for shards in [1, 2] {
        let proxy = Launch::shards(shards).start();
        let client = connect(&proxy).await;
        test(proxy, client).await;
    }
}

fn write(key: &str, value: &[u8]) -> SetRequest {
    SetRequest { key: key.into(), value: value.into(), ..Default::default() }
}

async fn set(client: &mut Client, requests: Vec<SetRequest>) -> Result<BatchSetResponse, Status> {
    Ok(client.batch_set(BatchSetRequest { requests, namespace: String::new() }).await?.into_inner())
}

async fn get(client: &mut Client, keys: &[String]) -> Result<BatchGetResponse, Status> {
    let request = BatchGetRequest { keys: keys.to_vec(), namespace: String::new() };
    Ok(client.batch_get(request).await?.into_inner())
}

/// Values in order, after a look at the count.
async fn values(client: &mut Client, keys: &[String]) -> Vec<Option<Vec<u8>>> {
    let response = get(client, keys).await.unwrap();
    let values: Vec<_> = response.results.into_iter().map(|result| result.found.then_some(result.value)).collect();
    assert_eq!(response.found_count as usize, values.iter().flatten().count());
    values
}

/// Which keys were there, after a look at the summary.
async fn delete(client: &mut Client, keys: &[String]) -> Vec<bool> {
    let request = BatchDeleteRequest { keys: keys.to_vec(), namespace: String::new() };
    let response = client.batch_delete(request).await.unwrap().into_inner();
    assert!(response.all_success && response.results.iter().all(|result| result.success && result.error.is_empty()));
    response.results.into_iter().map(|result| result.found).collect()
}

#[tokio::test]
async fn batches_behave_like_their_entries_one_by_one() {
    let random = Random::seeded();
    on_one_and_two_shards(async |_proxy, mut client| {
        let mut random = random.fork(1);
        let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for round in 0..60 {
            // Few keys: many are repeated within a batch, whose entries are executed in order.
            let count = [0, 1, 2, 100, 300, 1_000][random.below(6) as usize];
            let keys: Vec<_> = (0..count).map(|_| format!("key-{}", random.below(400))).collect();
            match round % 3 {
                0 => {
                    let writes: Vec<_> = keys
                        .iter()
                        .map(|key| {
                            let bytes = random.below(300) as usize;
                            write(key, &random.bytes(bytes))
                        })
                        .collect();
                    model.extend(writes.iter().map(|write| (write.key.clone(), write.value.clone())));
                    let response = set(&mut client, writes).await.unwrap();
                    assert!(response.all_success && response.results.len() == count);
                    assert!(response.results.iter().all(|result| result.success && result.error.is_empty()));
                }
                1 => {
                    let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
                    assert_eq!(values(&mut client, &keys).await, expected);
                }
                _ => {
                    let keys = &keys[..count / 4];
                    let expected: Vec<_> = keys.iter().map(|key| model.remove(key).is_some()).collect();
                    assert_eq!(delete(&mut client, keys).await, expected);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn one_bad_entry_fails_the_call_and_nothing_is_applied() {
    on_one_and_two_shards(async |proxy, mut client| {
        let good = || write("good", b"v");
        let long = "k".repeat(1_025);
        let bad = [
            (write("", b"v"), "requests[2]: key is empty"),
            (write(&long, b"v"), "requests[2]: key has 1025 bytes"),
            (SetRequest { ttl_seconds: -1, ..good() }, "requests[2]: ttl_seconds is -1"),
            (SetRequest { namespace: "other".into(), ..good() }, "requests[2]: namespace is \"other\""),
        ];
        for (bad, words) in bad {
            let status = set(&mut client, vec![good(), good(), bad, write("", b"")]).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains(words), "{}", status.message());
        }
        let status = get(&mut client, &["good".into(), String::new(), long]).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("keys[1]: key is empty"), "{}", status.message());
        assert_eq!(values(&mut client, &["good".into()]).await, [None]);
        // What is the batch's namespace may be said again.
        let requests = vec![SetRequest { namespace: "default".into(), ..good() }, good()];
        let request = BatchSetRequest { requests, namespace: "default".into() };
        assert!(client.batch_set(request).await.unwrap().into_inner().all_success);
        let mut plain = KeyValue::new(proxy.channel().await);
        assert_eq!(plain.get("good").await.unwrap().as_deref(), Some(&b"v"[..]));
        let request = BatchGetRequest { keys: vec![String::new()], namespace: "nowhere".into() };
        assert_eq!(client.batch_get(request).await.unwrap_err().code(), Code::NotFound);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_fails_says_so_and_the_others_are_stored() {
    // Room for some of the values on each shard, and not for all.
    let file = "backends: {m: {type: memstore, memory_bytes_max: 16MiB}}\nnamespaces: {default: {backend: m}}\n";
    for shards in [1, 2] {
        let proxy = Launch::shards(shards).file(file).start();
        let mut client = connect(&proxy).await;
        let keys: Vec<_> = (0..24).map(|index| format!("key-{index}")).collect();
        let mut failed = 0;
        for keys in keys.chunks(3) {
            let writes = keys.iter().map(|key| write(key, &[7; 1 << 20])).collect();
            let response = set(&mut client, writes).await.unwrap();
            for (key, result) in keys.iter().zip(&response.results) {
                let is_there = get(&mut client, std::slice::from_ref(key)).await.unwrap().found_count == 1;
                assert_eq!(is_there, result.success);
                assert!(result.success || result.error.starts_with("RESOURCE_EXHAUSTED: "), "{}", result.error);
                failed += usize::from(!result.success);
            }
            assert_eq!(response.all_success, response.results.iter().all(|result| result.success));
        }
        assert!((5..24).contains(&failed), "{failed} failed");
    }
}

/// A list is no value: it is not got, not scanned and not counted, but it is a key like any other to be replaced or
/// deleted.
#[tokio::test]
async fn lists_are_not_values() {
    on_one_and_two_shards(async |proxy, mut client| {
        let keys: Vec<_> = (0..20).map(|index| format!("key-{index}")).collect();
        let mut lists = ListBasicInterfaceClient::new(proxy.channel().await);
        for (index, key) in keys.iter().enumerate() {
            if index.is_multiple_of(2) {
                let request =
                    PushRightRequest { list_key: key.clone(), value: b"element".into(), ..Default::default() };
                lists.push_right(request).await.unwrap();
            } else {
                assert!(set(&mut client, vec![write(key, b"value")]).await.unwrap().all_success);
            }
        }
        let expected: Vec<_> = (0..20).map(|index: usize| (index % 2 == 1).then(|| b"value".to_vec())).collect();
        assert_eq!(values(&mut client, &keys).await, expected);
        let mut scans = KeyValueScanInterfaceClient::new(proxy.channel().await);
        assert_eq!(scans.count(CountRequest::default()).await.unwrap().into_inner().count, 10);
        let mut stream = scans.scan_keys(ScanKeysRequest::default()).await.unwrap().into_inner();
        let mut scanned = 0;
        while let Some(message) = stream.message().await.unwrap() {
            let index: usize = message.key["key-".len()..].parse().unwrap();
            assert_eq!(index % 2, 1);
            scanned += 1;
        }
        assert_eq!(scanned, 10);
        assert!(set(&mut client, vec![write(&keys[0], b"new")]).await.unwrap().all_success);
        assert_eq!(values(&mut client, &keys[..1]).await, [Some(b"new".to_vec())]);
        assert_eq!(delete(&mut client, &keys).await, [true; 20]);
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_is_too_long_is_refused_and_says_so() {
    on_one_and_two_shards(async |_proxy, mut client| {
        let keys: Vec<_> = (0..5).map(|index| format!("key-{index}")).collect();
        for key in &keys {
            assert!(set(&mut client, vec![write(key, &[7; 1_000_000])]).await.unwrap().all_success);
        }
        assert_eq!(values(&mut client, &keys[..4]).await, vec![Some(vec![7; 1_000_000]); 4]);
        let status = get(&mut client, &keys).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("limits.message_bytes_max"), "{}", status.message());
        // So long that its reply would be too long, whatever is there: it is not executed.
        let many = vec!["k".to_owned(); 1_000_000];
        let request = BatchDeleteRequest { keys: many, namespace: String::new() };
        assert_eq!(client.batch_delete(request).await.unwrap_err().code(), Code::ResourceExhausted);
    })
    .await;
}

/// Far more than a connection may hold at a time: each is answered when there is room for it.
#[tokio::test]
async fn many_long_batches_at_once_are_all_answered() {
    on_one_and_two_shards(async |proxy, mut client| {
        let keys: Vec<_> = (0..300).map(|index| format!("key-{index}")).collect();
        for keys in keys.chunks(100) {
            let writes = keys.iter().map(|key| write(key, &[key.len() as u8; 10_000])).collect();
            assert!(set(&mut client, writes).await.unwrap().all_success);
        }
        let expected: Vec<_> = keys.iter().map(|key| Some(vec![key.len() as u8; 10_000])).collect();
        let mut calls = JoinSet::new();
        for _ in 0..40 {
            let (mut client, keys, expected) = (client.clone(), keys.clone(), expected.clone());
            calls.spawn(async move { assert!(values(&mut client, &keys).await == expected) });
        }
        // Others are served meanwhile.
        let mut other = KeyValue::new(proxy.channel().await);
        for key in &keys[..50] {
            assert!(other.exists(key).await.unwrap());
        }
        calls.join_all().await;
    })
    .await;
}

/// Some 100,000 keys in one call: they take many turns, and no turn takes long.
#[tokio::test]
async fn a_batch_of_many_keys_takes_turns() {
    on_one_and_two_shards(async |proxy, mut client| {
        let keys: Vec<_> = (0..100_000).map(|index| format!("{index}")).collect();
        let writes = keys.iter().map(|key| write(key, b"v")).collect();
        assert!(set(&mut client, writes).await.unwrap().all_success);
        assert_eq!(get(&mut client, &keys).await.unwrap().found_count, 100_000);
        assert!(delete(&mut client, &keys).await.into_iter().all(|found| found));
        let most = proxy.counters()["pull_work_most"] / proxy.shards() as u64;
        assert!((200..1_000).contains(&most), "{most} in one turn");
    })
    .await;
}
