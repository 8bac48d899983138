//! The operator's command line against the real proxy, against a server that is not ours, and against none.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use prism_tests::clients::prism::interfaces::keyvalue::key_value_basic_interface_server::{
    KeyValueBasicInterface, KeyValueBasicInterfaceServer,
};
use prism_tests::messages::prism::interfaces::keyvalue::{
    DeleteRequest, DeleteResponse, ExistsRequest, ExistsResponse, GetRequest, GetResponse, SetRequest, SetResponse,
};
use prism_tests::{Ctl, Launch, Proxy, Random, Scratch};
use serde_json::{Value, json};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

fn proxy() -> Proxy {
    Launch::shards(2).start()
}

/// What is written as JSON.
#[track_caller]
pub(crate) fn json(address: &str, arguments: &[&str]) -> Value {
    let done = Ctl::at(address).arguments(&["-o", "json"]).run(arguments).succeeded();
    assert_eq!(done.text().lines().count(), 1, "{done:?}");
    serde_json::from_str(done.text()).expect("it is JSON")
}

/// What every server of the key-value interface has to do for an operator.
fn serves(address: &str) {
    let run = |arguments: &[&str]| Ctl::at(address).run(arguments);
    assert_eq!(run(&["set", "greeting", "hello"]).succeeded().text(), "stored 5 bytes\n");
    assert_eq!(run(&["get", "greeting"]).succeeded().text(), "hello\n");
    assert_eq!(run(&["get", "greeting", "-o", "raw"]).succeeded().text(), "hello");
    assert_eq!(json(address, &["get", "greeting"]), json!({ "key": "greeting", "found": true, "value": "hello" }));
    assert_eq!(run(&["exists", "greeting"]).succeeded().text(), "true\n");
    assert_eq!(run(&["exists", "nothing"]).succeeded().text(), "false\n");
    assert_eq!(json(address, &["exists", "nothing"]), json!({ "key": "nothing", "exists": false }));
    assert_eq!(run(&["delete", "greeting"]).succeeded().text(), "deleted\n");
    assert_eq!(json(address, &["delete", "greeting"]), json!({ "key": "greeting", "found": false }));
    let missing = run(&["get", "greeting"]).failed(1, &["greeting", "is not there"]);
    assert_eq!(missing.output, b"");
    let missing = run(&["get", "greeting", "-o", "json"]).failed(1, &["is not there"]);
    assert_eq!(missing.text(), "{\"found\":false,\"key\":\"greeting\"}\n");
    // Any bytes, from standard input; nothing is a value too.
    let bytes: Vec<u8> = (0..=255).collect();
    for value in [&b""[..], b"\n", b"line\n", &bytes] {
        Ctl::at(address).input(value).run(&["set", "value", "-"]).succeeded();
        assert_eq!(run(&["get", "value", "-o", "raw"]).succeeded().output, value);
    }
    let answer = json(address, &["get", "value"]);
    assert_eq!(answer["value_base64"].as_str().map(str::len), Some(344), "{answer}");
    assert_eq!(run(&["get", "value"]).succeeded().output, bytes, "where no terminal is, the bytes are written");
}

#[test]
fn keys_are_set_read_and_removed() {
    serves(proxy().address());
}

#[test]
fn values_of_many_frames_go_both_ways() {
    let proxy = proxy();
    // The whole message may have 4 MiB.
    for length in [16_384, 65_536, 1 << 20, (4 << 20) - 100] {
        let value = Random::fixed(length as u64).bytes(length);
        Ctl::at(proxy.address()).input(&value).run(&["set", "large", "-"]).succeeded();
        let done = Ctl::at(proxy.address()).run(&["get", "large", "-o", "raw"]).succeeded();
        assert!(done.output == value, "{length} bytes came back as {}", done.output.len());
    }
    let value = vec![b'x'; 4 << 20];
    let refused = Ctl::at(proxy.address()).input(&value).run(&["set", "larger", "-"]);
    refused.failed(1, &["RESOURCE_EXHAUSTED", "limits.message_bytes_max"]);
    Ctl::at(proxy.address()).run(&["get", "larger"]).failed(1, &["is not there"]);
}

