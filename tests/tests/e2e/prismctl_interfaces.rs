//! The operator's command line on every interface beside plain keys, against the real proxy.

use std::io::{BufRead as _, BufReader};

use prism_tests::{Ctl, Done, Launch, Proxy};
use serde_json::{Value, json};

use crate::prismctl::json;

fn proxy() -> Proxy {
    Launch::shards(2).start()
}

fn run(proxy: &Proxy, arguments: &[&str]) -> Done {
    Ctl::at(proxy.address()).run(arguments)
}

/// What it writes, when it succeeds.
#[track_caller]
fn text(proxy: &Proxy, arguments: &[&str]) -> String {
    run(proxy, arguments).succeeded().text().to_owned()
}

/// The objects that it writes, one on each line.
#[track_caller]
fn objects(proxy: &Proxy, arguments: &[&str]) -> Vec<Value> {
    let done = Ctl::at(proxy.address()).arguments(&["-o", "json"]).run(arguments).succeeded();
    done.text().lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[test]
fn a_time_to_live_is_set_read_and_removed() {
    let proxy = proxy();
    let address = proxy.address();
    text(&proxy, &["set", "k", "v"]);
    assert_eq!(text(&proxy, &["ttl", "k"]), "for ever\n");
    assert_eq!(json(address, &["ttl", "k"]), json!({ "key": "k", "ttl_seconds": null }));
    assert_eq!(text(&proxy, &["persist", "k"]), "it had no expiry\n");
    assert_eq!(text(&proxy, &["expire", "k", "100d"]), "expires in 8640000 s\n");
    assert_eq!(text(&proxy, &["ttl", "k"]), "8640000 s\n");
    assert_eq!(json(address, &["persist", "k"]), json!({ "key": "k", "expiration_removed": true }));
    assert_eq!(text(&proxy, &["ttl", "k", "-o", "raw"]), "for ever\n");
    assert_eq!(json(address, &["expire", "k", "0s"]), json!({ "key": "k", "ttl_seconds": 0 }));
    for gone in [&["ttl", "k"][..], &["expire", "k", "1s"]] {
        run(&proxy, gone).failed(1, &["`k` is not there"]);
    }
    run(&proxy, &["expire", "k", "10"]).failed(2, &["DURATION"]);
}

#[test]
fn keys_are_scanned_and_counted() {
    let proxy = proxy();
    for number in 0..20 {
        text(&proxy, &["set", &format!("user:{number}"), &format!("value {number}")]);
    }
    text(&proxy, &["set", "other", "v"]);
    assert_eq!(text(&proxy, &["count"]), "21\n");
    assert_eq!(
        json(proxy.address(), &["count", "user:"]),
        json!({ "prefix": "user:", "count": 20, "approximate": false })
    );
    let mut expected: Vec<String> = (0..20).map(|number| format!("user:{number}\tvalue {number}")).collect();
    expected.sort();
    let scanned = text(&proxy, &["scan", "user:"]);
    let mut lines: Vec<&str> = scanned.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!(text(&proxy, &["scan", "user:", "--keys"]).lines().count(), 20);
    assert_eq!(text(&proxy, &["scan", "--keys", "--limit", "5"]).lines().count(), 5);
    assert_eq!(text(&proxy, &["scan", "other", "-o", "raw"]), "v\n");
    assert_eq!(objects(&proxy, &["scan", "other"]), [json!({ "key": "other", "value": "v" })]);
    assert_eq!(objects(&proxy, &["scan", "other", "--keys"]), [json!({ "key": "other" })]);
    assert_eq!(text(&proxy, &["scan", "nothing"]), "");
    run(&proxy, &["scan", "--limit=-1"]).failed(2, &["--limit"]);
}

#[test]
fn more_than_any_window_is_scanned() {
    let proxy = proxy();
    let value = vec![b'x'; 100_000];
    for number in 0..30 {
        Ctl::at(proxy.address()).input(&value).run(&["set", &format!("k{number}"), "-"]).succeeded();
    }
    let done = run(&proxy, &["scan", "-o", "raw"]).succeeded();
    assert_eq!(done.output.len(), 30 * (value.len() + 1));
}

#[test]
fn lists_are_pushed_and_popped_at_both_ends() {
    let proxy = proxy();
    assert_eq!(text(&proxy, &["push", "jobs", "b"]), "1\n");
    assert_eq!(text(&proxy, &["push", "jobs", "c"]), "2\n");
    assert_eq!(json(proxy.address(), &["push", "--left", "jobs", "a"]), json!({ "list": "jobs", "length": 3 }));
    Ctl::at(proxy.address()).input(b"\xff\0").run(&["push", "jobs", "-"]).succeeded();
    assert_eq!(text(&proxy, &["len", "jobs"]), "4\n");
    assert_eq!(run(&proxy, &["pop", "jobs", "--right", "-o", "raw"]).succeeded().output, b"\xff\0");
    assert_eq!(text(&proxy, &["pop", "jobs"]), "a\n");
    assert_eq!(json(proxy.address(), &["pop", "jobs"]), json!({ "key": "jobs", "found": true, "value": "b" }));
    assert_eq!(text(&proxy, &["pop", "jobs", "--right"]), "c\n");
    run(&proxy, &["pop", "jobs"]).failed(1, &["the list `jobs` is empty"]);
    assert_eq!(json(proxy.address(), &["len", "jobs"]), json!({ "list": "jobs", "length": 0 }));
    text(&proxy, &["set", "plain", "v"]);
    run(&proxy, &["push", "plain", "v"]).failed(1, &["FAILED_PRECONDITION", "plain"]);
}

#[test]
fn messages_are_published_and_come_to_who_has_subscribed() {
    let proxy = proxy();
    assert_eq!(text(&proxy, &["publish", "news", "first"]), "0-0\n");
    // The default time-out of a call is no end for a subscription, and a count is.
    let subscribe = ["subscribe", "news", "--from", "earliest", "--count", "2"];
    let mut child = Ctl::at(proxy.address()).arguments(&subscribe).start();
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "0-0\tfirst", "each line comes as soon as its message");
    let published = json(proxy.address(), &["publish", "news", "second", "--key", "k"]);
    assert_eq!(published, json!({ "topic": "news", "message_id": "0-1" }));
    assert_eq!(lines.next().unwrap().unwrap(), "0-1\tsecond");
    assert!(lines.next().is_none() && child.wait().unwrap().success());

    let after_first = ["subscribe", "news", "--from", "0-0", "--count", "1", "--subscriber", "me"];
    let mut messages = objects(&proxy, &after_first);
    assert!(messages[0]["timestamp"].take().as_i64() > Some(1_600_000_000_000));
    let expected =
        json!({ "topic": "news", "message_id": "0-1", "payload": "second", "metadata": {}, "timestamp": null });
    assert_eq!(messages, [expected]);
    let done = run(&proxy, &["subscribe", "news", "--timeout", "300ms"]);
    done.failed(1, &["DEADLINE_EXCEEDED"]);
    run(&proxy, &["subscribe", "news", "--from", "yesterday"]).failed(1, &["INVALID_ARGUMENT", "yesterday"]);
}

