//! Calls that wait for room, and what is left of them.

use prism_proto::h2::server::Config;
use prism_proto::limits::{Limits, UNSENT_BYTES_MAX};
use prism_proto::method::id;

use super::*;

const KEY: Command<'static> = Command::Get { key: b"k" };

fn client() -> Client {
    Client::new(Connection::new(&Config::default(), 0), Lifetime::new(&Limits::DEFAULT, 0, 0))
}

fn deferred(id: u32, reply_bytes: usize) -> Deferred {
    let stream = StreamRef { id, slot: 0 };
    Deferred {
        stream,
        method: id::KEYVALUE_BASIC_GET,
        deadline_ns: 0,
        namespace: 0,
        hash: 0,
        command: KEY.into(),
        reply_bytes,
    }
}

#[test]
fn calls_that_are_over_wait_no_longer_and_hold_nothing() {
    let mut client = client();
    for id in [1, 3, 5] {
        client.defer(deferred(id, 1 << 20), false);
    }
    let held = client.connection.held_bytes();
    client.forget(StreamRef { id: 3, slot: 0 });
    assert_eq!(client.connection.held_bytes(), held / 3 * 2);
    // The connection knows of none of the others: nobody has to be answered.
    assert!(client.next_deferred().is_none() && !client.has_deferred());
    assert_eq!(client.connection.held_bytes(), 0);
}

#[test]
fn the_next_reads_may_have_replies_as_long_as_the_last() {
    let mut client = client();
    assert_eq!(client.reply_bytes_max(&KEY), SMALL_REPLY_BYTES);
    client.learn_reply_bytes(1 << 20);
    assert_eq!(client.reply_bytes_max(&KEY), 1 << 20);
    assert_eq!(client.reply_bytes_max(&Command::Exists { key: b"k" }), 0);
    // Without room for that a small one is asked for, which never waits.
    client.connection.charge(UNSENT_BYTES_MAX + 1);
    assert_eq!(client.reply_bytes_max(&KEY), SMALL_REPLY_BYTES);
    client.connection.discharge(UNSENT_BYTES_MAX + 1);
    for _ in 0..100 {
        client.learn_reply_bytes(10);
    }
    assert!(client.reply_bytes_max(&KEY) <= SMALL_REPLY_BYTES + 8, "{}", client.reply_bytes_max(&KEY));
}
