//! The server is stopped for a second of ten: what an honest tool must see, and what a closed loop does not.

use std::time::{Duration, Instant};

use prism_tests::{Launch, Load, Loaded, Proxy};

use crate::{pass, turn};

const RATE: f64 = 500.0;
const SECONDS: f64 = 10.0;
/// The part of the stop that percentiles may be off theory.
const TOLERANCE: f64 = 0.02;

/// Stops the proxy in the middle of the load; how long, in seconds.
fn stop_for_a_second(proxy: &Proxy) -> f64 {
    pass(Duration::from_secs(3));
    proxy.signal("STOP");
    let stopped = Instant::now();
    pass(Duration::from_secs(1));
    proxy.signal("CONT");
    stopped.elapsed().as_secs_f64()
}

fn load(words: &str) -> (Loaded, f64, f64) {
    let proxy = Launch::shards(1).start();
    let load = Load::at(proxy.address(), words).start();
    let stop = stop_for_a_second(&proxy);
    let run = load.wait();
    run.balanced();
    (run, stop, proxy.waited_for_core().as_secs_f64())
}

fn longer_than(run: &Loaded, time: Duration) -> u64 {
    let samples = run.samples("response");
    samples.iter().filter(|(ns, _)| u128::from(*ns) > time.as_nanos()).map(|(_, count)| count).sum()
}

#[test]
fn a_stopped_server_is_seen_by_every_call_that_was_due() {
    let _turn = turn();
    let words = format!("--rps {RATE} --duration {SECONDS}s --warmup 0s --timeout 5s --arrivals constant");
    let (run, stop, waited) = load(&words);
    assert_eq!((run.count("intended"), run.count("ok")), (5_000, 5_000), "{}", run.output);
    // What neither the stop nor theory knows of: how late calls were sent, and how long the proxy had no core.
    let lag = run.report["total"]["lag"]["max"].as_f64().unwrap() / 1e6;
    let allowed = TOLERANCE * stop + lag + waited;
    for quantile in [0.92, 0.95, 0.97, 0.99, 0.999] {
        // A call that is due when x of the stop is left waits for x; as many are due for each x.
        let theory = stop - (1.0 - quantile) * SECONDS;
        for clock in ["response", "service"] {
            let found = run.quantile_ns(clock, quantile) as f64 / 1e9;
            let difference = (found - theory).abs();
            assert!(difference <= allowed, "{clock} p{quantile}: {found} is not {theory}, lag {lag}\n{}", run.output);
        }
    }
    // The calls were sent on time, with nobody there to answer.
    assert!(lag < stop / 4.0, "{}", run.output);
}

#[test]
fn a_closed_loop_hides_the_stop_and_says_so() {
    let _turn = turn();
    let (run, stop, waited) = load("--rps 0 --concurrency 8 --duration 6s --warmup 0s --timeout 5s");
    // Half of the stop is 8 % of the time, and of an open loop's calls; here it is one for each that was in flight.
    let (seen, all) = (longer_than(&run, Duration::from_millis(500)), run.count("intended"));
    assert!(
        seen > 0 && seen * 100 < all,
        "{seen} of {all}, stopped for {stop}, {waited} without a core\n{}",
        run.output
    );
    assert!(run.output.contains("closed loop") && run.output.contains("not comparable"), "{}", run.output);
}
