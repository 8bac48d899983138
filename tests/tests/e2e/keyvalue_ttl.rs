//! The TTL interface, on one shard and on two.

use prism_tests::clients::prism::interfaces::keyvalue::key_value_ttl_interface_client::KeyValueTtlInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{ExpireRequest, GetTtlRequest, PersistRequest, SetRequest};
use prism_tests::{Launch, Proxy, until, until_async};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::clients::KeyValue;
use crate::keyvalue::on_one_and_two_shards;

/// The interface by tonic, with plain arguments and results.
struct Ttl(KeyValueTtlInterfaceClient<Channel>);

impl Ttl {
    async fn expire(&mut self, key: &str, ttl_seconds: i64) -> Result<bool, Status> {
        let request = ExpireRequest { key: key.into(), ttl_seconds, ..Default::default() };
        let response = self.0.expire(request).await?.into_inner();
        assert!(response.success && response.error.is_empty(), "{response:?}");
        Ok(response.key_existed)
    }

    async fn get(&mut self, key: &str) -> Result<i64, Status> {
        let response = self.0.get_ttl(GetTtlRequest { key: key.into(), ..Default::default() }).await?.into_inner();
        assert!(response.error.is_empty(), "{response:?}");
        Ok(response.ttl_seconds)
    }

    async fn persist(&mut self, key: &str) -> Result<bool, Status> {
        let response = self.0.persist(PersistRequest { key: key.into(), ..Default::default() }).await?.into_inner();
        assert!(response.success && response.error.is_empty(), "{response:?}");
        Ok(response.expiration_removed)
    }
}

async fn clients(proxy: &Proxy) -> (KeyValue, Ttl) {
    let channel = proxy.channel().await;
    (KeyValue::new(channel.clone()), Ttl(KeyValueTtlInterfaceClient::new(channel)))
}

#[tokio::test]
async fn times_to_live_are_set_read_and_removed() {
    on_one_and_two_shards(async |proxy| {
        let (mut values, mut ttl) = clients(&proxy).await;
        for number in 0..20 {
            let key = format!("key-{number}");
            assert_eq!(ttl.get(&key).await.unwrap(), -2);
            assert!(!ttl.expire(&key, 5).await.unwrap() && !ttl.persist(&key).await.unwrap());
            values.set(&key, b"value").await.unwrap();
            assert_eq!(ttl.get(&key).await.unwrap(), -1);
            assert!(!ttl.persist(&key).await.unwrap());
            assert!(ttl.expire(&key, 3_153_600_000).await.unwrap());
            // However short ago that was, and up to a second of it, is rounded up.
            assert!((3_153_599_900..=3_153_600_000).contains(&ttl.get(&key).await.unwrap()));
            assert!(ttl.persist(&key).await.unwrap());
            assert_eq!(ttl.get(&key).await.unwrap(), -1);
            assert_eq!(values.get(&key).await.unwrap().as_deref(), Some(&b"value"[..]));
            for ttl_seconds in [0, -1, i64::MIN] {
                values.set(&key, b"value").await.unwrap();
                assert!(ttl.expire(&key, ttl_seconds).await.unwrap());
                assert!(!values.exists(&key).await.unwrap());
            }
            let request = SetRequest { key: key.clone(), ttl_seconds: 1_000, ..Default::default() };
            values.set_request(request).await.unwrap();
            assert!((900..=1_000).contains(&ttl.get(&key).await.unwrap()));
            values.set(&key, b"value").await.unwrap();
            assert_eq!(ttl.get(&key).await.unwrap(), -1, "a Set without a time clears the earlier one");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_goes_when_its_time_has_come_and_not_when_an_earlier_one_has() {
    on_one_and_two_shards(async |proxy| {
        let (mut values, mut ttl) = clients(&proxy).await;
        for number in 0..10 {
            for name in ["goes", "persists", "longer", "again"] {
                let key = format!("{name}-{number}");
                values.set(&key, b"old").await.unwrap();
                assert!(ttl.expire(&key, 1).await.unwrap());
            }
            // On a machine that stood still for a second these come too late, and say so.
            ttl.persist(&format!("persists-{number}")).await.unwrap();
            ttl.expire(&format!("longer-{number}"), 1_000).await.unwrap();
            for name in ["persists", "longer"] {
                let key = format!("{name}-{number}");
                if !values.exists(&key).await.unwrap() {
                    values.set(&key, b"old").await.unwrap();
                }
            }
            values.set(&format!("again-{number}"), b"new").await.unwrap();
        }
        for number in 0..10 {
            let key = format!("goes-{number}");
            until_async("the key expires", async || (!values.exists(&key).await.unwrap()).then_some(())).await;
            assert_eq!(ttl.get(&key).await.unwrap(), -2);
            for name in ["persists", "longer", "again"] {
                assert!(values.exists(&format!("{name}-{number}")).await.unwrap(), "{name}-{number}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_has_expired_is_collected_and_counted_though_nobody_asks_for_it() {
    on_one_and_two_shards(async |proxy| {
        let (mut values, mut ttl) = clients(&proxy).await;
        for number in 0..300 {
            let ttl_seconds = if number % 3 == 0 { 1_000 } else { 1 };
            let request = SetRequest { key: format!("key-{number}"), ttl_seconds, ..Default::default() };
            values.set_request(request).await.unwrap();
        }
        values.set("lasting", b"").await.unwrap();
        assert!(ttl.expire("key-0", 1).await.unwrap());
        let count = |name: &str| proxy.counters().get(name).copied().unwrap_or(0);
        until("all are collected", || (count("memstore_expired") == 201).then_some(()));
        assert_eq!((count("memstore_keys"), count("memstore_expiring")), (100, 99));
        // A shard says what is left in its next turn.
        until("nothing is left", || (count("memstore_expiry_backlog") == 0).then_some(()));
        assert!(count("memstore_bytes") > 100);
    })
    .await;
}

#[tokio::test]
async fn bad_arguments_are_refused() {
    let proxy = Launch::shards(2).start();
    let (_, mut ttl) = clients(&proxy).await;
    let long = "k".repeat(1_025);
    for key in ["", &long] {
        for status in [ttl.expire(key, 1).await.err(), ttl.get(key).await.err(), ttl.persist(key).await.err()] {
            let status = status.unwrap();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains("limits.key_bytes_max"), "{status}");
        }
    }
    for ttl_seconds in [3_153_600_001, i64::MAX] {
        let status = ttl.expire("key", ttl_seconds).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("3153600000"), "{status}");
    }
    // The namespace comes before the arguments.
    let request = ExpireRequest { namespace: "nowhere".into(), ttl_seconds: i64::MAX, ..Default::default() };
    assert_eq!(ttl.0.expire(request).await.unwrap_err().code(), Code::NotFound);
}
