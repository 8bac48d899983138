//! What the attacks and the bystander send, in bytes.

use std::time::Duration;

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Caller, Request, Wire, flag, kind, prefixed};
use prost::Message;

pub(crate) const GET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";
pub(crate) const SET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Set";
/// A call that stays open once its request has ended.
pub(crate) const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// Acts of a flood in one round: some tens of kilobytes.
pub(crate) const ACTS: u32 = 256;

/// A Get's message with its prefix.
pub(crate) fn get_body(key: &str) -> Vec<u8> {
    prefixed(0, &GetRequest { key: key.into(), ..Default::default() }.encode_to_vec()).to_vec()
}

/// A Set's message with its prefix, for a value of so many bytes.
pub(crate) fn set_body(key: &str, value_bytes: usize) -> Vec<u8> {
    let set = SetRequest { key: key.into(), value: vec![7; value_bytes], ..Default::default() };
    prefixed(0, &set.encode_to_vec()).to_vec()
}

/// HEADERS that open a call.
pub(crate) fn open(stream: u32, path: &str) -> Vec<u8> {
    Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS, stream, &Wire::request_block(path))
}

/// DATA with END_STREAM.
pub(crate) fn body(stream: u32, bytes: &[u8]) -> Vec<u8> {
    Wire::frame_bytes(kind::DATA, flag::END_STREAM, stream, bytes)
}

/// A whole call.
pub(crate) fn call(stream: u32, path: &str, bytes: &[u8]) -> Vec<u8> {
    [open(stream, path), body(stream, bytes)].concat()
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    Wire::frame_bytes(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8])
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    Wire::frame_bytes(kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// SETTINGS with one value.
pub(crate) fn setting(identifier: u16, value: u32) -> Vec<u8> {
    let payload = [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat();
    Wire::frame_bytes(kind::SETTINGS, 0, 0, &payload)
}

pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

/// Bytes of a request's HEADERS without a body: END_STREAM is set.
pub(crate) fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    Wire::frame_bytes(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, block)
}

/// One round of so many acts, each made from its number, which counts on over the rounds.
pub(crate) fn acts(round: u32, acts: u32, act: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (round * acts..(round + 1) * acts).flat_map(act).collect()
}

/// Stores a value as a client does that behaves, whatever its length.
pub(crate) fn store(address: &str, key: &str, value_bytes: usize) {
    store_within(address, key, value_bytes, Duration::from_secs(60));
}

/// The same, and fails when it takes longer than that.
pub(crate) fn store_within(address: &str, key: &str, value_bytes: usize, patience: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let set = SetRequest { key: key.into(), value: vec![7; value_bytes], ..Default::default() };
    runtime.block_on(async {
        let caller = Caller::connect(address).await.unwrap();
        let request = Request::unary(SET, &set.encode_to_vec());
        let answer = tokio::time::timeout(patience, caller.call(&request)).await.expect("it is stored in time");
        answer.unwrap().message();
    });
}
