//! KeyValueBasicInterface.

use prism_tests::messages::prism::interfaces::keyvalue::{
    DeleteRequest, ExistsRequest, GetRequest, SetRequest, SetResponse,
};
use tonic::{Code, Status};

use crate::stand::{KeyValue, Stand, assert_fails};

pub(crate) async fn set(client: &mut KeyValue, key: &str, value: &[u8]) {
    let request = SetRequest { key: key.into(), value: value.into(), ..Default::default() };
    let response = client.set(request).await.unwrap().into_inner();
    assert_eq!(response, SetResponse { success: true, error: String::new() });
}

pub(crate) async fn get(client: &mut KeyValue, key: &str) -> Option<Vec<u8>> {
    try_get(client, key).await.unwrap()
}

pub(crate) async fn try_get(client: &mut KeyValue, key: &str) -> Result<Option<Vec<u8>>, Status> {
    let response = client.get(GetRequest { key: key.into(), ..Default::default() }).await?.into_inner();
    assert!(response.error.is_empty() && (response.found || response.value.is_empty()), "{response:?}");
    Ok(response.found.then_some(response.value))
}

pub(crate) async fn exists(client: &mut KeyValue, key: &str) -> bool {
    let response = client.exists(ExistsRequest { key: key.into(), ..Default::default() }).await.unwrap();
    response.into_inner().exists
}

pub(crate) async fn delete(client: &mut KeyValue, key: &str) -> bool {
    let response = client.delete(DeleteRequest { key: key.into(), ..Default::default() }).await.unwrap().into_inner();
    assert!(response.success && response.error.is_empty(), "{response:?}");
    response.found
}

pub(crate) async fn what_is_set_is_found_until_it_is_deleted(stand: &Stand) {
    let (mut writer, mut reader) = (stand.keyvalue().await, stand.keyvalue().await);
    for _ in 0..50 {
        let key = stand.name("key");
        assert_eq!(get(&mut reader, &key).await, None);
        assert!(!exists(&mut reader, &key).await);
        assert!(!delete(&mut writer, &key).await);
        set(&mut writer, &key, b"first").await;
        assert_eq!(get(&mut reader, &key).await.as_deref(), Some(&b"first"[..]));
        assert!(exists(&mut reader, &key).await);
        assert!(delete(&mut writer, &key).await);
        assert!(!delete(&mut reader, &key).await);
        assert!(!exists(&mut reader, &key).await);
        assert_eq!(get(&mut reader, &key).await, None);
    }
}

pub(crate) async fn a_set_replaces_value_and_expiry(stand: &Stand) {
    let mut client = stand.keyvalue().await;
    let (kept, short) = (stand.name("kept"), stand.name("short"));
    for key in [&kept, &short] {
        let request = SetRequest { key: key.clone(), value: "old".into(), ttl_seconds: 1, ..Default::default() };
        client.set(request).await.unwrap();
    }
    set(&mut client, &kept, b"new").await;
    prism_tests::until_async("the short one expires", async || (!exists(&mut client, &short).await).then_some(()))
        .await;
    assert_eq!(get(&mut client, &short).await, None);
    assert_eq!(get(&mut client, &kept).await.as_deref(), Some(&b"new"[..]), "an earlier expiry is cancelled");
}

pub(crate) async fn values_are_any_bytes(stand: &Stand) {
    let mut client = stand.keyvalue().await;
    let all: Vec<u8> = (0..=255).collect();
    for value in [&b""[..], &[0; 100], &all, "größe\r\n$-1\r\n".as_bytes()] {
        for key in [stand.name("key"), stand.name("größe \r\n *3 {a}b"), stand.name(&"k".repeat(900))] {
            set(&mut client, &key, value).await;
            assert_eq!(get(&mut client, &key).await.as_deref(), Some(value), "{key:?}");
            assert!(exists(&mut client, &key).await);
        }
    }
}

pub(crate) async fn large_values_come_back_whole(stand: &Stand) {
    let mut client = stand.keyvalue().await.max_decoding_message_size(5 << 20);
    let random = prism_tests::Random::seeded();
    let key = stand.name("key");
    for bytes in [16_384, 65_536, 1 << 20, (4 << 20) - 2_000] {
        let value = random.fork(bytes as u64).bytes(bytes);
        set(&mut client, &key, &value).await;
        assert!(get(&mut client, &key).await.unwrap() == value, "{bytes} bytes came back changed");
    }
    let value = vec![0; 4 << 20];
    let outcome = client.set(SetRequest { key: key.clone(), value, ..Default::default() }).await;
    assert_fails(outcome, Code::ResourceExhausted, &["limits.message_bytes_max"]);
    assert_eq!(get(&mut client, &key).await.unwrap().len(), (4 << 20) - 2_000, "what was refused changed nothing");
}

pub(crate) async fn bad_arguments_are_named(stand: &Stand) {
    let mut client = stand.keyvalue().await;
    let too_long = "k".repeat(1_025);
    for key in ["", &too_long] {
        let request = SetRequest { key: key.into(), value: "v".into(), ..Default::default() };
        assert_fails(client.set(request).await, Code::InvalidArgument, &["key"]);
        assert_fails(try_get(&mut client, key).await, Code::InvalidArgument, &["key"]);
        let request = DeleteRequest { key: key.into(), ..Default::default() };
        assert_fails(client.delete(request).await, Code::InvalidArgument, &["key"]);
        let request = ExistsRequest { key: key.into(), ..Default::default() };
        assert_fails(client.exists(request).await, Code::InvalidArgument, &["key"]);
    }
    for ttl_seconds in [-1, i64::MIN, 3_153_600_001, i64::MAX] {
        let request = SetRequest { key: "k".into(), value: "v".into(), ttl_seconds, ..Default::default() };
        assert_fails(client.set(request).await, Code::InvalidArgument, &["ttl_seconds"]);
    }
}

pub(crate) async fn namespaces_are_checked_before_arguments(stand: &Stand) {
    let mut client = stand.keyvalue().await;
    let request = GetRequest { key: String::new(), namespace: "nowhere".into() };
    assert_fails(client.get(request).await, Code::NotFound, &["nowhere"]);
    let named = GetRequest { key: stand.name("key"), namespace: "default".into() };
    assert!(!client.get(named).await.unwrap().into_inner().found, "the empty namespace is called default");
}
