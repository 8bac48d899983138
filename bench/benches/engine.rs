//! One turn of the HTTP/2 engine: 100 Gets that arrive in one read, each answered on the spot, without IO or store.

use std::rc::Rc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prism_bench::exchange::Exchange as _;
use prism_bench::floor::{Feed as _, Fixed};
use prism_bench::request::{HeaderCoding, Operation, Request};
use prism_bench::session::Session;
use prism_proto::frame;
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

criterion_group!(benches, turn);
criterion_main!(benches);
