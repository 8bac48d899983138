//! The data plane of one shard without its sockets: bytes of requests in, bytes of replies out, as in the proxy.
//!
//! What it costs can be counted exactly, in allocations and in instructions.

mod requests;

use prism_backends::memstore::{Config as StoreConfig, MemStore};
use prism_backends::{Backend as _, Command, Context, Execution, KeyHasher, Reply};
use prism_proto::h2::server::{Config, Connection};
use prism_proto::h2::{Call, Event};
use prism_proto::method::id;
use prism_proto::view::{self, GetView, SetView};

pub use requests::{Habit, Requests};

/// Calls that arrive in one read, as from a client that keeps so many in flight.
pub const CALLS_PER_BATCH: usize = 100;
/// Keys that the store holds.
const KEYS: usize = 10_000;
const VALUE: [u8; 64] = [7; 64];

/// One connection in its steady state, and the store behind it.
#[derive(Debug)]
pub struct Steady {
    connection: Connection,
    store: MemStore,
    hasher: KeyHasher,
    requests: Requests,
}

impl Steady {
    /// A store whose keys are all set, and a connection on which everything that happens once has happened.
    pub fn new() -> Self {
        let store = StoreConfig { name: "memory".to_owned(), memory_bytes_max: 64 << 20, namespaces: 1 };
        let mut steady = Self {
            connection: Connection::new(&Config::default(), 0),
            store: MemStore::new(store),
            hasher: KeyHasher::fixed(1),
            requests: Requests::default(),
        };
        let greeting = steady.requests.greeting();
        steady.serve(&greeting);
        for _ in 0..KEYS / CALLS_PER_BATCH {
            steady.sets(1);
        }
        steady.gets(10);
        steady
    }

    /// From now on the client has this habit.
    pub fn set_habit(&mut self, habit: Habit) {
        self.requests.habit = habit;
        self.gets(10);
    }

    /// Makes so many batches of Gets and serves them; returns how many found their key.
    pub fn gets(&mut self, batches: usize) -> usize {
        let batches: Vec<_> = (0..batches).map(|_| self.requests.gets()).collect();
        batches.iter().map(|batch| self.serve(batch)).sum()
    }

    /// The same for Sets of keys that mostly are there, with values of the same length.
    pub fn sets(&mut self, batches: usize) -> usize {
        let batches: Vec<_> = (0..batches).map(|_| self.requests.sets()).collect();
        batches.iter().map(|batch| self.serve(batch)).sum()
    }

    /// Bytes of batches to be served later, so that making them is not counted.
    pub fn prepare_gets(&mut self, batches: usize) -> Vec<Vec<u8>> {
        (0..batches).map(|_| self.requests.gets()).collect()
    }

    /// See [`Steady::prepare_gets`].
    pub fn prepare_sets(&mut self, batches: usize) -> Vec<Vec<u8>> {
        (0..batches).map(|_| self.requests.sets()).collect()
    }

    /// Serves one read and takes the output, as a turn does; returns how many calls succeeded and found their key.
    ///
    /// Never inlined, so that an instrument can find where it begins and ends.
    #[inline(never)]
    pub fn serve(&mut self, bytes: &[u8]) -> usize {
        let Self { connection, store, hasher, .. } = self;
        let mut found = 0;
        let input = connection.begin(bytes);
        while let Some(event) = connection.poll(&input, 1) {
            if let Event::Unary(call) = event {
                found += usize::from(execute(connection, store, hasher, &call));
                connection.recycle(call.message);
            }
        }
        connection.end(input);
        connection.output().clear();
        found
    }
}

impl Default for Steady {
    fn default() -> Self {
        Self::new()
    }
}

/// Decodes, executes and answers; whether the call succeeded and found its key.
#[inline]
fn execute(connection: &mut Connection, store: &mut MemStore, hasher: &KeyHasher, call: &Call<'_>) -> bool {
    let command = match call.method {
        id::KEYVALUE_BASIC_GET => GetView::decode(&call.message).map(|get| Command::Get { key: get.key.as_bytes() }),
        _ => SetView::decode(&call.message).map(|set| Command::Set {
            key: set.key.as_bytes(),
            value: set.value,
            ttl_seconds: set.ttl_seconds,
        }),
    };
    let Ok(command) = command else { return false };
    let context = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, command.key()), call: 0 };
    match store.execute(&context, &command) {
        Execution::Done(Reply::Get(value)) => {
            let bytes = view::get_response_bytes(value);
            connection.reply(call.stream, bytes, |out| view::write_get_response(value, out));
            value == Some(&VALUE)
        }
        Execution::Done(_) => {
            connection.reply(call.stream, view::set_response_bytes(), view::write_set_response);
            true
        }
        Execution::Failed(_) | Execution::Parked => false,
    }
}
