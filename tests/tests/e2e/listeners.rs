//! Where the proxy listens: several addresses, unix sockets, and what it says when an address is taken.

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, GetResponse, SetRequest};
use prism_tests::{Caller, Launch, Request, Scratch, cores, until};
use prost::Message;
use tokio::net::UnixStream;

use crate::clients::{GET, SET};

fn set() -> Request {
    let request = SetRequest { key: "k".into(), value: "v".into(), ..Default::default() };
    Request::unary(SET, &request.encode_to_vec())
}

fn get() -> Request {
    Request::unary(GET, &GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec())
}

#[tokio::test]
async fn a_unix_socket_serves_as_a_port_does() {
    let scratch = Scratch::new();
    let path = scratch.path("prism.sock");
    let listen = format!("unix:{}", path.display());
    let launch = || Launch::bare().argument("--cores").argument(&cores(2)).argument("--listen").argument(&listen);
    let mut proxy = launch().start();
    assert_eq!(proxy.address(), listen);
    let caller = Caller::over(UnixStream::connect(&path).await.unwrap()).await.unwrap();
    caller.call(&set()).await.unwrap().message();
    let answer = caller.call(&get()).await.unwrap();
    assert_eq!(GetResponse::decode(answer.message()).unwrap().value, &b"v"[..]);

    // One that was killed leaves its socket behind: the next one replaces it.
    proxy.signal("KILL");
    proxy.wait();
    assert!(path.exists(), "nobody removed it");
    // The kernel takes the ring of a killed process apart in its own time, and the listener with it.
    until("nobody listens there any more", || std::os::unix::net::UnixStream::connect(&path).err());
    let _proxy = launch().start();
    let caller = Caller::over(UnixStream::connect(&path).await.unwrap()).await.unwrap();
    caller.call(&get()).await.unwrap().message();
}

#[tokio::test]
async fn several_addresses_reach_the_same_keys() {
    let scratch = Scratch::new();
    let path = scratch.path("prism.sock");
    let listen = format!("unix:{}", path.display());
    let proxy = Launch::shards(2).argument("--listen").argument(&listen).start();
    assert_eq!(proxy.addresses().len(), 2, "{:?}", proxy.addresses());
    let over_tcp = Caller::connect(proxy.address()).await.unwrap();
    let over_unix = Caller::over(UnixStream::connect(&path).await.unwrap()).await.unwrap();
    over_tcp.call(&set()).await.unwrap().message();
    let answer = over_unix.call(&get()).await.unwrap();
    assert_eq!(GetResponse::decode(answer.message()).unwrap().value, &b"v"[..]);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let proxy = Launch::shards(1).start();
    let launch = Launch::bare().argument("--cores").argument(&cores(1));
    let finished = launch.argument("--listen").argument(proxy.address()).finish();
    assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
    assert!(finished.error.contains(proxy.address()), "{}", finished.error);
    assert!(finished.error.contains("already"), "{}", finished.error);
    assert!(!finished.error.contains("panicked"), "{}", finished.error);
}
