//! Each case runs in a process of its own: signals belong to a whole process.

use signal_hook::low_level::raise;

use super::*;
use crate::alone;

const TEST: &str = "signals::tests::in_a_process_of_its_own";

#[test]
fn in_a_process_of_its_own() {
    let Some(case) = alone::case() else { return };
    let mut signals = Signals::install().expect("handlers can be installed");
    let raised = |signal| raise(signal).expect("the signal exists");
    match case.as_str() {
        "each" => {
            raised(SIGHUP);
            assert_eq!(signals.wait(), Some(Signal::Reload));
            raised(SIGHUP);
            assert_eq!(signals.wait(), Some(Signal::Reload));
            raised(SIGUSR1);
            assert_eq!(signals.wait(), Some(Signal::Report));
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
    alone::pass();
}

#[test]
fn each_signal_is_delivered_as_what_it_asks() {
    alone::run_to_pass(TEST, "each", &[]);
}

#[test]
fn an_interrupt_is_a_request_to_stop() {
    alone::run_to_pass(TEST, "interrupt", &[]);
}

#[test]
fn the_second_request_to_stop_ends_the_process_at_once() {
    assert_eq!(alone::run(TEST, "second", &[]).status.code(), Some(IMPATIENT_EXIT_CODE));
}

#[test]
fn closing_ends_the_waiting() {
    alone::run_to_pass(TEST, "closed", &[]);
}
