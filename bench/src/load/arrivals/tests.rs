//! Tests of the schedule: its gaps are what the process says, over any number of cores.

use super::*;

const RATES: [f64; 3] = [1e3, 1e4, 1e5];

fn take(schedule: &mut Schedule, until_ns: u64) -> Vec<u64> {
    let mut times = Vec::new();
    while schedule.due_ns() < until_ns {
        times.push(schedule.due_ns());
        schedule.advance();
    }
    times
}

/// All cores' times in order.
fn merged(arrivals: Arrivals, per_second: f64, cores: usize, until_ns: u64) -> Vec<u64> {
    let schedules = (0..cores).map(|core| Schedule::new(arrivals, per_second, core, cores, 7));
    let mut times: Vec<u64> = schedules.flat_map(|mut schedule| take(&mut schedule, until_ns)).collect();
    times.sort_unstable();
    times
}

/// The Kolmogorov-Smirnov distance between the gaps and the exponential distribution.
fn distance(times: &[u64], per_second: f64) -> f64 {
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let off = |(index, gap): (usize, &f64)| {
        let theory = 1.0 - (-gap * per_second).exp();
        (theory - index as f64 / count).abs().max((theory - (index + 1) as f64 / count).abs())
    };
    gaps.iter().enumerate().map(off).fold(0.0, f64::max)
}

/// What the distance stays below with a probability of 99 %.
fn bound(times: &[u64]) -> f64 {
    1.63 / ((times.len() - 1) as f64).sqrt()
}

#[test]
fn gaps_of_a_poisson_process_are_exponential() {
    for per_second in RATES {
        let mut schedule = Schedule::new(Arrivals::Poisson, per_second, 0, 1, 11);
        let times = take(&mut schedule, (5e4 / per_second * 1e9) as u64);
        assert!(distance(&times, per_second) < bound(&times), "{per_second}: {}", distance(&times, per_second));
        // The test can tell another rate, and a constant one.
        assert!(distance(&times, per_second * 1.05) > bound(&times));
        let even = merged(Arrivals::Constant, per_second, 1, (5e4 / per_second * 1e9) as u64);
        assert!(distance(&even, per_second) > bound(&even));
    }
}

#[test]
fn the_cores_parts_add_up_to_the_process() {
    for per_second in RATES {
        let times = merged(Arrivals::Poisson, per_second, 3, (5e4 / per_second * 1e9) as u64);
        assert!(distance(&times, per_second) < bound(&times), "{per_second}: {}", distance(&times, per_second));
        // Five standard deviations of the count.
        assert!((times.len() as f64 - 5e4).abs() < 5.0 * 5e4_f64.sqrt(), "{}", times.len());
    }
}

#[test]
fn a_constant_process_is_even_over_all_cores_and_has_no_drift() {
    let times = merged(Arrivals::Constant, 3e5, 3, 10_000_000_000);
    assert_eq!(times.len(), 3_000_000);
    for (index, time) in times.iter().enumerate() {
        assert!(time.abs_diff(index as u64 * 10_000 / 3) <= 1, "call {index} is due at {time}");
    }
}

#[test]
fn a_seed_repeats_itself_and_another_does_not() {
    let times = |seed| take(&mut Schedule::new(Arrivals::Poisson, 1e3, 0, 1, seed), 1_000_000_000);
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
}