#[test]
fn records_are_appended_read_and_trimmed() {
    let proxy = proxy();
    for number in 0..4 {
        assert_eq!(text(&proxy, &["append", "orders", &format!("order {number}")]), format!("{number}\n"));
    }
    assert_eq!(text(&proxy, &["read", "orders", "--limit", "2"]), "0\torder 0\n1\torder 1\n");
    assert_eq!(text(&proxy, &["read", "orders", "--offset", "3", "-o", "raw"]), "order 3\n");
    assert_eq!(text(&proxy, &["read", "orders", "--offset", "-1", "--wait", "50ms"]), "");
    assert_eq!(text(&proxy, &["trim", "orders", "3"]), "3\n");
    let mut records = objects(&proxy, &["read", "orders"]);
    assert!(records[0]["timestamp"].take().as_i64() > Some(1_600_000_000_000));
    let expected = json!({
        "stream": "orders", "partition": 0, "offset": 3, "key": "", "next_offset": 4, "metadata": {},
        "payload": "order 3", "timestamp": null
    });
    assert_eq!(records, [expected]);
    run(&proxy, &["read", "orders", "--offset", "1"]).failed(1, &["OUT_OF_RANGE", "3"]);
    assert_eq!(json(proxy.address(), &["trim", "orders", "-1"]), json!({ "stream": "orders", "low_watermark": 4 }));
    assert_eq!(text(&proxy, &["read", "absent"]), "");
    let appended = json(proxy.address(), &["append", "orders", "--key", "k", "-5"]);
    assert_eq!((&appended["offset"], &appended["partition"]), (&json!(4), &json!(0)));
    run(&proxy, &["read", "orders", "--wait", "2m"]).failed(2, &["--wait"]);
}

#[test]
fn a_proxy_that_goes_ends_a_subscription() {
    let proxy = proxy();
    text(&proxy, &["publish", "news", "first"]);
    let mut child = Ctl::at(proxy.address()).arguments(&["subscribe", "news", "--from", "earliest"]).start();
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "0-0\tfirst");
    proxy.signal("TERM");
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("UNAVAILABLE") && error.contains("draining"), "{error}");
    assert_eq!(output.status.code(), Some(1));
}
