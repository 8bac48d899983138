//! A connection in steady state allocates nothing: not per call, not per read, however the bytes are cut.
#![allow(unsafe_code, reason = "a counting allocator can only be written by implementing GlobalAlloc")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use prism_proto::frame::{Head, PREFACE, flag, kind, write_settings, write_settings_ack, write_window_update};
use prism_proto::h2::server::{Config, Connection};
use prism_proto::h2::{Event, client};
use prism_proto::hpack::{Encoder, Indexing};
use prism_proto::method::id::KEYVALUE_BASIC_GET;

/// Counts the allocations of each thread, so that tests do not see each other's.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and no test either.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is not allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps GlobalAlloc's contract, which is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from System.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above; the pointer came from System.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GET: &[u8] = b"/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";
const CALLS: u32 = 16;

struct Bench {
    connection: Connection,
    encoder: Encoder,
    bytes: Vec<u8>,
    stream: u32,
    answered: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bytes = PREFACE.to_vec();
        write_settings(&[], &mut bytes);
        write_settings_ack(&mut bytes);
        let connection = Connection::new(&Config::default(), 0);
        Self { connection, encoder: Encoder::new(), bytes, stream: 1, answered: 0 }
    }

    /// Builds a turn's calls; `frames` DATA frames carry each message.
    fn build(&mut self, frames: usize) {
        for _ in 0..CALLS {
            let mut block = Vec::new();
            for (name, value) in [
                (&b":method"[..], &b"POST"[..]),
                (b":scheme", b"http"),
                (b":path", GET),
                (b":authority", b"localhost"),
                (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
            ] {
                self.encoder.encode(name, value, Indexing::Incremental, &mut block);
            }
            let length = block.len() as u32;
            Head { length, kind: kind::HEADERS, flags: flag::END_HEADERS, stream: self.stream }.write(&mut self.bytes);
            self.bytes.extend_from_slice(&block);
            let message = [&[0, 0, 0, 0, 11][..], b"\x0a\x09key-00001"].concat();
            let parts: Vec<&[u8]> = message.chunks(message.len().div_ceil(frames)).collect();
            for (index, part) in parts.iter().enumerate() {
                let flags = if index + 1 == parts.len() { flag::END_STREAM } else { 0 };
                let length = part.len() as u32;
                Head { length, kind: kind::DATA, flags, stream: self.stream }.write(&mut self.bytes);
                self.bytes.extend_from_slice(part);
            }
            self.stream += 2;
        }
        write_window_update(0, 4_096, &mut self.bytes);
    }

    /// One turn of a shard: the bytes in parts of `part` bytes, each call answered at once. Returns its allocations.
    fn turn(&mut self, part: usize) -> u64 {
        let before = ALLOCATIONS.with(Cell::get);
        for bytes in self.bytes.chunks(part) {
            let input = self.connection.begin(bytes);
            while let Some(event) = self.connection.poll(&input, 1) {
                let Event::Unary(call) = event else { continue };
                self.connection.reply(call.stream, 64, |out| out.extend_from_slice(&[7; 64]));
                self.connection.recycle(call.message);
                self.answered += 1;
            }
            self.connection.end(input);
        }
        self.connection.output().clear();
        let allocations = ALLOCATIONS.with(Cell::get) - before;
        self.bytes.clear();
        allocations
    }
}

fn steady(frames: usize, part: usize) {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.build(frames);
        bench.turn(part);
    }
    let mut allocations = 0;
    for _ in 0..100 {
        bench.build(frames);
        allocations += bench.turn(part);
    }
    assert_eq!(bench.answered, 110 * u64::from(CALLS));
    assert_eq!(allocations, 0, "{frames} frames for each message, reads of {part} bytes");
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.with(Cell::get);
    drop(std::hint::black_box(vec![1u8; 100]));
    assert_eq!(ALLOCATIONS.with(Cell::get), before + 1);
}

#[test]
fn steady_calls_allocate_nothing() {
    steady(1, usize::MAX);
}

#[test]
fn nor_do_reads_that_cut_frames() {
    for part in [1, 7, 64, 1_000] {
        steady(1, part);
    }
}

#[test]
fn nor_do_messages_in_several_frames() {
    for frames in [2, 3, 16] {
        steady(frames, usize::MAX);
        steady(frames, 10);
    }
}

/// A client of ours and a server that answers it; only what the client does is counted.
struct Pair {
    client: client::Connection,
    server: Connection,
    answered: u64,
}

impl Pair {
    fn new() -> Self {
        let client = client::Connection::new(&client::Config::default(), 0).expect("the configuration can be sent");
        Self { client, server: Connection::new(&Config::default(), 0), answered: 0 }
    }

    /// A turn's calls and their replies, of `reply_bytes` and in parts of `part` bytes. Returns the allocations.
    fn turn(&mut self, timeout_ns: impl Fn(u32) -> u64, reply_bytes: usize, part: usize) -> u64 {
        let mut allocations = 0;
        let counted = ALLOCATIONS.with(Cell::get);
        for call in 0..CALLS {
            let request = client::Request::from(KEYVALUE_BASIC_GET).within(timeout_ns(call));
            let called = self.client.call(&request, 11, |out| out.extend_from_slice(b"\x0a\x09key-00001"), 1);
            called.expect("there is room for it");
        }
        allocations += ALLOCATIONS.with(Cell::get) - counted;
        self.serve(reply_bytes);
        let counted = ALLOCATIONS.with(Cell::get);
        for bytes in self.server.output().chunks(part) {
            let input = self.client.begin(bytes);
            while let Some(event) = self.client.poll(&input, 1) {
                match event {
                    client::Event::Message { message, .. } => self.client.recycle(message),
                    client::Event::Finished(finished) => {
                        assert_eq!(finished.status, prism_proto::status::Status::OK);
                        self.answered += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
            self.client.end(input);
        }
        self.client.tick(1);
        allocations += ALLOCATIONS.with(Cell::get) - counted;
        self.server.output().clear();
        allocations
    }

    fn serve(&mut self, reply_bytes: usize) {
        let input = self.server.begin(self.client.output());
        while let Some(event) = self.server.poll(&input, 1) {
            let Event::Unary(call) = event else { continue };
            self.server.reply(call.stream, reply_bytes, |out| out.resize(out.len() + reply_bytes, 7));
        }
        self.server.end(input);
        self.client.output().clear();
    }
}

fn steady_client(timeout_ns: impl Fn(u32) -> u64, reply_bytes: usize, part: usize) {
    let mut pair = Pair::new();
    for _ in 0..10 {
        pair.turn(&timeout_ns, reply_bytes, part);
    }
    let allocations: u64 = (0..100).map(|_| pair.turn(&timeout_ns, reply_bytes, part)).sum();
    assert_eq!(pair.answered, 110 * u64::from(CALLS));
    assert_eq!(allocations, 0, "reads of {part} bytes, replies of {reply_bytes}");
}

#[test]
fn steady_calls_of_the_client_allocate_nothing() {
    steady_client(|_| 1_000_000_000, 64, usize::MAX);
    steady_client(|call| 1_000_000_000 + u64::from(call) * 1_000_003, 64, usize::MAX);
}

#[test]
fn nor_do_its_reads_that_cut_frames() {
    for part in [1, 7, 64, 1_000] {
        steady_client(|_| 1_000_000_000, 64, part);
    }
    for part in [500, 1_000] {
        steady_client(|_| 1_000_000_000, 5_000, part);
    }
}
