//! KeyValueBatchInterface.

use prism_tests::messages::prism::interfaces::keyvalue::{
    BatchDeleteRequest, BatchGetRequest, BatchGetResponse, BatchSetRequest, SetRequest,
};
use tonic::Code;

use crate::keyvalue::{exists, get, set};
use crate::list::push_right;
use crate::stand::{Batch, Stand, assert_fails};

fn entry(key: &str, value: &[u8]) -> SetRequest {
    SetRequest { key: key.into(), value: value.into(), ..Default::default() }
}

async fn batch_set(client: &mut Batch, requests: Vec<SetRequest>) {
    let count = requests.len();
    let request = BatchSetRequest { requests, ..Default::default() };
    let response = client.batch_set(request).await.unwrap().into_inner();
    assert!(response.all_success && response.results.len() == count, "{response:?}");
    assert!(response.results.iter().all(|result| result.success && result.error.is_empty()), "{response:?}");
}

async fn batch_get(client: &mut Batch, keys: &[String]) -> BatchGetResponse {
    client.batch_get(BatchGetRequest { keys: keys.to_vec(), ..Default::default() }).await.unwrap().into_inner()
}

pub(crate) async fn results_come_in_the_order_of_the_requests(stand: &Stand) {
    let (mut client, mut keys) = (stand.batch().await, stand.keyvalue().await);
    let names: Vec<_> = (0..300).map(|_| stand.name("key")).collect();
    let present = || names.iter().step_by(2);
    batch_set(&mut client, present().map(|key| entry(key, key.as_bytes())).collect()).await;
    let response = batch_get(&mut client, &names).await;
    assert_eq!((response.results.len(), response.found_count), (300, 150));
    for (number, (name, result)) in names.iter().zip(&response.results).enumerate() {
        assert!(result.error.is_empty(), "{result:?}");
        let expected = if number % 2 == 0 { name.as_bytes() } else { b"" };
        assert_eq!((result.found, &result.value[..]), (number % 2 == 0, expected));
    }
    assert_eq!(get(&mut keys, &names[0]).await.as_deref(), Some(names[0].as_bytes()), "the same keys as one by one");
    let request = BatchDeleteRequest { keys: names[..151].to_vec(), ..Default::default() };
    let response = client.batch_delete(request).await.unwrap().into_inner();
    assert!(response.all_success, "a missing key is no failure");
    let found: Vec<_> = response.results.iter().map(|result| result.found).collect();
    assert_eq!(found, (0..151).map(|number| number % 2 == 0).collect::<Vec<_>>());
    assert_eq!(batch_get(&mut client, &names).await.found_count, 74);
}

pub(crate) async fn a_repeated_key_is_executed_in_order(stand: &Stand) {
    let mut client = stand.batch().await;
    let (one, two) = (stand.name("one"), stand.name("two"));
    let requests = vec![entry(&one, b"1"), entry(&two, b"2"), entry(&one, b"3"), entry(&one, b"4")];
    batch_set(&mut client, requests).await;
    let response = batch_get(&mut client, &[one.clone(), two, one.clone()]).await;
    let values: Vec<_> = response.results.iter().map(|result| &result.value[..]).collect();
    assert_eq!((values, response.found_count), (vec![&b"4"[..], b"2", b"4"], 3));
    let request = BatchDeleteRequest { keys: vec![one.clone(), one], ..Default::default() };
    let response = client.batch_delete(request).await.unwrap().into_inner();
    assert_eq!(response.results.iter().map(|result| result.found).collect::<Vec<_>>(), [true, false]);
}

pub(crate) async fn nothing_is_applied_when_one_entry_is_bad(stand: &Stand) {
    let (mut client, mut keys) = (stand.batch().await, stand.keyvalue().await);
    let names: Vec<_> = (0..6).map(|_| stand.name("key")).collect();
    let good = || names.iter().map(|key| entry(key, b"v")).collect::<Vec<_>>();
    let mut bad = vec![good(), good(), good()];
    bad[0][3].key = String::new();
    bad[1][3].key = "k".repeat(1_025);
    bad[2][3].ttl_seconds = -5;
    for requests in bad {
        let request = BatchSetRequest { requests, ..Default::default() };
        assert_fails(client.batch_set(request).await, Code::InvalidArgument, &["3"]);
    }
    for name in &names {
        assert!(!exists(&mut keys, name).await, "nothing was applied");
    }
    batch_set(&mut client, good()).await;
    let mut with_bad = names.clone();
    with_bad[5] = String::new();
    let request = BatchDeleteRequest { keys: with_bad.clone(), ..Default::default() };
    assert_fails(client.batch_delete(request).await, Code::InvalidArgument, &["5"]);
    let request = BatchGetRequest { keys: with_bad, ..Default::default() };
    assert_fails(client.batch_get(request).await, Code::InvalidArgument, &["5"]);
    assert_eq!(batch_get(&mut client, &names).await.found_count, 6, "nothing was deleted");
}

pub(crate) async fn a_list_is_not_found(stand: &Stand) {
    let (mut client, mut keys, mut lists) = (stand.batch().await, stand.keyvalue().await, stand.list().await);
    let (list, plain) = (stand.name("list"), stand.name("plain"));
    push_right(&mut lists, &list, b"e").await;
    set(&mut keys, &plain, b"v").await;
    let response = batch_get(&mut client, &[list.clone(), plain]).await;
    assert_eq!(response.results.iter().map(|result| result.found).collect::<Vec<_>>(), [false, true]);
    assert_eq!(response.found_count, 1);
    let request = BatchDeleteRequest { keys: vec![list.clone()], ..Default::default() };
    assert!(client.batch_delete(request).await.unwrap().into_inner().results[0].found, "deleting works on any type");
    assert!(!exists(&mut keys, &list).await);
}

pub(crate) async fn an_empty_batch_succeeds(stand: &Stand) {
    let mut client = stand.batch().await;
    batch_set(&mut client, Vec::new()).await;
    assert_eq!(batch_get(&mut client, &[]).await, BatchGetResponse::default());
    let response = client.batch_delete(BatchDeleteRequest::default()).await.unwrap().into_inner();
    assert!(response.all_success && response.results.is_empty());
}

pub(crate) async fn inner_namespaces_must_be_the_same(stand: &Stand) {
    let mut client = stand.batch().await;
    let key = stand.name("key");
    let with = |namespace: &str| SetRequest { namespace: namespace.into(), ..entry(&key, b"v") };
    batch_set(&mut client, vec![with(""), with("default")]).await;
    let request = BatchSetRequest { requests: vec![with(""), with("other")], ..Default::default() };
    assert_fails(client.batch_set(request).await, Code::InvalidArgument, &["1", "namespace"]);
}
