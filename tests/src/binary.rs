//! Finds the proxy's program, building it when need be.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The program to test: `PRISM_PROXY_BIN`, or what cargo builds in the profile that the tests were built in.
///
/// A test cannot depend on another package's binary, so cargo is asked once per process: it answers in a fraction of a
/// second when the program is up to date, and a stale one is never tested.
pub(crate) fn proxy() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match env::var_os("PRISM_PROXY_BIN") {
        Some(path) => path.into(),
        None => build_here("prism-proxy", "prism-proxy"),
    })
}

/// The operator's command line, in the profile that the tests were built in.
pub(crate) fn ctl() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build_here("prism-proxy", "prismctl"))
}

/// The load generator, in the profile that the tests were built in.
pub(crate) fn load() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build_here("prism-bench", "prism-load"))
}

fn build_here(package: &str, program: &str) -> PathBuf {
    let test = env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests lie in PROFILE/deps");
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => build(package, program, "dev"),
        Some(profile) => build(package, program, profile),
    }
}

/// Builds a program of the workspace in a profile and says where it is.
///
/// # Panics
/// With cargo's words when it does not compile.
pub fn build(package: &str, program: &str, profile: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", package, "--bin", program, "--profile", profile])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "building {program}: {}", String::from_utf8_lossy(&output.stderr));
    let test = env::current_exe().expect("a running test has a path");
    // target/PROFILE/deps/TEST
    let target = test.ancestors().nth(3).expect("tests lie in target/PROFILE/deps");
    target.join(if profile == "dev" { "debug" } else { profile }).join(program)
}
