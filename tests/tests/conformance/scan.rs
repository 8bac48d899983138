//! KeyValueScanInterface.

use std::collections::{BTreeMap, BTreeSet};

use prism_tests::Random;
use prism_tests::messages::prism::interfaces::keyvalue::{
    CountRequest, CountResponse, ScanKeysRequest, ScanKeysResponse, ScanRequest, ScanResponse,
};
use tonic::{Code, Status};

use crate::keyvalue::{delete, set};
use crate::list::push_right;
use crate::stand::{KeyValue, Scan, Stand, assert_fails};

async fn try_scan(client: &mut Scan, request: ScanRequest) -> Result<Vec<ScanResponse>, Status> {
    let mut stream = client.scan(request).await?.into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

async fn scan(client: &mut Scan, prefix: &str, limit: i32, cursor: &[u8]) -> Vec<ScanResponse> {
    let request = ScanRequest { prefix: prefix.into(), limit, cursor: cursor.into(), ..Default::default() };
    try_scan(client, request).await.unwrap()
}

async fn scan_keys(client: &mut Scan, prefix: &str, limit: i32, cursor: &[u8]) -> Vec<ScanKeysResponse> {
    let request = ScanKeysRequest { prefix: prefix.into(), limit, cursor: cursor.into(), ..Default::default() };
    let mut stream = client.scan_keys(request).await.unwrap().into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        messages.push(message);
    }
    messages
}

async fn count(client: &mut Scan, prefix: &str) -> CountResponse {
    client.count(CountRequest { prefix: prefix.into(), ..Default::default() }).await.unwrap().into_inner()
}

/// Keys below a prefix of their own, each with a value that names it.
async fn fill(stand: &Stand, client: &mut KeyValue, keys: usize) -> (String, BTreeMap<String, Vec<u8>>) {
    let prefix = format!("{}/", stand.name("scan"));
    let mut model = BTreeMap::new();
    for number in 0..keys {
        let (key, value) = (format!("{prefix}{number}"), format!("value of {number}").into_bytes());
        set(client, &key, &value).await;
        model.insert(key, value);
    }
    (prefix, model)
}

pub(crate) async fn every_key_of_the_prefix_is_returned_once(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.scan().await);
    let (prefix, model) = fill(stand, &mut keys, 1_000).await;
    // A prefix is bytes, not a pattern.
    let starred = format!("{}*?[a]\\", stand.name("glob"));
    set(&mut keys, &format!("{starred}key"), b"v").await;
    let messages = scan(&mut client, &prefix, 0, b"").await;
    assert_eq!(messages.len(), model.len());
    assert_eq!(messages.into_iter().map(|message| (message.key, message.value)).collect::<BTreeMap<_, _>>(), model);
    let names: BTreeSet<_> = scan_keys(&mut client, &prefix, 0, b"").await.into_iter().map(|one| one.key).collect();
    assert!(names.iter().eq(model.keys()));
    assert_eq!(scan(&mut client, &starred, 0, b"").await.len(), 1);
    assert_eq!(scan(&mut client, &stand.name("none"), 0, b"").await, []);
    let all: BTreeSet<_> = scan_keys(&mut client, "", 0, b"").await.into_iter().map(|one| one.key).collect();
    assert!(names.is_subset(&all), "the empty prefix is that of all keys");
}

pub(crate) async fn keys_are_counted(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.scan().await);
    let (prefix, model) = fill(stand, &mut keys, 300).await;
    assert_eq!(count(&mut client, &prefix).await.count, 300);
    for key in model.keys().take(100) {
        assert!(delete(&mut keys, key).await);
    }
    assert_eq!(count(&mut client, &prefix).await.count, 200);
    assert_eq!(count(&mut client, &stand.name("none")).await.count, 0);
    let all = count(&mut client, "").await;
    assert!(all.count >= 200, "{all:?}");
}

pub(crate) async fn a_limit_and_a_cursor_cut_a_scan_in_pieces(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.scan().await);
    let (prefix, model) = fill(stand, &mut keys, 500).await;
    for limit in [1, 7, 499, 500, 501] {
        let (mut seen, mut cursor, mut calls) = (Vec::new(), Vec::new(), 0);
        loop {
            let messages = scan(&mut client, &prefix, limit, &cursor).await;
            assert!(messages.len() <= limit as usize);
            let Some(last) = messages.last() else { break };
            cursor.clone_from(&last.cursor);
            seen.extend(messages.into_iter().map(|message| message.key));
            calls += 1;
            assert!(calls <= 501, "a scan comes to its end");
        }
        assert_eq!(seen.len(), model.len(), "limit {limit}");
        assert!(seen.into_iter().collect::<BTreeSet<_>>().iter().eq(model.keys()), "limit {limit}");
    }
}

pub(crate) async fn the_last_cursor_resumes_to_nothing(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.scan().await);
    let (prefix, _) = fill(stand, &mut keys, 20).await;
    let last = scan(&mut client, &prefix, 0, b"").await.pop().unwrap();
    assert!(!last.cursor.is_empty());
    assert_eq!(scan(&mut client, &prefix, 0, &last.cursor).await, []);
    assert_eq!(scan_keys(&mut client, &prefix, 5, &last.cursor).await, []);
}

