//! The basic key-value interface, on one shard and on two.

use std::time::{Duration, Instant};

use prism_tests::messages::prism::interfaces::keyvalue::SetRequest;
use prism_tests::{Launch, Proxy, Random, until_async};

use crate::clients::KeyValue;

/// Runs a test against a proxy of its own with one shard, then with two.
pub(crate) async fn on_one_and_two_shards(test: impl AsyncFn(Proxy)) {
    for shards in [1, 2] {
        let proxy = Launch::shards(shards).start();
        assert_eq!(proxy.shards(), shards);
        test(proxy).await;
    }
}

#[tokio::test]
async fn what_is_set_is_found_until_it_is_deleted() {
    on_one_and_two_shards(async |proxy| {
        let mut client = KeyValue::new(proxy.channel().await);
        for number in 0..50 {
            let key = format!("key-{number}");
            assert_eq!(client.get(&key).await.unwrap(), None);
            assert!(!client.exists(&key).await.unwrap());
            assert!(!client.delete(&key).await.unwrap());
            client.set(&key, b"first").await.unwrap();
            client.set(&key, b"second").await.unwrap();
            assert_eq!(client.get(&key).await.unwrap().unwrap(), b"second");
            assert!(client.exists(&key).await.unwrap());
            assert!(client.delete(&key).await.unwrap());
            assert!(!client.delete(&key).await.unwrap());
            assert_eq!(client.get(&key).await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn values_are_any_bytes_and_may_be_empty() {
    on_one_and_two_shards(async |proxy| {
        let mut client = KeyValue::new(proxy.channel().await);
        let all: Vec<u8> = (0..=255).collect();
        let values: [(&str, &[u8]); 4] =
            [("empty", b""), ("zeros", &[0; 100]), ("all", &all), ("text", "größe".as_bytes())];
        for (key, value) in values {
            client.set(key, value).await.unwrap();
        }
        for (key, value) in values {
            assert_eq!(client.get(key).await.unwrap().as_deref(), Some(value), "{key}");
            assert!(client.exists(key).await.unwrap(), "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn values_of_every_order_of_size_come_back_whole() {
    let random = Random::seeded();
    on_one_and_two_shards(async |proxy| {
        let mut client = KeyValue::new(proxy.channel().await);
        // Around the sizes of a frame, a window and a megabyte.
        for bytes in [1, 127, 128, 16_378, 16_384, 16_400, 65_535, 65_536, 1 << 20, 3 << 20] {
            let value = random.fork(bytes as u64).bytes(bytes);
            client.set("key", &value).await.unwrap();
            assert!(client.get("key").await.unwrap().unwrap() == value, "{bytes} bytes came back changed");
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_found_from_every_connection() {
    let proxy = Launch::shards(2).start();
    let mut clients = Vec::new();
    // Connections are placed on the least loaded shard: of four, some are on each.
    for _ in 0..4 {
        clients.push(KeyValue::new(proxy.channel().await));
    }
    for number in 0..200 {
        let writer = number % clients.len();
        clients[writer].set(&format!("key-{number}"), format!("value-{number}").as_bytes()).await.unwrap();
    }
    for client in &mut clients {
        for number in 0..200 {
            let value = client.get(&format!("key-{number}")).await.unwrap();
            assert_eq!(value, Some(format!("value-{number}").into_bytes()));
        }
    }
    assert!(clients[0].delete("key-7").await.unwrap());
    for client in &mut clients {
        assert!(!client.exists("key-7").await.unwrap(), "deleted on one connection, gone on all");
    }
}

#[tokio::test]
async fn a_key_with_a_time_to_live_goes() {
    on_one_and_two_shards(async |proxy| {
        let mut client = KeyValue::new(proxy.channel().await);
        let before = Instant::now();
        let keys: Vec<_> = (0..8).map(|number| format!("short-{number}")).collect();
        for key in &keys {
            let request = SetRequest { key: key.clone(), value: "v".into(), ttl_seconds: 1, ..Default::default() };
            client.set_request(request).await.unwrap();
        }
        for key in &keys {
            let found = client.exists(key).await.unwrap();
            // On a machine that stood still the second may have passed already.
            assert!(found || before.elapsed() >= Duration::from_secs(1), "{key} went too early");
        }
        for key in &keys {
            until_async("the key expires", async || (client.get(key).await.unwrap().is_none()).then_some(())).await;
            assert!(before.elapsed() >= Duration::from_secs(1), "{key} went before its time");
            assert!(!client.exists(key).await.unwrap());
            assert!(!client.delete(key).await.unwrap(), "an expired key is not there to be deleted");
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_time_to_live_does_not_take_a_new_value() {
    let proxy = Launch::shards(1).start();
    let mut client = KeyValue::new(proxy.channel().await);
    let short = |key: &str| SetRequest { key: key.into(), value: "old".into(), ttl_seconds: 1, ..Default::default() };
    client.set_request(short("kept")).await.unwrap();
    client.set("kept", b"new").await.unwrap();
    client.set_request(short("sentinel")).await.unwrap();
    // The sentinel's time ends after that of the value which was replaced.
    until_async("the sentinel expires", async || (!client.exists("sentinel").await.unwrap()).then_some(())).await;
    assert_eq!(client.get("kept").await.unwrap().as_deref(), Some(&b"new"[..]));
}

#[tokio::test]
async fn tags_are_accepted() {
    let proxy = Launch::shards(1).start();
    let mut client = KeyValue::new(proxy.channel().await);
    let tags = prism_tests::messages::prism::common::Tags { tags: [("a".to_owned(), "b".to_owned())].into() };
    let request = SetRequest { key: "k".into(), value: "v".into(), tags: Some(tags), ..Default::default() };
    client.set_request(request).await.unwrap();
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
}
