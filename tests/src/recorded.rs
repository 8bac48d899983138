//! What gRPC clients that are not ours send: recorded connections of steady Gets, and an application that answers them.
//!
//! `cargo run -p prism-tests --bin record-clients` records them anew; `tests/fixtures/clients/README.md` says which
//! versions were recorded.

use std::fs;
use std::path::{Path, PathBuf};

use prism_proto::frame::{HEAD_BYTES, PREFACE};
use prism_proto::h2::server::Connection;
use prism_proto::h2::{Call, Event};
use prism_proto::method::id;
use prism_proto::view;

use crate::wire::kind;

/// The clients, by the names that their files begin with.
pub const CLIENTS: [&str; 6] = ["grpc-go", "grpc-java", "grpc-js", "grpcio", "nghttp2", "tonic"];

/// How the calls were made: with nothing but what the client sends by itself; with a deadline of a second from each
/// call on; and with a token that stays and a trace identifier that does not.
pub const CASES: [&str; 3] = ["plain", "deadline", "metadata"];

/// Calls of each connection.
pub const CALLS: usize = 160;

/// Calls after which a connection is steady: a table of 4,096 bytes that takes a field with each call is full by then.
pub const CALLS_BEFORE_STEADY: usize = 80;

/// What every recorded call asks for and gets.
pub const METHOD_PATH: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";
const VALUE: [u8; 64] = [7; 64];

/// The bytes that a client sent on one connection, up to the DATA of its last call.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// `CLIENT-CASE`.
    pub name: String,
    /// From the preface on.
    pub bytes: Vec<u8>,
}

impl Recorded {
    /// Where the recorded connections lie.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clients")
    }

    /// Every client's connection of every case.
    pub fn all() -> Vec<Self> {
        CLIENTS
            .iter()
            .flat_map(|client| CASES.iter().map(move |case| Self::load(&format!("{client}-{case}"))))
            .collect()
    }

    /// The connection of this name.
    pub fn load(name: &str) -> Self {
        let path = Self::folder().join(format!("{name}.bin"));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: name.to_owned(), bytes }
    }

    /// Where each frame begins, and where the last one ends.
    pub fn frame_starts(&self) -> Vec<usize> {
        let mut starts = vec![PREFACE.len()];
        let mut at = PREFACE.len();
        while let Some(length) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<3>()) {
            at += HEAD_BYTES + u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize;
            starts.push(at);
        }
        starts
    }

    /// Where the HEADERS of each call begins.
    pub fn call_starts(&self) -> Vec<usize> {
        let is_headers = |&start: &usize| self.bytes.get(start + 3) == Some(&kind::HEADERS);
        self.frame_starts().into_iter().filter(is_headers).collect()
    }

    /// The bytes until the connection is steady, and those after it.
    pub fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.call_starts()[CALLS_BEFORE_STEADY])
    }
}

/// Answers every Get with the same value; how many there were.
///
/// Never inlined, so that an instrument can find where it begins and ends.
#[inline(never)]
pub fn serve_recorded(connection: &mut Connection, bytes: &[u8]) -> usize {
    answer(connection, bytes, |_| {})
}

/// Answers every Get with the same value and shows it; how many there were.
#[inline(always)]
pub fn answer(connection: &mut Connection, bytes: &[u8], mut show: impl FnMut(&Call<'_>)) -> usize {
    let mut calls = 0;
    let input = connection.begin(bytes);
    while let Some(event) = connection.poll(&input, 1) {
        let Event::Unary(call) = event else { continue };
        if call.method == id::KEYVALUE_BASIC_GET {
            calls += 1;
            show(&call);
            let value = Some(&VALUE[..]);
            connection.reply(call.stream, view::get_response_bytes(value), |out| view::write_get_response(value, out));
        }
        connection.recycle(call.message);
    }
    connection.end(input);
    calls
}
