//! Between shards, and from outside: parcels, wake-ups, controls and timers.
#![allow(clippy::unwrap_used)]

mod stage;

use prism_shard::{Config, Counter};
use stage::{Event, Order, Running};

#[test]
fn ten_thousand_wake_ups_are_none_too_few() {
    let running = Running::start(2);
    running.order(0, Order::Rally(20_000));
    assert!(matches!(running.event(), Event::RallyOver(_)));
    running.await_counted(Counter::ParcelsSent, 20_001);
    running.await_counted(Counter::ParcelsReceived, 20_001);
    assert!(running.counted(Counter::WakesSent) <= running.counted(Counter::ParcelsSent));
    running.finish();
}

#[test]
fn where_rings_have_no_messages_an_eventfd_wakes() {
    let running = Running::start_with(2, |config: &mut Config| config.ring_messages = false);
    running.order(1, Order::Rally(2_000));
    assert!(matches!(running.event(), Event::RallyOver(_)));
    running.finish();
}

#[test]
fn background_work_and_tasks_run_beside_the_turns() {
    let running = Running::start(1);
    running.order(0, Order::Tend(1_000_000));
    // The tasks of the executor run although the shard never rests.
    assert_eq!(running.events.recv_timeout(stage::PATIENCE).unwrap(), Event::Background);
    running.order(0, Order::Tend(10));
    assert_eq!(running.event(), Event::Tended);
    running.finish();
}

#[test]
fn a_shard_may_send_to_itself() {
    let running = Running::start(1);
    running.order(0, Order::Rally(1_000));
    assert_eq!(running.event(), Event::RallyOver(0));
    running.await_counted(Counter::WakesSent, 0);
    running.finish();
}

#[test]
fn a_full_queue_gives_the_parcel_back() {
    let running = Running::start_with(2, |config: &mut Config| config.mesh_capacity = 256);
    running.order(0, Order::Flood(1_000));
    let mut arrived = 0;
    let mut accepted = None;
    while accepted != Some(arrived) {
        match running.event() {
            Event::Flooded { refused } => {
                assert!(refused > 0, "the other shard took 1,000 parcels through a queue of 256 within one call");
                accepted = Some(1_000 - refused);
            }
            Event::FloodArrived(_) => arrived += 1,
            other => panic!("{other:?}"),
        }
    }
    running.await_counted(Counter::MeshFull, u64::from(1_000 - arrived));
    running.finish();
}

#[test]
fn a_timer_fires_once_and_not_early() {
    let running = Running::start(1);
    running.order(0, Order::Timer(3_000_000, 7));
    assert_eq!(running.event(), Event::Expired { token: 7, early: false });
    running.order(0, Order::Timer(0, 8));
    assert_eq!(running.event(), Event::Expired { token: 8, early: false });
    running.await_counted(Counter::Timers, 2);
    running.finish();
}

#[test]
fn controls_come_from_any_thread() {
    let running = Running::start(2);
    std::thread::scope(|scope| {
        for shard in [0, 1, 0, 1] {
            let handle = running.shards().handle();
            scope.spawn(move || {
                for token in 0..500 {
                    assert!(handle.control(shard, Order::Timer(0, token)).is_ok());
                }
            });
        }
    });
    running.await_events(2_000, |event| matches!(event, Event::Expired { .. }));
    running.finish();
}