pub(crate) async fn cursors_are_good_for_both_calls_and_every_connection(stand: &Stand) {
    let mut keys = stand.keyvalue().await;
    let (prefix, model) = fill(stand, &mut keys, 200).await;
    let (mut cursor, mut seen) = (Vec::new(), Vec::new());
    loop {
        // Connections are placed in turn, so these are on all shards.
        let page = scan(&mut stand.scan().await, &prefix, 9, &cursor).await;
        let Some(last) = page.last() else { break };
        cursor.clone_from(&last.cursor);
        seen.extend(page.into_iter().map(|message| message.key));
        let page = scan_keys(&mut stand.scan().await, &prefix, 9, &cursor).await;
        let Some(last) = page.last() else { break };
        cursor.clone_from(&last.cursor);
        seen.extend(page.into_iter().map(|message| message.key));
    }
    assert_eq!(seen.len(), model.len());
    assert!(seen.into_iter().collect::<BTreeSet<_>>().iter().eq(model.keys()));
}

pub(crate) async fn foreign_cursors_are_refused(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.scan().await);
    let (prefix, _) = fill(stand, &mut keys, 20).await;
    let cursor = scan(&mut client, &prefix, 1, b"").await.pop().unwrap().cursor;
    let (shorter, longer) = (&prefix[..prefix.len() - 1], format!("{prefix}1"));
    for other in [shorter, &longer, ""] {
        let request = ScanRequest { prefix: other.into(), cursor: cursor.clone(), ..Default::default() };
        assert_fails(try_scan(&mut client, request).await, Code::InvalidArgument, &["cursor"]);
    }
    let mut bad =
        vec![b"cursor".to_vec(), vec![0], vec![0xFF; 200], cursor[1..].to_vec(), cursor[..cursor.len() - 1].to_vec()];
    for at in 0..cursor.len() {
        let mut changed = cursor.clone();
        changed[at] ^= 1;
        bad.push(changed);
    }
    for cursor in bad {
        let request = ScanRequest { prefix: prefix.clone(), cursor, ..Default::default() };
        assert_fails(try_scan(&mut client, request).await, Code::InvalidArgument, &["cursor"]);
    }
}

pub(crate) async fn lists_are_not_scanned(stand: &Stand) {
    let (mut keys, mut lists, mut client) = (stand.keyvalue().await, stand.list().await, stand.scan().await);
    let (prefix, model) = fill(stand, &mut keys, 50).await;
    for number in 0..50 {
        push_right(&mut lists, &format!("{prefix}list-{number}"), b"e").await;
    }
    let names: BTreeSet<_> = scan_keys(&mut client, &prefix, 0, b"").await.into_iter().map(|one| one.key).collect();
    assert!(names.iter().eq(model.keys()));
    assert_eq!(count(&mut client, &prefix).await.count, 50);
}

pub(crate) async fn keys_that_stay_are_returned_once_while_others_come_and_go(stand: &Stand) {
    let (mut keys, mut client) = (stand.keyvalue().await, stand.scan().await);
    let mut random = Random::seeded();
    let (prefix, model) = fill(stand, &mut keys, 2_000).await;
    let (mut cursor, mut seen) = (Vec::new(), Vec::new());
    let mut passing = Vec::new();
    loop {
        let page = scan_keys(&mut client, &prefix, 150, &cursor).await;
        let Some(last) = page.last() else { break };
        cursor.clone_from(&last.cursor);
        seen.extend(page.into_iter().map(|message| message.key));
        // The table grows by more than it had, and shrinks again.
        for _ in 0..150 {
            let key = format!("{prefix}passing-{}", random.next());
            set(&mut keys, &key, b"v").await;
            passing.push(key);
        }
        for _ in 0..random.below(200) {
            if !passing.is_empty() {
                let at = random.below(passing.len() as u64) as usize;
                delete(&mut keys, &passing.swap_remove(at)).await;
            }
        }
        assert!(seen.len() < 100_000, "a scan comes to its end");
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "no key twice");
    assert!(model.keys().all(|key| distinct.contains(key)), "every key that stayed");
}

pub(crate) async fn bad_arguments_are_named(stand: &Stand) {
    let mut client = stand.scan().await;
    let request = ScanRequest { limit: -1, ..Default::default() };
    assert_fails(try_scan(&mut client, request).await, Code::InvalidArgument, &["limit"]);
    let request = ScanRequest { prefix: "p".repeat(1_025), ..Default::default() };
    assert_fails(try_scan(&mut client, request).await, Code::InvalidArgument, &["prefix"]);
    let request = CountRequest { prefix: "p".repeat(1_025), ..Default::default() };
    assert_fails(client.count(request).await, Code::InvalidArgument, &["prefix"]);
    let request = CountRequest { namespace: "nowhere".into(), ..Default::default() };
    assert_fails(client.count(request).await, Code::NotFound, &["nowhere"]);
}
