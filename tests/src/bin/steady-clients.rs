//! Serves what a client sent on its steady connection again, for an instrument to watch: `steady-clients NAME TIMES`.
//!
//! What is collected are the calls after the connection has become steady, each time on a connection of its own.

use prism_proto::h2::server::{Config, Connection};
use prism_tests::recorded::{CALLS, CALLS_BEFORE_STEADY, Recorded, answer, serve_recorded};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let recorded = Recorded::load(&arguments.next().expect("the first argument is a recording's name"));
    let times = arguments.next().and_then(|times| times.parse().ok()).expect("the second argument is a number");
    let (before, steady) = recorded.parts();
    for _ in 0..times {
        let mut connection = Connection::new(&Config::default(), 0);
        assert_eq!(answer(&mut connection, before, |_| {}), CALLS_BEFORE_STEADY);
        connection.output().clear();
        assert_eq!(serve_recorded(&mut connection, steady), CALLS - CALLS_BEFORE_STEADY);
    }
}
