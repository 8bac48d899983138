//! What a connection and the process hold is bounded, measured in memory of the process; what has no room waits.

use std::collections::BTreeMap;

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, GetResponse, SetRequest};
use prism_tests::{Launch, Proxy, Wire, flag, kind, prefixed, until, until_async};
use prost::Message;
use tonic::Code;

use crate::clients::{GET, KeyValue, SET};

/// What an attack may add to the process.
const GROWTH_BYTES_MAX: u64 = 32 << 20;
const MIB: usize = 1 << 20;

/// A proxy that holds values of a mebibyte on each of its shards, and a bystander.
struct Bench {
    proxy: Proxy,
    bystander: KeyValue,
    resident_bytes: u64,
}

fn value(number: usize) -> Vec<u8> {
    vec![u8::try_from(number % 251).unwrap(); MIB]
}

fn key(number: usize) -> String {
    format!("large-{number}")
}

/// Receive buffers of a shard, and some more.
const RECEIVE_BUFFERS: usize = prism_shard::limits::RECEIVE_BUFFERS_DEFAULT as usize + 100;
/// Values that are asked for; on two shards each has some.
const VALUES: usize = 10;

impl Bench {
    async fn start(shards: usize, file: &str) -> Self {
        let proxy = Launch::shards(shards).file(file).start();
        let mut bystander = KeyValue::new(proxy.channel().await);
        for number in 0..VALUES {
            bystander.set(&key(number), &value(number)).await.unwrap();
            // Whatever reading costs once is paid now.
            assert_eq!(bystander.get(&key(number)).await.unwrap().unwrap().len(), MIB);
        }
        // So are the receive buffers of every shard, of which each small read takes the next;
        // large ones have their own.
        let mut readers = vec![bystander.clone()];
        while readers.len() < shards {
            readers.push(KeyValue::new(proxy.channel().await));
        }
        for reader in &mut readers {
            for _ in 0..RECEIVE_BUFFERS {
                reader.exists("none").await.unwrap();
            }
        }
        let resident_bytes = proxy.resident_bytes();
        Self { proxy, bystander, resident_bytes }
    }

    /// The bystander notices nothing, and the process has not grown by more than this.
    async fn assert_holds(&mut self, growth_bytes_max: u64) {
        for number in 0..50 {
            self.bystander.set(&format!("small-{number}"), b"v").await.unwrap();
            assert_eq!(self.bystander.get(&format!("small-{number}")).await.unwrap().as_deref(), Some(&b"v"[..]));
            let growth_bytes = self.proxy.resident_bytes().saturating_sub(self.resident_bytes);
            assert!(growth_bytes <= growth_bytes_max, "the process has grown by {} MiB", growth_bytes >> 20);
        }
    }
}

/// A client that gives all the window there is.
fn wide(address: &str) -> Wire {
    let mut wire = Wire::greet(address);
    wire.frame(kind::SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).unwrap();
    wire.frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]).unwrap();
    // The proxy has sent its own; who never says so is taken for a slow-loris in the end.
    wire.frame(kind::SETTINGS, flag::ACK, 0, &[]).unwrap();
    wire
}

/// Asks for large values on so many streams.
fn ask(wire: &mut Wire, calls: usize) {
    for number in 0..calls {
        let get = GetRequest { key: key(number % VALUES), ..Default::default() }.encode_to_vec();
        let stream = u32::try_from(2 * number + 1).unwrap();
        wire.open(stream, GET).unwrap();
        wire.frame(kind::DATA, flag::END_STREAM, stream, &prefixed(0, &get)).unwrap();
    }
}

/// Reads so many answers, which all succeed; their messages by stream.
fn read_answers(wire: &mut Wire, calls: usize) -> BTreeMap<u32, Vec<u8>> {
    let mut messages: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut ended = 0;
    while ended < calls {
        let frame = wire.read().expect("the proxy answers every call");
        match frame.kind {
            kind::DATA => messages.entry(frame.stream).or_default().extend(&frame.payload),
            kind::HEADERS => ended += usize::from(frame.flags & flag::END_STREAM != 0),
            kind::RST_STREAM | kind::GOAWAY => panic!("{frame:?}"),
            _ => {}
        }
    }
    messages
}