#[test]
fn a_key_with_a_time_to_live_expires() {
    let proxy = proxy();
    let set = Ctl::at(proxy.address()).run(&["set", "brief", "v", "--ttl", "1s"]).succeeded();
    assert_eq!(set.text(), "stored 1 bytes, for 1 s\n");
    prism_tests::until("the key expires", || {
        let done = Ctl::at(proxy.address()).run(&["exists", "brief"]).succeeded();
        (done.text() == "false\n").then_some(())
    });
}

#[test]
fn health_is_told_and_decides_the_exit_code() {
    let proxy = proxy();
    let run = |arguments: &[&str]| Ctl::at(proxy.address()).run(arguments);
    for service in [&["health"][..], &["health", "namespace:default"]] {
        assert_eq!(run(service).succeeded().text(), "SERVING\n");
    }
    assert_eq!(json(proxy.address(), &["health"]), json!({ "service": "", "status": "SERVING" }));
    run(&["health", "nobody"]).failed(1, &["NOT_FOUND", "nobody"]);
}

#[test]
fn a_namespace_that_is_not_there_is_named() {
    let proxy = proxy();
    let done = Ctl::at(proxy.address()).run(&["--namespace", "nowhere", "get", "k"]);
    done.failed(1, &["NOT_FOUND", "nowhere"]);
    let done = Ctl::at(proxy.address()).environment("PRISM_NAMESPACE", "nowhere").run(&["get", "k"]);
    done.failed(1, &["NOT_FOUND", "nowhere"]);
}

#[test]
fn every_kind_of_address_is_reached() {
    let scratch = Scratch::new();
    let socket = format!("unix:{}", scratch.path("p.sock").display());
    let proxy = Launch::shards(1).argument("--listen").argument(&socket).start();
    Ctl::at(&socket).run(&["set", "k", "v"]).succeeded();
    let port = proxy.address().rsplit_once(':').expect("a port").1;
    assert_eq!(Ctl::at(&format!("localhost:{port}")).run(&["get", "k"]).succeeded().text(), "v\n");
    let done = Ctl::bare().environment("PRISM_PROXY", proxy.address()).run(&["get", "k"]).succeeded();
    assert_eq!(done.text(), "v\n");
    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        // Whether this host has IPv6 at all.
        drop(listener);
        let proxy = Launch::bare()
            .argument("--listen")
            .argument("[::1]:0")
            .argument("--cores")
            .argument(&prism_tests::cores(1))
            .start();
        Ctl::at(proxy.address()).run(&["health"]).succeeded();
    }
}

#[test]
fn where_nothing_listens_a_hint_is_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    Ctl::at(&address).run(&["get", "k"]).failed(1, &["refused", "is prism-proxy running at", &address]);
    let scratch = Scratch::new();
    let socket = format!("unix:{}", scratch.path("none.sock").display());
    Ctl::at(&socket).run(&["get", "k"]).failed(1, &["is prism-proxy running at", "none.sock"]);
    Ctl::at("name.invalid:80").run(&["get", "k"]).failed(1, &["name.invalid:80"]);
}

#[test]
fn a_server_that_stays_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let done = Ctl::at(&address).run(&["--timeout", "300ms", "get", "k"]);
    done.failed(1, &["DEADLINE_EXCEEDED", "--timeout", &address]);
    // And for a value that the silent one does not take: more than what the kernel buffers.
    let value = vec![0; 32 << 20];
    let done = Ctl::at(&address).input(&value).run(&["--timeout", "300ms", "set", "k", "-"]);
    done.failed(1, &["DEADLINE_EXCEEDED"]);
}

#[test]
fn a_server_of_another_protocol_is_told_from_ours() {
    for (greeting, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..], &["HTTP/1.1"][..]),
        (b"SSH-2.0-OpenSSH_9.9\r\n", &["UNAVAILABLE"]),
        (b"", &["UNAVAILABLE", "closed"]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut socket, _) = listener.accept().unwrap();
            // Enough to have been spoken to.
            let mut preface = [0; 24];
            socket.read_exact(&mut preface).unwrap();
            socket.write_all(greeting).unwrap();
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let _ = socket.read_to_end(&mut Vec::new());
        });
        Ctl::at(&address).run(&["get", "k"]).failed(1, words);
        server.join().unwrap();
    }
}

