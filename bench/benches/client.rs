//! The client's machine: what it costs to make a call and to read its reply, alone and with our server's machine.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prism_proto::h2::client::{Config, Connection, Event, Request};
use prism_proto::h2::{self, server};
use prism_proto::method::id::KEYVALUE_BASIC_GET;

const CALLS: usize = 100;
const REPLY_BYTES: usize = 68;
/// What prism-load sends for a key of 12 bytes.
const MESSAGE: &[u8; 14] = b"\x0a\x0ckey-00000001";
const TIMEOUT_NS: u64 = 1_000_000_000;

/// A client that has made its first calls, and the server that has answered them.
struct Pair {
    client: Connection,
    server: server::Connection,
}

impl Pair {
    fn new() -> Self {
        let client = Connection::new(&Config::default(), 0).expect("the configuration can be sent");
        let mut pair = Self { client, server: server::Connection::new(&server::Config::default(), 0) };
        for varies in [0, 1, 0, 0, 0] {
            pair.call(varies);
            pair.serve();
            assert_eq!(pair.read(), CALLS);
        }
        pair
    }

    /// A batch of calls; their time-outs differ by `varies` nanoseconds times a million.
    fn call(&mut self, varies: u64) {
        for number in 0..CALLS as u64 {
            let request = Request::from(KEYVALUE_BASIC_GET).within(TIMEOUT_NS + number * varies * 1_000_000);
            let called = self.client.call(&request, MESSAGE.len(), |out| out.extend_from_slice(MESSAGE), 0);
            black_box(called.expect("there is room for it"));
        }
    }

    fn serve(&mut self) {
        let input = self.server.begin(self.client.output());
        while let Some(event) = self.server.poll(&input, 0) {
            let h2::Event::Unary(call) = event else { continue };
            self.server.reply(call.stream, REPLY_BYTES, |out| out.extend_from_slice(&[7; REPLY_BYTES]));
        }
        self.server.end(input);
        self.client.output().clear();
    }

    /// Reads what the server has sent; the number of calls that have ended.
    fn read(&mut self) -> usize {
        let mut ended = 0;
        let input = self.client.begin(self.server.output());
        while let Some(event) = self.client.poll(&input, 0) {
            match event {
                Event::Finished(finished) => ended += usize::from(black_box(finished).trailers.is_empty()),
                other => drop(black_box(other)),
            }
        }
        self.client.end(input);
        self.server.output().clear();
        ended
    }
}

fn client(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("client/batch_of_100_gets");
    group.throughput(Throughput::Elements(CALLS as u64));
    for (name, varies) in [("call/steady_timeout", 0), ("call/varying_timeout", 1)] {
        let pair = std::cell::RefCell::new(Pair::new());
        group.bench_function(name, |bencher| {
            let settle = || {
                let mut pair = pair.borrow_mut();
                pair.serve();
                pair.read();
            };
            bencher.iter_batched(settle, |()| pair.borrow_mut().call(varies), BatchSize::PerIteration);
        });
    }
    let pair = std::cell::RefCell::new(Pair::new());
    group.bench_function("read", |bencher| {
        let settle = || {
            let mut pair = pair.borrow_mut();
            pair.call(0);
            pair.serve();
        };
        bencher.iter_batched(settle, |()| assert_eq!(pair.borrow_mut().read(), CALLS), BatchSize::PerIteration);
    });
    let mut pair = Pair::new();
    group.bench_function("with_our_server", |bencher| {
        bencher.iter(|| {
            pair.call(0);
            pair.serve();
            assert_eq!(pair.read(), CALLS);
        });
    });
    group.finish();
}

criterion_group!(benches, client);
criterion_main!(benches);
