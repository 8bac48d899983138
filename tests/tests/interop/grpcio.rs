//! gRPC's C core by its Python package: the script makes its code from our .proto files and checks the answers.

use std::process::Command;

use prism_tests::{Launch, Scratch, Wire, kind};

use crate::{cached, cases, folder, run};

#[test]
fn every_case_passes() {
    let client = || {
        let mut client = Command::new(cached("venv/bin/python"));
        client.arg(folder().join("interop/grpcio_client.py"));
        client
    };
    let protos = folder().join("../proto/protos");
    cases::check(client, &[protos.to_str().unwrap()]);
}

/// A dozen generations of connections, with calls in flight all the time.
#[test]
fn no_call_of_a_grpcio_channel_fails_while_connections_age_out() {
    for limits in ["{connection_age_max: 300ms}", "{connection_age_max: 200ms, connection_age_grace: 5s}"] {
        let scratch = Scratch::new();
        let proxy = Launch::shards(2).file(&format!("limits: {limits}")).start();
        let mut silent = Wire::greet(proxy.address());
        let mut client = Command::new(cached("venv/bin/python"));
        client.arg(folder().join("interop/grpcio_ageing.py")).arg(proxy.address());
        client.arg(folder().join("../proto/protos")).arg(scratch.folder());
        let printed = run(&mut client);
        assert!(printed.contains("none failed"), "{printed}");
        let goaway = silent.read_kind(kind::GOAWAY).expect("connections do age out");
        assert_eq!(&goaway.payload[8..], b"max_age");
    }
}
