//! grpc-go by way of grpcurl, which learns everything it needs from the server's reflection.

use std::process::Command;

use prism_tests::{Launch, Proxy, Scratch, cores};

use crate::{cached, run, run_to_failure};

const SERVICE: &str = "prism.interfaces.keyvalue.KeyValueBasicInterface";

fn grpcurl(proxy: &Proxy) -> Command {
    let mut command = Command::new(cached("bin/grpcurl"));
    command.args(["-plaintext", "-max-time", "60"]);
    match proxy.address().strip_prefix("unix:") {
        // Another name keeps the path of the socket out of `:authority`.
        Some(path) => command.args(["-unix", "-authority", "localhost"]).arg(path),
        None => command.arg(proxy.address()),
    };
    command
}

/// A call with the request in JSON; arguments of grpcurl go before the address.
fn call(proxy: &Proxy, method: &str, json: &str) -> Command {
    let mut command = Command::new(cached("bin/grpcurl"));
    command.args(["-plaintext", "-max-time", "60", "-emit-defaults", "-d", json]);
    command.arg(proxy.address()).arg(format!("{SERVICE}/{method}"));
    command
}

#[test]
fn services_are_listed_and_described() {
    let proxy = Launch::shards(2).start();
    let listed = run(grpcurl(&proxy).arg("list"));
    for service in [SERVICE, "grpc.health.v1.Health"] {
        assert!(listed.lines().any(|line| line == service), "{service} is missing in:\n{listed}");
    }
    let described = run(grpcurl(&proxy).arg("describe").arg(SERVICE));
    assert!(described.contains("rpc Get ( .prism.interfaces.keyvalue.GetRequest )"), "{described}");
    let described = run(grpcurl(&proxy).args(["describe", "prism.interfaces.keyvalue.SetRequest"]));
    assert!(described.contains("ttl_seconds = 4"), "{described}");
}

#[test]
fn calls_go_through_with_nothing_but_reflection() {
    let proxy = Launch::shards(2).start();
    // Bytes are base64 in JSON: "value".
    for number in 0..8 {
        let set = run(&mut call(&proxy, "Set", &format!(r#"{{"key": "k{number}", "value": "dmFsdWU="}}"#)));
        assert!(set.contains(r#""success": true"#), "{set}");
    }
    for number in 0..8 {
        let get = run(&mut call(&proxy, "Get", &format!(r#"{{"key": "k{number}"}}"#)));
        assert!(get.contains(r#""found": true"#) && get.contains(r#""value": "dmFsdWU=""#), "{get}");
    }
    let get = run(&mut call(&proxy, "Get", r#"{"key": "missing"}"#));
    assert!(get.contains(r#""found": false"#), "{get}");
}

#[test]
fn failures_are_shown_with_their_code_and_words() {
    let proxy = Launch::shards(1).start();
    let failed = run_to_failure(&mut call(&proxy, "Get", r#"{"key": "k", "namespace": "nowhere"}"#));
    assert!(failed.contains("Code: NotFound") && failed.contains("nowhere"), "{failed}");
    let failed = run_to_failure(&mut call(&proxy, "Get", &format!(r#"{{"key": "{}"}}"#, "k".repeat(2_000))));
    assert!(failed.contains("Code: InvalidArgument") && failed.contains("limits.key_bytes_max"), "{failed}");
}

#[test]
fn health_is_served() {
    let proxy = Launch::shards(1).start();
    let checked = run(grpcurl(&proxy).arg("grpc.health.v1.Health/Check"));
    assert!(checked.contains("SERVING"), "{checked}");
}

#[test]
fn a_unix_socket_is_reached() {
    let scratch = Scratch::new();
    let listen = format!("unix:{}", scratch.path("prism.sock").display());
    let proxy = Launch::bare().argument("--cores").argument(&cores(1)).argument("--listen").argument(&listen).start();
    let listed = run(grpcurl(&proxy).arg("list"));
    assert!(listed.contains(SERVICE), "{listed}");
}
