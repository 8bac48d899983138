//! The calls sent are the calls drawn, whatever the rate.

use prism_bench::load::arrivals::{Arrivals, Schedule};

use crate::servers::with_null_server;
use crate::{load, plan, turn};

/// Calls of the schedule that are due in so many nanoseconds.
fn drawn(arrivals: Arrivals, per_second: f64, until_ns: u64) -> u64 {
    let mut schedule = Schedule::new(arrivals, per_second, 0, 1, 1);
    let mut count = 0;
    while schedule.due_ns() < until_ns {
        count += 1;
        schedule.advance();
    }
    count
}

#[test]
fn the_calls_sent_are_the_calls_drawn() {
    let _turn = turn();
    with_null_server(|address| {
        for (name, arrivals) in [("poisson", Arrivals::Poisson), ("constant", Arrivals::Constant)] {
            for rate in [1_000, 10_000, 100_000] {
                let words = format!("--rps {rate} --duration 500ms --timeout 60s --arrivals {name}");
                let tally = load(&plan(address, &words)).total.tally;
                let drawn = drawn(arrivals, f64::from(rate), 500_000_000);
                assert_eq!((tally.intended, tally.sent, tally.ok), (drawn, drawn, drawn), "{words}: {tally:?}");
            }
        }
    });
}

#[test]
fn a_closed_loop_never_has_more_in_flight_and_never_fewer_answers_than_calls() {
    let _turn = turn();
    with_null_server(|address| {
        let outcome = load(&plan(address, "--duration 300ms --concurrency 20 --operation mixed --mix get:3,set:1"));
        let tally = &outcome.total.tally;
        assert!(tally.ok > 0 && tally.ok == tally.intended, "{tally:?}");
        // Nothing is late where nothing is due.
        assert_eq!(outcome.total.clocks.lag.max(), 0);
    });
}

#[test]
fn beyond_the_concurrency_calls_are_dropped_and_counted() {
    let _turn = turn();
    let (_listener, address) = crate::servers::deaf();
    let outcome = load(&plan(address, "--rps 1000 --duration 500ms --timeout 2s --concurrency 50 --arrivals constant"));
    let tally = &outcome.total.tally;
    assert_eq!((tally.intended, tally.dropped, tally.timeouts, tally.ok), (500, 450, 50, 0), "{tally:?}");
}
