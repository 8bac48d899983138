//! gRPC's C core by its Python package: the script makes its code from our .proto files and checks the answers.

use std::process::Command;

use crate::{cached, cases, folder};

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
