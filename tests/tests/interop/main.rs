//! Clients that are not ours: grpcio of Python (gRPC's C core), grpc-go, grpc-js, grpcurl, h2load (nghttp2) and h2spec.
//!
//! `make setup` brings them; a test whose client is missing fails and says so, as a skipped test proves nothing.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod cases;
mod grpc_go;
mod grpc_js;
mod grpcio;
mod grpcurl;
mod h2load;
mod h2spec;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The crate's folder.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that `make setup` puts into the crate's cache.
#[track_caller]
fn cached(name: &str) -> PathBuf {
    let path = folder().join(".cache").join(name);
    assert!(path.exists(), "{name} is missing: run `make setup`");
    path
}

/// Runs a client to its end and hands back what it printed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let (output, printed) = run_to_any_end(command);
    assert!(output.status.success(), "{command:?} ended with {}:\n{printed}", output.status);
    printed
}

/// As [`run`], for a client that is meant to fail.
#[track_caller]
fn run_to_failure(command: &mut Command) -> String {
    let (output, printed) = run_to_any_end(command);
    assert!(!output.status.success(), "{command:?} was meant to fail:\n{printed}");
    printed
}

#[track_caller]
fn run_to_any_end(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: run `make setup`"));
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8_lossy(&printed).into_owned())
}
