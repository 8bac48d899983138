//! A connection's share of a turn: what normal clients send together is executed together, and a connection that sends
//! more goes on in later turns, until everything is answered.

use prism_tests::messages::prism::interfaces::keyvalue::GetRequest;
use prism_tests::{Launch, Proxy, Wire, flag, kind, prefixed, until};
use prost::Message;

use crate::clients::GET;

/// The bytes of so many calls, with streams counted from `first` on.
fn calls(first: u32, count: u32) -> Vec<u8> {
    let body = prefixed(0, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
    let block = Wire::request_block(GET);
    (first..first + count)
        .flat_map(|call| {
            let stream = 2 * call + 1;
            let head = Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS, stream, &block);
            [head, Wire::frame_bytes(kind::DATA, flag::END_STREAM, stream, &body)].concat()
        })
        .collect()
}

/// Reads until so many calls are answered.
fn await_answers(wire: &mut Wire, count: u32) {
    let mut answered = 0;
    while answered < count {
        let frame = wire.read().expect("the connection stays open");
        assert!(frame.kind != kind::GOAWAY && frame.kind != kind::RST_STREAM, "{frame:?}");
        answered += u32::from(frame.kind == kind::HEADERS && frame.flags & flag::END_STREAM != 0);
    }
}

fn shares_used_up(proxy: &Proxy) -> u64 {
    proxy.counters().get("shares_used_up").copied().unwrap_or(0)
}

#[test]
fn a_hundred_calls_together_stay_in_one_turn() {
    let proxy = Launch::shards(1).start();
    let mut wires: Vec<_> = (0..8).map(|_| Wire::greet(proxy.address())).collect();
    for round in 0..5 {
        for wire in &mut wires {
            wire.bytes(&calls(100 * round, 100)).unwrap();
        }
        for wire in &mut wires {
            await_answers(wire, 100);
        }
    }
    assert_eq!(shares_used_up(&proxy), 0);
}

#[test]
fn a_connection_that_sends_more_than_its_share_is_answered_in_several_turns() {
    let proxy = Launch::shards(2).start();
    let mut wire = Wire::greet(proxy.address());
    for round in 0..5 {
        wire.bytes(&calls(1_000 * round, 1_000)).unwrap();
        await_answers(&mut wire, 1_000);
    }
    assert!(shares_used_up(&proxy) >= 5, "{:?}", proxy.counters());
}

/// What came before the end of the client's half is executed to its end.
#[test]
fn calls_beyond_the_share_are_answered_after_the_client_has_stopped_sending() {
    let proxy = Launch::shards(1).start();
    let mut wire = Wire::greet(proxy.address());
    wire.bytes(&calls(0, 1_000)).unwrap();
    wire.half_close();
    await_answers(&mut wire, 1_000);
    assert!(wire.read_to_end().is_empty());
    until("the shares are counted", || (shares_used_up(&proxy) > 0).then_some(()));
}
