//! Counts what costs us more than it costs a server, and says when it is too much: ENHANCE_YOUR_CALM.
//!
//! One allowance for everything: unlike a client, a server was chosen by whoever runs this program.

use crate::frame::{Error, ErrorCode};
use crate::limits::SERVER_DISTURBANCES;

/// The allowance of one connection.
#[derive(Debug, Default)]
pub(crate) struct Calm {
    full_ns: u64,
}

impl Calm {
    /// One more of `what`.
    pub(crate) fn disturb(&mut self, now_ns: u64, what: &'static str) -> Result<(), Error> {
        if SERVER_DISTURBANCES.draw(&mut self.full_ns, now_ns) {
            return Ok(());
        }
        Err(Error::connection(ErrorCode::EnhanceYourCalm, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SECOND_NS;

    #[test]
    fn a_burst_is_allowed_and_forgiven_with_time() {
        let mut calm = Calm::default();
        for _ in 0..SERVER_DISTURBANCES.burst_max {
            calm.disturb(0, "pings").expect("within the burst");
        }
        let error = calm.disturb(0, "pings").expect_err("one too many");
        assert_eq!(error, Error::connection(ErrorCode::EnhanceYourCalm, "pings"));
        calm.disturb(2 * SECOND_NS, "pings").expect("time forgives");
    }
}
