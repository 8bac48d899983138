//! Three clocks for each call, as histograms: from when it was due, from when it was sent, and what lies between.

use hdrhistogram::Histogram;

/// The longest time that is told apart, one minute; what is longer counts as this.
pub const TIME_MAX_NS: u64 = 60_000_000_000;

/// Times of many calls, in nanoseconds with three significant digits. Every intended call is a sample of `response`:
/// one that timed out with the time until then, one that was dropped with the whole time-out.
#[derive(Debug, Clone)]
pub struct Clocks {
    /// From the intended time to the trailers.
    pub response: Histogram<u64>,
    /// From the sending to the trailers.
    pub service: Histogram<u64>,
    /// From the intended time to the sending: the generator's own lateness.
    pub lag: Histogram<u64>,
}

impl Default for Clocks {
    fn default() -> Self {
        let empty = || Histogram::new_with_bounds(1, TIME_MAX_NS, 3).expect("the bounds are in order");
        Self { response: empty(), service: empty(), lag: empty() }
    }
}

impl Clocks {
    /// Adds the samples of another; percentiles are never averaged.
    pub fn merge(&mut self, other: &Self) {
        for (into, from) in
            [(&mut self.response, &other.response), (&mut self.service, &other.service), (&mut self.lag, &other.lag)]
        {
            into.add(from).expect("all have the same bounds");
        }
    }

    /// Forgets every sample and keeps the memory.
    pub fn reset(&mut self) {
        self.response.reset();
        self.service.reset();
        self.lag.reset();
    }
}
