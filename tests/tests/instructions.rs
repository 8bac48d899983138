//! What a Get costs on the data plane, in instructions: the same number on any day, however busy the machine.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

use std::fs;
use std::process::Command;

use prism_tests::{Scratch, build};

/// Instructions for each Get from the bytes of the request to those of the reply, as last recorded: 100 calls in a
/// read, keys of 12 bytes, values of 64, in release.
const RECORDED: u64 = 729;

/// The same when each call has a time-out of its own, which changes the header table each time.
const RECORDED_WITH_TIMEOUTS: u64 = 2_350;

/// The same with an nghttp2 client, which sends the HEADERS of all calls first and names the content's length.
const RECORDED_HEADERS_FIRST: u64 = 820;

/// Compilers differ a little.
const TOLERANCE_PERCENT: u64 = 5;

const CALLS: u64 = 20_000;

#[test]
fn a_get_costs_no_more_instructions_than_recorded() {
    holds(RECORDED, &[]);
}

#[test]
fn a_get_with_a_timeout_costs_no_more_instructions_than_recorded() {
    holds(RECORDED_WITH_TIMEOUTS, &["timeouts"]);
}

#[test]
fn a_get_whose_headers_come_first_costs_no_more_instructions_than_recorded() {
    holds(RECORDED_HEADERS_FIRST, &["headers-first"]);
}

#[allow(clippy::print_stdout, reason = "what a change has gained is shown by --nocapture")]
fn holds(recorded: u64, arguments: &[&str]) {
    let program = build("prism-tests", "steady-gets", "release");
    let counts = [CALLS, 2 * CALLS].map(|calls| {
        let scratch = Scratch::new();
        let record = scratch.path("callgrind.out");
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--toggle-collect=*Steady*serve*"])
            .arg(format!("--callgrind-out-file={}", record.display()))
            .arg(&program)
            .arg(calls.to_string())
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("valgrind: {error}: run `make setup`"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        instructions(&fs::read_to_string(record).unwrap())
    });
    let each = (counts[1] - counts[0]) / CALLS;
    let most = recorded + recorded * TOLERANCE_PERCENT / 100;
    println!("{each} instructions for each Get {arguments:?}; recorded: {recorded}");
    assert!(each > 100, "{counts:?}: the instrument did not find the calls");
    assert!(each <= most, "{each} instructions for each Get instead of {recorded}: make it cheaper, or say why not");
}

/// The sum over everything that was collected.
fn instructions(record: &str) -> u64 {
    let totals = record.lines().find_map(|line| line.strip_prefix("totals: ")).expect("callgrind writes a sum");
    totals.trim().parse().expect("the sum is a number")
}
