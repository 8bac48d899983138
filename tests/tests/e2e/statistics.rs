//! What the shards count, and how it gets out: on SIGUSR1 and at the end.

use prism_tests::{Launch, Wire, flag, kind, until};

#[test]
fn a_signal_logs_what_every_shard_has_counted() {
    let proxy = Launch::shards(2).start();
    let before = proxy.counters();
    assert!(before["turns"] > 0 && !before.contains_key("stray_frames"), "{before:?}");
    let mut wire = Wire::greet(proxy.address());
    for _ in 0..5 {
        wire.frame(0xbe, 0, 0, b"nobody knows it").unwrap();
    }
    wire.frame(kind::PING, 0, 0, b"12345678").unwrap();
    wire.read_kind(kind::PING).unwrap();
    let after = proxy.counters();
    assert_eq!((after["stray_frames"], after["pings_received"], after["settings_received"]), (5, 1, 1));
    wire.frame(kind::HEADERS, flag::END_HEADERS, 2, &[]).unwrap();
    assert!(wire.read_kind(kind::GOAWAY).is_some());
    until("the shard counts the end", || (proxy.counters().get("ended_protocol_error") == Some(&1)).then_some(()));
}

#[test]
fn the_end_logs_it_too() {
    let mut proxy = Launch::shards(1).start();
    assert!(Wire::greet(proxy.address()).read_kind(kind::SETTINGS).is_some());
    proxy.signal("TERM");
    proxy.wait_log("stopped");
    assert!(proxy.wait().success());
    let log = proxy.log();
    let line = log.lines().find(|line| line.contains(" statistics shard=0 ")).expect("a line for the shard");
    for counter in ["turns=", "accepted=1", "settings_received=1"] {
        assert!(line.contains(counter), "{line}");
    }
}
