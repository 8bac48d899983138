//! What a Get costs on the data plane, in instructions: the same number on any day, however busy the machine.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]
#![allow(clippy::print_stdout, reason = "what a change has gained is shown by --nocapture")]

use std::fs;
use std::process::Command;

use prism_tests::recorded::{CALLS as CALLS_OF_CLIENT, CALLS_BEFORE_STEADY, CASES};
use prism_tests::{Scratch, build};

/// Instructions for each Get from the bytes of the request to those of the reply, as last recorded: 100 calls in a
/// read, keys of 12 bytes, values of 64, in release.
const RECORDED: u64 = 698;

/// The same when each call has a time-out of its own, which changes the header table each time.
const RECORDED_WITH_TIMEOUTS: u64 = 2_237;

/// The same with an nghttp2 client, which sends the HEADERS of all calls first and names the content's length.
const RECORDED_HEADERS_FIRST: u64 = 794;

/// Instructions of the engine alone for each Get of the recorded clients, once their connections are steady, with what
/// they send between calls: plain, with a deadline, with metadata.
const RECORDED_CLIENTS: [(&str, [u64; 3]); 6] = [
    ("grpc-go", [958, 1_330, 2_684]),
    ("grpc-java", [462, 1_777, 1_722]),
    ("grpc-js", [668, 830, 2_487]),
    ("grpcio", [913, 982, 1_874]),
    ("nghttp2", [498, 508, 558]),
    ("tonic", [668, 685, 2_382]),
];

/// How often a recording is served.
const TIMES: u64 = 20;

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

#[test]
fn a_get_of_a_recorded_client_costs_no_more_instructions_than_recorded() {
    let calls = TIMES * (CALLS_OF_CLIENT - CALLS_BEFORE_STEADY) as u64;
    let mut dear = Vec::new();
    for (client, recorded) in RECORDED_CLIENTS {
        for (case, recorded) in CASES.iter().zip(recorded) {
            let name = format!("{client}-{case}");
            let each = collected("steady-clients", "*serve_recorded*", &[&name, &TIMES.to_string()]) / calls;
            println!("{each} instructions for each Get of {name}; recorded: {recorded}");
            assert!(each > 100, "{name}: the instrument did not find the calls");
            if each > recorded + recorded * TOLERANCE_PERCENT / 100 {
                dear.push(format!("{name}: {each} instead of {recorded}"));
            }
        }
    }
    assert!(dear.is_empty(), "make it cheaper, or say why not: {dear:?}");
}

/// Instructions of a program of ours within a function.
fn collected(program: &str, function: &str, arguments: &[&str]) -> u64 {
    let program = build("prism-tests", program, "release");
    let scratch = Scratch::new();
    let record = scratch.path("callgrind.out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--toggle-collect={function}"))
        .arg(format!("--callgrind-out-file={}", record.display()))
        .arg(&program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("valgrind: {error}: run `make setup`"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    instructions(&fs::read_to_string(record).unwrap())
}

#[allow(clippy::print_stdout, reason = "what a change has gained is shown by --nocapture")]
fn holds(recorded: u64, arguments: &[&str]) {
    let counts = [CALLS, 2 * CALLS].map(|calls| {
        let calls = calls.to_string();
        collected("steady-gets", "*Steady*serve*", &[&[calls.as_str()], arguments].concat())
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
