//! Every call is accounted for once, whatever the server does to it.

use crate::servers::{breaking, deaf, garbage, with_null_server};
use crate::{load, plan, turn};

#[test]
fn a_server_that_never_accepts_leaves_nothing_but_time_outs() {
    let _turn = turn();
    let (_listener, address) = deaf();
    // No more than 800 calls are made before the server has said how many it takes: some are never sent.
    let outcome = load(&plan(address, "--rps 2000 --duration 1s --timeout 2s --arrivals constant"));
    let tally = &outcome.total.tally;
    assert_eq!((tally.intended, tally.timeouts), (2_000, 2_000), "{tally:?}");
    assert!((800..2_000).contains(&tally.sent), "{tally:?}");
    // None is faster than the time-out.
    assert!(outcome.total.clocks.response.min() >= 1_990_000_000);
}

#[test]
fn a_server_that_talks_nonsense_is_errors_and_reconnects() {
    let _turn = turn();
    let outcome = load(&plan(garbage(), "--rps 500 --duration 1s --timeout 300ms"));
    let tally = &outcome.total.tally;
    assert!(tally.intended > 0 && tally.ok == 0 && tally.errors_total() > 0, "{tally:?}");
    let reconnects: u64 = outcome.tolls.iter().map(|toll| toll.reconnects).sum();
    // Of the eight, also those that the server has left open.
    assert!(reconnects >= 8, "{:?}", outcome.tolls);
    assert!(outcome.tolls[0].first_failure.as_ref().is_some_and(|text| text.contains("UNAVAILABLE")));
}

#[test]
fn connections_that_break_are_made_again_and_cost_only_their_own_calls() {
    let _turn = turn();
    with_null_server(|server| {
        let address = breaking(server, 20_000);
        let outcome = load(&plan(address, "--rps 4000 --duration 1s --timeout 5s --operation set"));
        let tally = &outcome.total.tally;
        let reconnects: u64 = outcome.tolls.iter().map(|toll| toll.reconnects).sum();
        assert!(reconnects > 0, "{:?}", outcome.tolls);
        let unavailable = tally.errors_by_name().find(|(name, _)| *name == "UNAVAILABLE").map_or(0, |(_, count)| count);
        assert_eq!(unavailable, tally.errors_total(), "{tally:?}");
        assert!(unavailable > 0 && tally.ok > unavailable, "{tally:?}");
        assert_eq!((tally.timeouts, tally.dropped), (0, 0), "{tally:?}");
    });
}
