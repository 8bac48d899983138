//! nghttp2 by way of h2load: many streams at once, request headers that are never indexed.

use std::fs;
use std::process::Command;

use prism_tests::messages::prism::interfaces::keyvalue::{GetRequest, SetRequest};
use prism_tests::{Launch, Scratch, prefixed};
use prost::Message;

use crate::run;

#[test]
fn ten_thousand_requests_all_succeed() {
    let proxy = Launch::shards(2).start();
    let scratch = Scratch::new();
    let set = SetRequest { key: "k".into(), value: vec![7; 1_000], ..Default::default() }.encode_to_vec();
    let get = GetRequest { key: "k".into(), ..Default::default() }.encode_to_vec();
    for (method, message) in [("Set", set), ("Get", get)] {
        let body = scratch.path(method);
        fs::write(&body, prefixed(0, &message)).unwrap();
        let mut client = Command::new("h2load");
        client.args(["--requests=10000", "--clients=10", "--max-concurrent-streams=100", "--threads=1"]);
        client.arg(format!("--data={}", body.display()));
        client.args(["--header=content-type: application/grpc", "--header=te: trailers"]);
        client.arg(format!("http://{}/prism.interfaces.keyvalue.KeyValueBasicInterface/{method}", proxy.address()));
        let printed = run(&mut client);
        let done = "10000 total, 10000 started, 10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(printed.contains(done), "{method}: {printed}");
        assert!(printed.contains("10000 2xx"), "{method}: {printed}");
    }
}
