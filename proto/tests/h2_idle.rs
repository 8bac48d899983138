//! What an idle connection takes: bytes of memory, counted by an allocator, after one call and after many.
#![allow(unsafe_code, reason = "a counting allocator can only be written by implementing GlobalAlloc")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use prism_proto::frame::{Head, PREFACE, flag, kind, write_settings, write_settings_ack, write_window_update};
use prism_proto::h2::Event;
use prism_proto::h2::server::{Config, Connection};
use prism_proto::hpack::{Encoder, Indexing};

/// Counts the bytes that each thread has allocated and not freed, as the allocator rounds them.
struct Counting;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    // glibc keeps a word for each piece and rounds to two.
    let rounded = ((bytes + 8).next_multiple_of(16)).max(32) as isize;
    // A thread that is ending has no counter any more, and no test either.
    let _ = BYTES.try_with(|all| all.set(all.get() + sign * rounded));
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is not allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps GlobalAlloc's contract, which is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as above; the pointer came from System.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: as above; the pointer came from System.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an idle connection may take, itself and on the heap, so that with its socket's place and what the proxy keeps
/// beside it stays below 4 KiB.
const IDLE_BYTES_MAX: usize = 3_500;

const REPLY_BYTES: usize = 64;

/// A client as grpc-go is one: it indexes what it can, some of it long.
struct Client {
    encoder: Encoder,
    stream: u32,
}

impl Client {
    fn greeting() -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        write_settings(&[], &mut bytes);
        write_settings_ack(&mut bytes);
        bytes
    }

    /// A request with a time-out, which is another one each time, and a message of so many bytes.
    fn request(&mut self, message_bytes: usize) -> Vec<u8> {
        let timeout = format!("{}m", 10_000 + self.stream);
        let mut block = Vec::new();
        for (name, value) in [
            (&b":method"[..], &b"POST"[..]),
            (b":scheme", b"http"),
            (b":path", b"/prism.interfaces.keyvalue.KeyValueBasicInterface/Get"),
            (b":authority", b"prism.example.internal:8980"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"grpc-go/1.75.0"),
            (b"te", b"trailers"),
            (b"grpc-timeout", timeout.as_bytes()),
        ] {
            self.encoder.encode(name, value, Indexing::Incremental, &mut block);
        }
        let mut bytes = Vec::new();
        write_window_update(0, REPLY_BYTES as u32 + 5, &mut bytes);
        let length = block.len() as u32;
        Head { length, kind: kind::HEADERS, flags: flag::END_HEADERS, stream: self.stream }.write(&mut bytes);
        bytes.extend_from_slice(&block);
        let message = [&[0][..], &(message_bytes as u32).to_be_bytes(), &vec![7; message_bytes]].concat();
        let mut parts = message.chunks(1_000).peekable();
        while let Some(part) = parts.next() {
            let flags = if parts.peek().is_none() { flag::END_STREAM } else { 0 };
            Head { length: part.len() as u32, kind: kind::DATA, flags, stream: self.stream }.write(&mut bytes);
            bytes.extend_from_slice(part);
        }
        self.stream += 2;
        bytes
    }
}

/// Feeds bytes in parts, answers what is called, and takes the output as a driver does.
fn serve(connection: &mut Connection, bytes: &[u8], part: usize) -> usize {
    let mut answered = 0;
    for bytes in bytes.chunks(part) {
        let input = connection.begin(bytes);
        while let Some(event) = connection.poll(&input, 1) {
            let Event::Unary(call) = event else { continue };
            connection.reply(call.stream, REPLY_BYTES, |out| out.extend_from_slice(&[7; REPLY_BYTES]));
            connection.recycle(call.message);
            answered += 1;
        }
        connection.end(input);
        drop(std::mem::take(connection.output()));
    }
    answered
}

/// Bytes that a connection takes once `use_it` has used it and it has been idle, itself included.
fn idle_bytes(use_it: impl Fn(&mut Connection)) -> usize {
    let before = BYTES.with(Cell::get);
    let mut connection = Box::new(Connection::new(&Config::default(), 0));
    use_it(&mut connection);
    connection.trim();
    let bytes = BYTES.with(Cell::get) - before;
    drop(connection);
    assert_eq!(BYTES.with(Cell::get), before, "nothing leaks");
    usize::try_from(bytes).expect("it takes something")
}

#[test]
fn an_idle_connection_takes_little() {
    let calls_of = |calls: usize, message_bytes: usize, part: usize| {
        idle_bytes(|connection| {
            let mut client = Client { encoder: Encoder::new(), stream: 1 };
            serve(connection, &Client::greeting(), part);
            for _ in 0..calls {
                assert_eq!(serve(connection, &client.request(message_bytes), part), 1);
            }
        })
    };
    for (name, bytes) in [
        ("one call", calls_of(1, 20, 8_192)),
        ("a call in pieces", calls_of(1, 20, 7)),
        ("ten calls", calls_of(10, 20, 8_192)),
        ("a large call", calls_of(1, 10_000, 8_192)),
    ] {
        assert!(bytes <= IDLE_BYTES_MAX, "{name}: {bytes} bytes, of which {} itself", size_of::<Connection>());
    }
    // A client that fills the header tables has their 4 KiB, and places to find its fields by, but no more.
    let busy = calls_of(1_000, 5_000, 977);
    assert!(busy <= IDLE_BYTES_MAX + (6 << 10), "{busy} bytes");
}
