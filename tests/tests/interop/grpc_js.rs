//! gRPC's own client in JavaScript, on Node's HTTP/2.

use std::process::Command;

use crate::{cached, cases, folder};

#[test]
fn every_case_passes() {
    let client = || {
        let mut client = Command::new("node");
        client.env("NODE_PATH", cached("node/node_modules")).arg(folder().join("interop/node/client.js"));
        client
    };
    let protos = folder().join("../proto/protos");
    cases::check(client, &[protos.to_str().unwrap()]);
}