fn assert_answers(mut messages: BTreeMap<u32, Vec<u8>>, calls: usize) {
    assert_eq!(messages.len(), calls);
    for number in 0..calls {
        let message = messages.remove(&u32::try_from(2 * number + 1).unwrap()).expect("each call has its answer");
        let response = GetResponse::decode(&message[5..]).expect("the message is whole");
        assert!(response.found && response.value == value(number % VALUES), "call {number}");
    }
}

async fn answers_wait_for_their_reader(shards: usize, clients: usize) {
    let mut bench = Bench::start(shards, "{}").await;
    let mut wires: Vec<Wire> = (0..clients).map(|_| wide(bench.proxy.address())).collect();
    wires.iter_mut().for_each(|wire| ask(wire, 100));
    bench.assert_holds(GROWTH_BYTES_MAX).await;
    for mut wire in wires {
        let messages = tokio::task::spawn_blocking(move || read_answers(&mut wire, 100)).await.unwrap();
        assert_answers(messages, 100);
    }
}

#[tokio::test]
async fn a_hundred_large_answers_wait_for_their_reader() {
    answers_wait_for_their_reader(1, 1).await;
}

#[tokio::test]
async fn a_hundred_large_answers_from_two_shards_wait_for_their_reader() {
    answers_wait_for_their_reader(2, 1).await;
}

#[tokio::test]
async fn eight_clients_that_do_not_read_hold_little() {
    answers_wait_for_their_reader(2, 8).await;
}

/// The windows that clients have by default, which hold answers back before any socket does.
#[tokio::test]
async fn answers_that_no_window_lets_go_are_not_built() {
    let mut bench = Bench::start(2, "{}").await;
    let mut wire = Wire::greet(bench.proxy.address());
    ask(&mut wire, 100);
    bench.assert_holds(GROWTH_BYTES_MAX).await;
    wire.frame(kind::SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).unwrap();
    wire.frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]).unwrap();
    let messages = tokio::task::spawn_blocking(move || read_answers(&mut wire, 100)).await.unwrap();
    assert_answers(messages, 100);
}

/// Every window is left one byte short: all but that has gone, and so has its memory.
#[tokio::test]
async fn answers_that_lack_a_byte_of_window_hold_little() {
    let mut bench = Bench::start(1, "{}").await;
    let mut wire = Wire::greet(bench.proxy.address());
    let short = u32::try_from(
        prefixed(0, &GetResponse { found: true, value: value(0), ..Default::default() }.encode_to_vec()).len(),
    )
    .unwrap()
        - 1;
    wire.frame(kind::SETTINGS, 0, 0, &[&[0, 4][..], &short.to_be_bytes()].concat()).unwrap();
    wire.frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]).unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        ask(&mut wire, 200);
        let mut bytes = 0;
        while bytes < 200 * short as usize {
            let frame = wire.read().expect("the proxy sends what the windows allow");
            bytes += if frame.kind == kind::DATA { frame.payload.len() } else { 0 };
        }
        wire
    });
    let _wire = reading.await.unwrap();
    bench.assert_holds(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn prefixes_of_large_messages_cost_next_to_nothing() {
    let mut bench = Bench::start(2, "{}").await;
    let mut wire = wide(bench.proxy.address());
    for stream in (1..201).step_by(2) {
        wire.open(stream, SET).unwrap();
        wire.frame(kind::DATA, 0, stream, &[0, 0, 0x30, 0, 0]).unwrap();
    }
    bench.assert_holds(4 << 20).await;
    // They may come nevertheless: as many as the limit has room for, the others once those are over.
    drop(wire);
    bench.assert_holds(4 << 20).await;
}

#[tokio::test]
async fn a_message_of_four_gibibytes_is_refused_by_its_prefix() {
    let mut bench = Bench::start(1, "{}").await;
    let mut wire = wide(bench.proxy.address());
    wire.open(1, SET).unwrap();
    wire.frame(kind::DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff]).unwrap();
    let trailers = wire.read_kind(kind::HEADERS).expect("it is answered at once");
    assert!(trailers.flags & flag::END_STREAM != 0);
    let text = String::from_utf8_lossy(&trailers.payload).into_owned();
    assert!(trailers.payload.len() > 40, "a status with its message: {text:?}");
    let reset = wire.read_kind(kind::RST_STREAM).expect("the client need not go on");
    assert_eq!((reset.stream, &reset.payload[..]), (1, &[0, 0, 0, 0][..]), "NO_ERROR");
    bench.assert_holds(4 << 20).await;
}

