//! Random conversations against a client that keeps the books: no window is ever exceeded, and every reply arrives.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::client::{Client, GET, Seen, Sent, message};
use crate::frame::{kind, setting, write_settings, write_window_update};
use crate::h2::StreamRef;

/// What one step does; streams are chosen by number among those that are open.
#[derive(Debug, Clone)]
enum Step {
    Call,
    Reply { call: usize, bytes: usize },
    GrowStream { stream: usize, bytes: u32 },
    GrowConnection { bytes: u32 },
    InitialWindow { bytes: u32 },
    FrameSize { bytes: u32 },
    Reset { stream: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Call),
        4 => (any::<usize>(), 0usize..60_000).prop_map(|(call, bytes)| Step::Reply { call, bytes }),
        4 => (any::<usize>(), 1u32..40_000).prop_map(|(stream, bytes)| Step::GrowStream { stream, bytes }),
        4 => (1u32..80_000).prop_map(|bytes| Step::GrowConnection { bytes }),
        2 => (0u32..70_000).prop_map(|bytes| Step::InitialWindow { bytes }),
        1 => (16_384u32..50_000).prop_map(|bytes| Step::FrameSize { bytes }),
        1 => any::<usize>().prop_map(|stream| Step::Reset { stream }),
    ]
}

/// What the client knows of a stream.
struct Book {
    window: i64,
    received: Vec<u8>,
    /// What the application has answered.
    expected: Option<Vec<u8>>,
}

struct Simulation {
    client: Client,
    next: u32,
    window: i64,
    initial_window: i64,
    frame_bytes_max: usize,
    calls: Vec<StreamRef>,
    books: BTreeMap<u32, Book>,
}

impl Simulation {
    fn new() -> Self {
        Self {
            client: Client::ready(),
            next: 1,
            window: 65_535,
            initial_window: 65_535,
            frame_bytes_max: 16_384,
            calls: Vec::new(),
            books: BTreeMap::new(),
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Call => {
                self.client.call(self.next, GET, b"k");
                self.books
                    .insert(self.next, Book { window: self.initial_window, received: Vec::new(), expected: None });
                self.next += 2;
            }
            Step::Reply { call, bytes } if !self.calls.is_empty() => {
                let call = self.calls.swap_remove(call % self.calls.len());
                let content: Vec<u8> = (0..bytes).map(|at| (at as u32 * 31 + call.id) as u8).collect();
                self.client.reply(call, &content);
                if let Some(book) = self.books.get_mut(&call.id) {
                    book.expected = Some(message(&content));
                }
            }
            Step::GrowStream { stream, bytes } if !self.books.is_empty() => {
                let id = self.pick(stream);
                write_window_update(id, bytes, &mut self.client.bytes);
                self.books.get_mut(&id).expect("it was picked").window += i64::from(bytes);
            }
            Step::GrowConnection { bytes } => {
                write_window_update(0, bytes, &mut self.client.bytes);
                self.window += i64::from(bytes);
            }
            Step::InitialWindow { bytes } => {
                write_settings(&[(setting::INITIAL_WINDOW_SIZE, bytes)], &mut self.client.bytes);
                let difference = i64::from(bytes) - self.initial_window;
                self.initial_window = i64::from(bytes);
                self.books.values_mut().for_each(|book| book.window += difference);
            }
            Step::FrameSize { bytes } => {
                write_settings(&[(setting::MAX_FRAME_SIZE, bytes)], &mut self.client.bytes);
                self.frame_bytes_max = bytes as usize;
            }
            Step::Reset { stream } if !self.books.is_empty() => {
                let id = self.pick(stream);
                self.client.raw(kind::RST_STREAM, 0, id, &[0, 0, 0, 8]);
                self.books.remove(&id);
            }
            Step::Reply { .. } | Step::GrowStream { .. } | Step::Reset { .. } => {}
        }
        self.exchange();
    }

    fn pick(&self, number: usize) -> u32 {
        *self.books.keys().nth(number % self.books.len()).expect("there is one")
    }

    fn exchange(&mut self) {
        for seen in self.client.feed() {
            match seen {
                Seen::Unary { stream, .. } => self.calls.push(stream),
                Seen::Reset(stream) => self.calls.retain(|call| *call != stream),
                other => panic!("{other:?}"),
            }
        }
        for sent in self.client.sent() {
            match sent {
                Sent::Data { stream, bytes, end: false } => {
                    assert!(!bytes.is_empty() && bytes.len() <= self.frame_bytes_max, "{} bytes", bytes.len());
                    let book = self.books.get_mut(&stream).expect("DATA of a stream that is open");
                    self.window -= bytes.len() as i64;
                    book.window -= bytes.len() as i64;
                    assert!(self.window >= 0 && book.window >= 0, "stream {stream} exceeds a window");
                    book.received.extend_from_slice(&bytes);
                }
                Sent::Headers { stream, end: true, .. } => {
                    let book = self.books.remove(&stream).expect("the end of a stream that is open");
                    assert!(book.expected.as_ref() == Some(&book.received), "stream {stream} is not what was answered");
                }
                Sent::Headers { .. } | Sent::SettingsAck => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Answers what is open and opens every window: all must end well.
    fn finish(mut self) {
        while !self.calls.is_empty() {
            self.run(&Step::Reply { call: 0, bytes: 100 });
        }
        self.run(&Step::GrowConnection { bytes: 100 << 20 });
        for id in self.books.keys().copied().collect::<Vec<_>>() {
            write_window_update(id, 1 << 20, &mut self.client.bytes);
            self.books.get_mut(&id).expect("it is a key").window += 1 << 20;
        }
        self.exchange();
        assert!(self.books.is_empty(), "{:?} are still open", self.books.keys());
        assert_eq!((self.client.connection.open_calls(), self.client.connection.held_bytes()), (0, 0));
        assert!(self.client.connection.queue.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_window_is_exceeded_and_every_reply_arrives(steps in prop::collection::vec(step(), 0..80)) {
        let mut simulation = Simulation::new();
        for step in &steps {
            simulation.run(step);
        }
        simulation.finish();
    }
}
