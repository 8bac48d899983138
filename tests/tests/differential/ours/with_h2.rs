//! Conversations of our client with the h2 crate's server.

use std::cell::Cell;
use std::time::Duration;

use prism_proto::h2::client::Config;
use prism_proto::limits::Limits;
use prism_tests::Random;

use super::asker::Asker;
use super::call::Plan;
use super::h2_server::{Change, Habits, serve};
use crate::conversations::hold_all;
use crate::driver::Driver;
use crate::model::Outcome;
use crate::script::{Sizes, one_of};

const CONVERSATIONS: u64 = 600;
/// Conversations that the h2 crate may end by counting cancelled streams for ever; about one in several thousand.
const SHUT_OUT_MAX: u64 = 3;
/// Nothing that goes on takes as long.
const STUCK: Duration = Duration::from_secs(60);

#[test]
fn our_calls_to_the_h2_crate_agree_with_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let shut_out = Cell::new(0);
    hold_all(CONVERSATIONS, |random| {
        let conversation = async { tokio::time::timeout(STUCK, hold(random, &shut_out)).await };
        runtime.block_on(conversation).expect("the conversation is stuck")
    });
    assert!(shut_out.get() <= SHUT_OUT_MAX, "the server let nobody in any more in {} conversations", shut_out.get());
}

/// What our client's connection may hold, and how it compresses.
pub(super) fn config(random: &mut Random) -> Config {
    // The answers' metadata may be longer than the usual bound.
    let usual = Limits { header_list_bytes_max: 48 << 10, ..Limits::DEFAULT };
    let tight = Limits {
        message_bytes_max: 200 << 10,
        connection_buffer_bytes_max: 1 << 20,
        streams_per_connection_max: 64,
        ..usual
    };
    let few = Limits { streams_per_connection_max: 1 + random.below(6) as usize, ..usual };
    Config {
        limits: one_of(random, &[usual, tight, few]),
        header_table_bytes_max: one_of(random, &[0, 60, 300, 4_096]),
        ..Config::default()
    }
}

async fn hold(mut random: Random, shut_out: &Cell<u64>) -> Vec<Outcome> {
    let config = config(&mut random);
    let habits = habits(&mut random);
    let duplex_bytes = one_of(&mut random, &[1, 9, 64, 500, 5_000, 16_384, 100_000]);
    // Where every byte is a turn of its own, there are fewer of them.
    let narrowest = u64::from(habits.window_bytes.max(1)).min(duplex_bytes as u64);
    let calls_max = one_of(&mut random, &[3, 12, 40]);
    let mut sizes = Sizes {
        calls: 1 + random.below(calls_max),
        message_bytes_max: (narrowest * 100).clamp(400, 190_000),
        reply_bytes: (duplex_bytes as u64 * 400).clamp(1_500, 400_000),
        cancels: random.below(2) == 0,
    };
    let plans: Vec<Plan> = (0..sizes.calls).map(|_| Plan::random(&mut random, &mut sizes)).collect();
    let (near, far) = tokio::io::duplex(duplex_bytes);
    let (goes, streams_max) = (habits.goes_after.is_some(), habits.streams_max);
    let server = tokio::spawn(serve(far, habits, random.fork(3)));
    let asker = Asker::new(&config, plans, random.fork(1));
    let mut asker = Driver::new(near, asker, random.fork(2), None).serve().await;
    server.await.expect("the server does not panic");
    asker.assert_nothing_left();
    assert_eq!(asker.outcomes.len() as u64, sizes.calls);
    let count = |kind: fn(&Outcome) -> bool| asker.outcomes.iter().filter(|outcome| kind(outcome)).count();
    if asker.is_shut_out() {
        let cancelled = count(|outcome| matches!(outcome, Outcome::Cancelled(_)));
        assert!(cancelled >= streams_max as usize, "shut out of {streams_max} streams by {cancelled} cancelled calls");
        shut_out.set(shut_out.get() + 1);
    } else {
        assert!(goes || count(|outcome| matches!(outcome, Outcome::GoneAway)) == 0, "gone away unasked");
    }
    asker.outcomes
}

fn habits(random: &mut Random) -> Habits {
    let window = |random: &mut Random| one_of(random, &[0, 1, 7, 100, 3_000, 16_384, 65_535, 1 << 20]);
    let connection_window = |random: &mut Random| one_of(random, &[65_535, 70_000, 1 << 20]);
    let window_bytes = window(random);
    let mut changes = Vec::new();
    for _ in 0..random.below(5) {
        changes.push(if random.below(3) > 0 {
            Change::InitialWindow(window(random))
        } else {
            Change::ConnectionWindow(connection_window(random))
        });
    }
    // The server does not grant anew what a smaller window has made negative, unless something is released later; and
    // every window smaller than the protocol's is, under calls that were made before it was known.
    if window_bytes < 65_535 || changes.iter().any(|change| matches!(change, Change::InitialWindow(_))) {
        changes.push(Change::InitialWindow(1 << 21));
    }
    Habits {
        window_bytes,
        connection_window_bytes: connection_window(random),
        frame_bytes_max: one_of(random, &[16_384, 16_385, 40_000, 100_000]),
        header_table_bytes: one_of(random, &[0, 60, 300, 4_096, 65_536]),
        streams_max: one_of(random, &[1, 3, 100]),
        changes: changes.into(),
        goes_after: (random.below(8) == 0).then(|| 1 + random.below(10)),
    }
}