#[tokio::test]
async fn open_calls_beyond_the_limit_of_streams_are_refused_and_take_no_memory() {
    let mut bench = Bench::start(2, "{}").await;
    let address = bench.proxy.address().to_owned();
    let flood = tokio::task::spawn_blocking(move || {
        let mut wire = wide(&address);
        let mut refused = 0;
        for number in 0..20_000 {
            if wire.open(2 * number + 1, SET).is_err() {
                break;
            }
        }
        // Refused one by one; when that goes on for too long, the connection is ended.
        while let Some(frame) = wire.read() {
            match frame.kind {
                kind::RST_STREAM if frame.payload == [0, 0, 0, 7] => refused += 1,
                kind::GOAWAY => {
                    assert_eq!(frame.payload[4..8], [0, 0, 0, 11], "ENHANCE_YOUR_CALM");
                    return (refused, wire);
                }
                _ => {}
            }
            if refused == 20_000 - 1_024 {
                break;
            }
        }
        (refused, wire)
    });
    bench.assert_holds(GROWTH_BYTES_MAX).await;
    let (refused, _wire) = flood.await.unwrap();
    assert!(refused >= 1_024, "{refused} were refused");
    bench.assert_holds(GROWTH_BYTES_MAX).await;
}

const SMALL_PROCESS: &str = "limits:
  message_bytes_max: 2MiB
  connection_buffer_bytes_max: 4MiB
  buffer_bytes_max: 8MiB
";
/// What the process may grow by when its buffers are bounded by that: kernel-side copies do not count, the allocator's
/// own keeping does.
const SMALL_GROWTH_BYTES_MAX: u64 = 8 * (1 << 20) + (12 << 20);

#[tokio::test]
async fn all_connections_together_keep_to_the_bound_of_the_process() {
    let mut bench = Bench::start(2, SMALL_PROCESS).await;
    let mut held = Vec::new();
    for _ in 0..16 {
        // Some ask for more than they read, some begin large messages.
        let mut reader = Wire::greet(bench.proxy.address());
        ask(&mut reader, 20);
        let mut writer = Wire::greet(bench.proxy.address());
        writer.frame(kind::SETTINGS, flag::ACK, 0, &[]).unwrap();
        for stream in [1, 3, 5] {
            writer.open(stream, SET).unwrap();
            let part = [&[0, 0, 0x18, 0, 0][..], &[7; 1_000]].concat();
            writer.frame(kind::DATA, 0, stream, &part).unwrap();
        }
        held.extend([reader, writer]);
    }
    bench.assert_holds(SMALL_GROWTH_BYTES_MAX).await;
    // A large call of somebody else waits until there is room, and fails for nothing but its deadline.
    let mut other = bench.bystander.clone();
    let waiting = tokio::spawn(async move { (other.get(&key(0)).await, other.set("late", &value(1)).await) });
    bench.assert_holds(SMALL_GROWTH_BYTES_MAX).await;
    drop(held);
    let (read, written) = waiting.await.unwrap();
    assert_eq!(read.unwrap(), Some(value(0)));
    written.unwrap();
    assert_eq!(bench.bystander.get("late").await.unwrap(), Some(value(1)));
}

