//! gRPC's C core by its Python package: the script makes its code from our .proto files and checks the answers.

use std::process::Command;

use prism_tests::{Launch, Scratch};

use crate::{cached, folder, run};

#[test]
fn grpcio_agrees_on_one_shard_and_on_two() {
    let scratch = Scratch::new();
    for shards in [1, 2] {
        let proxy = Launch::shards(shards).start();
        let mut client = Command::new(cached("venv/bin/python"));
        client.arg(folder().join("interop/grpcio_client.py")).arg(proxy.address());
        client.arg(folder().join("../proto/protos")).arg(scratch.folder());
        let printed = run(&mut client);
        assert!(printed.contains("every check passed"), "{printed}");
    }
}
