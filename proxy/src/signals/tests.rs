//! Each case runs in a process of its own, this test program started again: signals belong to a whole process.

use std::process::{Command, ExitStatus};

use signal_hook::low_level::raise;

use super::*;

const CASE: &str = "PRISM_SIGNALS_TEST_CASE";
const PASSED: i32 = 42;

fn run(case: &str) -> ExitStatus {
    let program = std::env::current_exe().expect("a running program has a path");
    let arguments = ["--exact", "signals::tests::in_a_process_of_its_own", "--nocapture", "--test-threads=1"];
    Command::new(program).args(arguments).env(CASE, case).status().expect("this program can be started again")
}

#[test]
fn in_a_process_of_its_own() {
    let Ok(case) = std::env::var(CASE) else { return };
    let mut signals = Signals::install().expect("handlers can be installed");
    let raised = |signal| raise(signal).expect("the signal exists");
    match case.as_str() {
        "each" => {
            raised(SIGHUP);
            assert_eq!(signals.wait(), Some(Signal::Reload));
            raised(SIGHUP);
            assert_eq!(signals.wait(), Some(Signal::Reload));
            raised(SIGTERM);
            assert_eq!(signals.wait(), Some(Signal::Stop));
            raised(SIGHUP);
            assert_eq!(signals.wait(), Some(Signal::Reload));
        }
        "interrupt" => {
            raised(SIGINT);
            assert_eq!(signals.wait(), Some(Signal::Stop));
        }
        "second" => {
            raised(SIGINT);
            // Nobody waits: the second one must end the process all the same.
            raised(SIGTERM);
        }
        "closed" => {
            let handle = signals.handle();
            let closer = std::thread::spawn(move || handle.close());
            assert_eq!(signals.wait(), None);
            closer.join().expect("closing does not panic");
        }
        other => panic!("no such case: {other}"),
    }
    std::process::exit(PASSED);
}

#[test]
fn each_signal_is_delivered_as_what_it_asks() {
    assert_eq!(run("each").code(), Some(PASSED));
}

#[test]
fn an_interrupt_is_a_request_to_stop() {
    assert_eq!(run("interrupt").code(), Some(PASSED));
}

#[test]
fn the_second_request_to_stop_ends_the_process_at_once() {
    assert_eq!(run("second").code(), Some(IMPATIENT_EXIT_CODE));
}

#[test]
fn closing_ends_the_waiting() {
    assert_eq!(run("closed").code(), Some(PASSED));
}
