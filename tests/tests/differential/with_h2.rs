//! Conversations with the h2 crate.

use std::time::Duration;

use prism_proto::h2::server::Config;
use prism_tests::Random;

use crate::application::Application;
use crate::client::{Change, Ended, Habits, converse};
use crate::conversations::{hold_all, limits};
use crate::driver::Driver;
use crate::model::{self, Outcome};
use crate::script::{Script, Sizes, one_of};

const CONVERSATIONS: u64 = 1_500;
/// Nothing that goes on takes as long.
const STUCK: Duration = Duration::from_secs(60);

#[test]
fn conversations_with_the_h2_crate_agree_with_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    hold_all(CONVERSATIONS, |random| {
        let conversation = async { tokio::time::timeout(STUCK, hold(random)).await };
        runtime.block_on(conversation).expect("the conversation is stuck")
    });
}

async fn hold(mut random: Random) -> Vec<Outcome> {
    let limits = limits(&mut random);
    let habits = habits(&mut random);
    let duplex_bytes = one_of(&mut random, &[1, 9, 64, 500, 5_000, 16_384, 100_000]);
    // Where every byte is a turn of its own, there are fewer of them.
    let narrowest = u64::from(habits.window_bytes.max(1)).min(duplex_bytes as u64);
    let calls_max = one_of(&mut random, &[3, 12, 40]);
    let mut sizes = Sizes {
        calls: 1 + random.below(calls_max),
        message_bytes_max: (narrowest * 100).clamp(400, 190_000),
        reply_bytes: (narrowest * 400).clamp(1_500, 400_000),
        cancels: random.below(2) == 0,
    };
    let scripts: Vec<Script> = (0..sizes.calls).map(|_| Script::random(&mut random, &mut sizes)).collect();
    let (near, far) = tokio::io::duplex(duplex_bytes);
    let drain_after = (random.below(8) == 0).then(|| 1 + random.below(1_000));
    let application = Application::new(&Config { limits }, random.fork(1));
    let server = tokio::spawn(Driver::new(near, application, random.fork(2), drain_after).serve());
    let (outcomes, ended) = converse(far, &scripts, habits, random.fork(3)).await;
    let mut application = server.await.expect("the server does not panic");
    if ended == Ended::ResetIdle {
        assert!(scripts.iter().any(|script| script.cancel_after.is_some()), "nobody has reset a stream");
        scripts.iter().zip(&outcomes).for_each(|(script, outcome)| model::check(script, outcome));
        return outcomes;
    }
    application.assert_nothing_left();
    for (script, outcome) in scripts.iter().zip(&outcomes) {
        model::check(script, outcome);
        if matches!(outcome, Outcome::GoneAway) {
            assert!(application.is_draining(), "the server went away unasked");
            assert!(!application.has_seen(&script.messages), "a call was taken up and then given up");
        }
    }
    outcomes
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
    // The client does not grant anew what a smaller window has made negative, unless something is released later.
    if window_bytes == 0 || changes.iter().any(|change| matches!(change, Change::InitialWindow(_))) {
        changes.push(Change::InitialWindow(1 << 21));
    }
    Habits {
        window_bytes,
        connection_window_bytes: connection_window(random),
        frame_bytes_max: one_of(random, &[16_384, 16_385, 40_000, 100_000]),
        header_table_bytes: one_of(random, &[0, 60, 300, 4_096, 65_536]),
        changes: changes.into(),
    }
}
