//! KeyValueTTLInterface.

use prism_tests::messages::prism::interfaces::keyvalue::{ExpireRequest, GetTtlRequest, PersistRequest, SetRequest};
use prism_tests::until_async;
use tonic::Code;

use crate::keyvalue::{exists, get, set};
use crate::list::push_right;
use crate::stand::{Stand, Ttl, assert_fails};

/// Whether the key was there.
async fn expire(client: &mut Ttl, key: &str, ttl_seconds: i64) -> bool {
    let request = ExpireRequest { key: key.into(), ttl_seconds, ..Default::default() };
    let response = client.expire(request).await.unwrap().into_inner();
    assert!(response.success && response.error.is_empty(), "{response:?}");
    response.key_existed
}

async fn time_to_live(client: &mut Ttl, key: &str) -> i64 {
    let response = client.get_ttl(GetTtlRequest { key: key.into(), ..Default::default() }).await.unwrap().into_inner();
    assert!(response.error.is_empty(), "{response:?}");
    response.ttl_seconds
}

/// Whether there was an expiry.
async fn persist(client: &mut Ttl, key: &str) -> bool {
    let response = client.persist(PersistRequest { key: key.into(), ..Default::default() }).await.unwrap().into_inner();
    assert!(response.success && response.error.is_empty(), "{response:?}");
    response.expiration_removed
}

pub(crate) async fn a_time_to_live_is_told_in_whole_seconds(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.ttl().await);
    let key = stand.name("key");
    set(&mut keys, &key, b"v").await;
    assert_eq!(time_to_live(&mut client, &key).await, -1);
    assert!(expire(&mut client, &key, 1_000).await);
    let left = time_to_live(&mut client, &key).await;
    assert!((941..=1_000).contains(&left), "rounded up, so 1000 for the first second: {left}");
    assert!(expire(&mut client, &key, 3_153_600_000).await);
    let left = time_to_live(&mut client, &key).await;
    assert!((3_153_599_941..=3_153_600_000).contains(&left), "{left}");
    let request = SetRequest { key: key.clone(), value: "v".into(), ttl_seconds: 500, ..Default::default() };
    keys.set(request).await.unwrap();
    assert!((441..=500).contains(&time_to_live(&mut client, &key).await), "a Set brings its own");
    set(&mut keys, &key, b"w").await;
    assert_eq!(time_to_live(&mut client, &key).await, -1, "a Set without one clears it");
}

pub(crate) async fn expire_ends_a_key_at_its_time(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.ttl().await);
    let (long, short) = (stand.name("long"), stand.name("short"));
    set(&mut keys, &long, b"v").await;
    set(&mut keys, &short, b"v").await;
    assert!(expire(&mut client, &long, 1).await);
    assert!(expire(&mut client, &long, 1_000).await, "the later call counts");
    assert!(expire(&mut client, &short, 1_000).await);
    assert!(expire(&mut client, &short, 1).await);
    until_async("the short one expires", async || (!exists(&mut keys, &short).await).then_some(())).await;
    assert_eq!(get(&mut keys, &short).await, None);
    assert_eq!(time_to_live(&mut client, &short).await, -2);
    assert!(!expire(&mut client, &short, 10).await, "it is not there to be kept");
    assert!(exists(&mut keys, &long).await);
}

pub(crate) async fn persist_takes_the_expiry_away(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.ttl().await);
    let (kept, sentinel) = (stand.name("kept"), stand.name("sentinel"));
    set(&mut keys, &kept, b"v").await;
    assert!(!persist(&mut client, &kept).await, "there is none");
    assert!(expire(&mut client, &kept, 1).await);
    assert!(persist(&mut client, &kept).await);
    assert!(!persist(&mut client, &kept).await);
    set(&mut keys, &sentinel, b"v").await;
    assert!(expire(&mut client, &sentinel, 1).await);
    until_async("the sentinel expires", async || (!exists(&mut keys, &sentinel).await).then_some(())).await;
    assert_eq!(get(&mut keys, &kept).await.as_deref(), Some(&b"v"[..]));
    assert_eq!(time_to_live(&mut client, &kept).await, -1);
}

pub(crate) async fn what_is_not_there_says_so(stand: &Stand) {
    let mut client = stand.ttl().await;
    let key = stand.name("absent");
    assert!(!expire(&mut client, &key, 10).await);
    assert!(!expire(&mut client, &key, -10).await);
    assert!(!persist(&mut client, &key).await);
    assert_eq!(time_to_live(&mut client, &key).await, -2);
}

pub(crate) async fn zero_and_less_mean_now(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.ttl().await);
    for ttl_seconds in [0, -1, i64::MIN] {
        let key = stand.name("key");
        set(&mut keys, &key, b"v").await;
        assert!(expire(&mut client, &key, ttl_seconds).await);
        assert!(!exists(&mut keys, &key).await, "{ttl_seconds}");
        assert_eq!(time_to_live(&mut client, &key).await, -2, "{ttl_seconds}");
    }
}

pub(crate) async fn it_works_on_lists(stand: &Stand) {
    let (mut lists, mut client) = (stand.list().await, stand.ttl().await);
    let key = stand.name("list");
    push_right(&mut lists, &key, b"a").await;
    assert_eq!(time_to_live(&mut client, &key).await, -1);
    assert!(expire(&mut client, &key, 1_000).await);
    push_right(&mut lists, &key, b"b").await;
    assert!((941..=1_000).contains(&time_to_live(&mut client, &key).await), "a push keeps it");
    assert!(persist(&mut client, &key).await);
    assert!(expire(&mut client, &key, 0).await);
    assert_eq!(push_right(&mut lists, &key, b"c").await, 1, "the list was gone");
    assert_eq!(time_to_live(&mut client, &key).await, -1, "and so was its expiry");
}

pub(crate) async fn bad_arguments_are_named(stand: &Stand) {
    let mut client = stand.ttl().await;
    let too_long = "k".repeat(1_025);
    for key in ["", &too_long] {
        let request = ExpireRequest { key: key.into(), ttl_seconds: 1, ..Default::default() };
        assert_fails(client.expire(request).await, Code::InvalidArgument, &["key"]);
        let request = GetTtlRequest { key: key.into(), ..Default::default() };
        assert_fails(client.get_ttl(request).await, Code::InvalidArgument, &["key"]);
        let request = PersistRequest { key: key.into(), ..Default::default() };
        assert_fails(client.persist(request).await, Code::InvalidArgument, &["key"]);
    }
    for ttl_seconds in [3_153_600_001, i64::MAX] {
        let request = ExpireRequest { key: "k".into(), ttl_seconds, ..Default::default() };
        assert_fails(client.expire(request).await, Code::InvalidArgument, &["ttl_seconds"]);
    }
}