#[test]
fn wrong_usage_is_told_from_failure() {
    let run = |arguments: &[&str]| Ctl::bare().run(arguments);
    run(&["gte", "k"]).failed(2, &["gte", "'get'"]);
    run(&["get", "k", "--nmaespace", "x"]).failed(2, &["--namespace"]);
    run(&["get"]).failed(2, &["<KEY>"]);
    run(&[]).failed(2, &["get", "set", "health"]);
    run(&["--proxy", "nowhere", "get", "k"]).failed(2, &["--proxy", "unix:/path"]);
    run(&["--timeout", "5", "get", "k"]).failed(2, &["--timeout", "10s"]);
    run(&["set", "k", "v", "--ttl", "0s"]).failed(2, &["--ttl"]);
    run(&["get", "k", "-o", "xml"]).failed(2, &["json"]);
    let help = run(&["--help"]).succeeded();
    for word in ["prismctl set greeting hello", "prismctl subscribe news", "PRISM_PROXY", "--namespace", "Exit codes"] {
        assert!(help.text().contains(word), "{word} is not in {}", help.text());
    }
    let version = run(&["--version"]).succeeded();
    assert!(version.text().starts_with("prismctl 0.1.0 ("), "{version:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).succeeded();
        assert!(script.text().contains("exists"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_is_no_failure() {
    let proxy = proxy();
    let value = vec![b'x'; 1 << 20];
    Ctl::at(proxy.address()).input(&value).run(&["set", "k", "-"]).succeeded();
    let mut child = Ctl::at(proxy.address()).arguments(&["get", "k"]).start();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// The interface by tonic, with a map behind it.
#[derive(Debug, Default)]
struct Store(Mutex<HashMap<String, Vec<u8>>>);

impl Store {
    fn with<R>(&self, act: impl FnOnce(&mut HashMap<String, Vec<u8>>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[tonic::async_trait]
impl KeyValueBasicInterface for Store {
    async fn set(&self, request: Request<SetRequest>) -> Result<Response<SetResponse>, Status> {
        let SetRequest { key, value, .. } = request.into_inner();
        if key == "forbidden" {
            return Err(Status::permission_denied("not this one: ä\n%"));
        }
        self.with(|values| values.insert(key, value));
        Ok(Response::new(SetResponse { success: true, ..Default::default() }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = self.with(|values| values.get(&request.get_ref().key).cloned());
        Ok(Response::new(GetResponse {
            found: value.is_some(),
            value: value.unwrap_or_default(),
            ..Default::default()
        }))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let found = self.with(|values| values.remove(&request.get_ref().key).is_some());
        Ok(Response::new(DeleteResponse { success: true, found, ..Default::default() }))
    }

    async fn exists(&self, request: Request<ExistsRequest>) -> Result<Response<ExistsResponse>, Status> {
        let exists = self.with(|values| values.contains_key(&request.get_ref().key));
        Ok(Response::new(ExistsResponse { exists, ..Default::default() }))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_is_not_ours_is_served_as_well() {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap().to_string();
    let service = KeyValueBasicInterfaceServer::new(Store::default());
    let server = tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming);
    let server = tokio::spawn(server);
    tokio::task::spawn_blocking(move || {
        serves(&address);
        let value = Random::fixed(1).bytes(3 << 20);
        Ctl::at(&address).input(&value).run(&["set", "large", "-"]).succeeded();
        assert!(Ctl::at(&address).run(&["get", "large", "-o", "raw"]).succeeded().output == value);
        let forbidden = Ctl::at(&address).run(&["set", "forbidden", "v"]);
        forbidden.failed(1, &["PERMISSION_DENIED", "not this one: ä\\n%"]);
        Ctl::at(&address).run(&["health"]).failed(1, &["UNIMPLEMENTED"]);
    })
    .await
    .unwrap();
    server.abort();
}
