//! Whether a run measured what it says: the generator must have been on time, or its figures are its own.

use super::account::Account;
use super::plan::Plan;
use super::run::Outcome;
use super::units::show_ns;

/// Lag that is never too much.
const LAG_NS: u64 = 50_000;
/// The part of the response time that lag may be beyond that.
const LAG_SHARE: f64 = 0.1;
/// The part of the calls that may stay unsent, and of the time that a core may be without.
const SHARE_MAX: f64 = 0.01;

/// Why the run is not valid, in words; nothing when it is.
pub(super) fn reasons(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let mut reasons = Vec::new();
    let total = &outcome.total;
    if total.tally.intended == 0 {
        reasons.push("nothing was measured".to_owned());
        return reasons;
    }
    if !plan.is_closed() {
        open_loop(total, &mut reasons);
    }
    for toll in &outcome.tolls {
        let share = |part_ns: u64| part_ns as f64 / toll.elapsed_ns.max(1) as f64;
        if share(toll.stolen_ns) > SHARE_MAX {
            let percent = share(toll.stolen_ns) * 100.0;
            reasons.push(format!("the hypervisor took {percent:.1} % of the time from core {}", toll.core));
        }
        if share(toll.waited_ns) > SHARE_MAX {
            reasons.push(format!(
                "the thread on core {} waited for it {:.1} % of the time: something else runs there",
                toll.core,
                share(toll.waited_ns) * 100.0
            ));
        }
    }
    reasons
}

fn open_loop(total: &Account, reasons: &mut Vec<String>) {
    let Account { tally, clocks } = total;
    let lag_ns = clocks.lag.value_at_quantile(0.99);
    let response_ns = clocks.response.value_at_quantile(0.99);
    if lag_ns > LAG_NS.max((response_ns as f64 * LAG_SHARE) as u64) {
        reasons.push(format!(
            "calls were sent late: the lag's p99 is {}, with a response p99 of {}",
            show_ns(lag_ns as f64),
            show_ns(response_ns as f64)
        ));
    }
    if tally.dropped > 0 {
        reasons.push(format!(
            "{} calls were dropped: as many as --concurrency allows were in flight when they were due",
            tally.dropped
        ));
    }
    let unsent = tally.intended - tally.sent.min(tally.intended);
    if unsent as f64 > SHARE_MAX * tally.intended as f64 {
        reasons.push(format!("{unsent} of {} calls on the schedule were not sent", tally.intended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(sent: u64, lag_ns: u64, response_ns: u64) -> Account {
        let mut account = Account::default();
        account.tally.intended = 1_000;
        account.tally.sent = sent;
        account.clocks.lag.record_n(lag_ns, 1_000).expect("within a minute");
        account.clocks.response.record_n(response_ns, 1_000).expect("within a minute");
        account
    }

    fn judge(account: &Account) -> String {
        let mut reasons = Vec::new();
        open_loop(account, &mut reasons);
        reasons.join("; ")
    }

    #[test]
    fn lag_may_be_50_us_or_a_tenth_of_the_response() {
        assert_eq!(judge(&account(1_000, 49_000, 49_000)), "");
        assert_eq!(judge(&account(1_000, 90_000, 1_000_000)), "");
        assert!(judge(&account(1_000, 51_000, 100_000)).contains("lag's p99 is 51.0 us"));
        assert!(judge(&account(1_000, 110_000, 1_000_000)).contains("sent late"));
    }

    #[test]
    fn a_schedule_is_to_be_sent() {
        assert_eq!(judge(&account(990, 0, 100)), "");
        assert!(judge(&account(989, 0, 100)).contains("11 of 1000 calls"));
        let mut dropped = account(1_000, 0, 100);
        dropped.tally.dropped = 1;
        assert!(judge(&dropped).contains("1 calls were dropped"));
    }
}
