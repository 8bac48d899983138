//! One turn of the HTTP/2 engine, without IO or store: 100 Gets that arrive in one read, each answered on the spot; and
//! a stream of small messages as far as the client's windows let them go.

use std::rc::Rc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prism_bench::exchange::Exchange as _;
use prism_bench::floor::{Feed as _, Fixed};
use prism_bench::request::{HeaderCoding, Operation, Request};
use prism_bench::session::Session;
use prism_proto::frame::{self, PREFACE};
use prism_proto::h2::server::{Config, Connection};
use prism_proto::h2::{Event, StreamRef};
use prism_shard::Machine as _;

const CALLS: usize = 100;
/// The prefix, `found` and the value's key, length and 64 bytes.
const REPLY_BODY_BYTES: u32 = 5 + 2 + 2 + 64;

fn turn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/turn_of_100_gets");
    group.throughput(Throughput::Elements(CALLS as u64));
    for (name, coding) in [("indexed", HeaderCoding::Indexed), ("literal", HeaderCoding::Literal)] {
        let message = Operation::Get.message("key-000000000001", &[], "");
        let request = Rc::new(Request::new(Operation::Get.path(), "127.0.0.1:8980", &message, coding));
        let mut server = Fixed::new(64, 0);
        // The client's session writes the preface and opens the windows.
        let mut client = Session::new(Rc::clone(&request));
        server.feed(client.output(), 0);
        let mut first = Vec::new();
        request.append_first(1, &mut first);
        server.feed(&first, 0);
        server.output().clear();

        let mut stream = 3;
        let mut arrivals = || {
            let mut bytes = Vec::with_capacity(CALLS * request.wire_bytes() + 13);
            for _ in 0..CALLS {
                request.append_next(stream, &mut bytes);
                stream += 2;
            }
            // What the replies take is granted again, so that the window lasts.
            frame::write_window_update(0, CALLS as u32 * REPLY_BODY_BYTES, &mut bytes);
            bytes
        };
        group.bench_function(name, |bencher| {
            let answer = |bytes: Vec<u8>| {
                server.feed(&bytes, 0);
                let sent = server.output().len();
                assert!(sent > CALLS * REPLY_BODY_BYTES as usize, "every call was answered");
                server.output().clear();
                bytes
            };
            bencher.iter_batched(&mut arrivals, answer, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A message of a stream, and what its DATA frame holds: the prefix too.
const STREAMED: [u8; 64] = [b'm'; 64];
const STREAMED_DATA_BYTES: usize = 5 + STREAMED.len();
/// What the client grants at a time, to the stream and to the connection.
const GRANT_BYTES: u32 = 256 << 10;

/// A call of a method with a server stream, its headers out, on a connection whose windows are used up.
fn open_stream() -> (Connection, StreamRef) {
    let path = "/prism.interfaces.keyvalue.KeyValueScanInterface/Scan";
    let request = Rc::new(Request::new(path, "127.0.0.1:8980", &[], HeaderCoding::Indexed));
    let mut connection = Connection::new(&Config::default(), 0);
    let mut bytes = PREFACE.to_vec();
    frame::write_settings(&[], &mut bytes);
    frame::write_settings_ack(&mut bytes);
    request.append_first(1, &mut bytes);
    let input = connection.begin(&bytes);
    let event = connection.poll(&input, 0);
    let Some(Event::Unary(call)) = event else { panic!("{event:?} is not the call") };
    let stream = call.stream;
    drop(call);
    connection.end(input);
    connection.open(stream, &[]);
    send_all(&mut connection, stream);
    (connection, stream)
}

/// Sends messages while the windows take them whole; how many.
fn send_all(connection: &mut Connection, stream: StreamRef) -> usize {
    let mut sent = 0;
    while connection.writable_bytes(stream) >= STREAMED.len() {
        connection.send(stream, STREAMED.len(), |out| out.extend_from_slice(&STREAMED));
        sent += 1;
    }
    sent
}

fn server_stream(criterion: &mut Criterion) {
    let (mut connection, stream) = open_stream();
    let messages = GRANT_BYTES as usize / STREAMED_DATA_BYTES;
    let granted = (messages * STREAMED_DATA_BYTES) as u32;
    let mut grant = Vec::new();
    frame::write_window_update(stream.id, granted, &mut grant);
    frame::write_window_update(0, granted, &mut grant);
    let mut group = criterion.benchmark_group("engine/server_stream");
    group.throughput(Throughput::Elements(messages as u64));
    group.bench_function("messages_of_64_bytes", |bencher| {
        bencher.iter(|| {
            connection.output().clear();
            let input = connection.begin(&grant);
            while connection.poll(&input, 0).is_some() {}
            connection.end(input);
            // Each grant lets as many go as fit it: no window is ever ignored, and none is left.
            assert_eq!(send_all(&mut connection, stream), messages);
            assert!(connection.output().len() > granted as usize);
        });
    });
    group.finish();
}

criterion_group!(benches, turn, server_stream);
criterion_main!(benches);
