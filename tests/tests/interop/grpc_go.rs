//! grpc-go, by a client that learns the messages from the server's reflection.

use std::process::Command;

use crate::{cached, cases};

#[test]
fn every_case_passes() {
    cases::check(|| Command::new(cached("bin/interop-go")), &[]);
}