/// Dribbled messages, each within its window: what the process has no room for fails by the name of its limit.
#[tokio::test]
async fn dribbled_messages_keep_to_the_bound_of_the_process() {
    let mut bench = Bench::start(1, SMALL_PROCESS).await;
    let address = bench.proxy.address().to_owned();
    let dribble = tokio::task::spawn_blocking(move || {
        let mut wires = Vec::new();
        for _ in 0..20 {
            let mut wire = Wire::greet(&address);
            for stream in (1..1_001).step_by(2) {
                wire.open(stream, SET).unwrap();
                let part = [&[0, 0, 0, 0x7, 0xd0][..], &[7; 1_500]].concat();
                wire.frame(kind::DATA, 0, stream, &part).unwrap();
            }
            wires.push(wire);
        }
        // 15 MB of parts, of which 4 MiB find room; and what is left of that is filled to the last bytes.
        let last = wires.last_mut().unwrap();
        for (at, bytes) in [1_000, 500, 200, 100, 50, 25, 12, 6].into_iter().flat_map(|bytes| [bytes; 2]).enumerate() {
            let stream = 1_001 + 2 * u32::try_from(at).unwrap();
            last.open(stream, SET).unwrap();
            let part = [&[0, 0, 0, 0x7, 0xd0][..], &vec![7; bytes - 5]].concat();
            last.frame(kind::DATA, 0, stream, &part).unwrap();
        }
        let trailers = last.read_kind(kind::HEADERS).expect("what has no room fails");
        assert!(trailers.flags & flag::END_STREAM != 0);
        wires
    });
    let wires = dribble.await.unwrap();
    bench.assert_holds(SMALL_GROWTH_BYTES_MAX).await;
    // A small message that comes in two parts finds room.
    let address = bench.proxy.address().to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut wire = Wire::greet(&address);
        let set = prefixed(0, &SetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
        wire.open(1, SET).unwrap();
        wire.frame(kind::DATA, 0, 1, &set[..6]).unwrap();
        wire.frame(kind::DATA, flag::END_STREAM, 1, &set[6..]).unwrap();
        wire.read_kind(kind::HEADERS).expect("the call is answered")
    });
    assert_eq!(answer.await.unwrap().flags & flag::END_STREAM, 0, "headers and a message, not a failure alone");
    let error = bench.bystander.set("key", &vec![7; 1_500_000]).await;
    assert!(error.is_ok() || error.is_err_and(|status| status.code() == Code::ResourceExhausted));
    drop(wires);
    until_async("there is room again", async || {
        bench.bystander.set("key", &vec![7; 1_500_000]).await.is_ok().then_some(())
    })
    .await;
}

/// Connections that have each made a call cost little, and nothing is left of what they used.
#[tokio::test]
async fn an_idle_connection_costs_little() {
    const CONNECTIONS: usize = 1_000;
    let bench = Bench::start(2, "{}").await;
    let address = bench.proxy.address().to_owned();
    let get = prefixed(0, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec());
    let call = move |wire: &mut Wire, stream: u32| {
        wire.open(stream, GET).unwrap();
        wire.frame(kind::DATA, flag::END_STREAM, stream, &get).unwrap();
        while wire.read_kind(kind::HEADERS).expect("it is answered").flags & flag::END_STREAM == 0 {}
    };
    let connected = tokio::task::spawn_blocking(move || {
        let mut wires: Vec<_> = (0..CONNECTIONS).map(|_| Wire::greet(&address)).collect();
        for wire in &mut wires {
            call(wire, 1);
            // Or they would be ended, and cost nothing.
            wire.frame(kind::SETTINGS, flag::ACK, 0, &[]).unwrap();
        }
        wires
    });
    let wires = connected.await.unwrap();
    let bound = bench.resident_bytes + (CONNECTIONS as u64) * (4 << 10) + (2 << 20);
    until("they give back what they do not need", || (bench.proxy.resident_bytes() <= bound).then_some(()));
    let counters = bench.proxy.counters();
    let open = counters["opened"] - counters.get("closed").copied().unwrap_or(0);
    assert!(open > CONNECTIONS as u64, "only {open} connections are there");
    drop(wires);
}
