//! Messages that have room, and whether they may keep it.

use super::client::{Client, GET, Seen, Sent, message};
use crate::h2::server::{Count, Footprint};
use crate::limits::{Limits, MESSAGE_BYTES_PER_SECOND_MIN, SECOND_NS};

const STALL_NS: u64 = Limits::DEFAULT.message_stall_max_ns;
const RESOURCE_EXHAUSTED: &str = "8";

/// A client with the beginnings of so many messages of a mebibyte.
fn uploads(count: u32) -> Client {
    let mut client = Client::ready();
    for call in 0..count {
        client.open(2 * call + 1, GET);
        client.data(2 * call + 1, false, &message(&vec![7; 1 << 20])[..5]);
    }
    assert_eq!(client.feed(), []);
    client.sent();
    client
}

fn counted(client: &mut Client) -> u32 {
    let counts = client.connection.take_counts();
    counts.map_or(0, |counts| {
        counts.iter().find(|(count, _)| *count == Count::MessagesStalled).map_or(0, |found| found.1)
    })
}

#[test]
fn whoever_sends_nothing_makes_place_when_others_wait() {
    let mut client = uploads(1);
    assert!(!client.connection.end_stalled(SECOND_NS, true), "the time begins");
    assert!(!client.connection.end_stalled(SECOND_NS + STALL_NS - 1, true));
    assert!(client.connection.end_stalled(SECOND_NS + STALL_NS, true));
    assert_eq!(client.fails(1, RESOURCE_EXHAUSTED, "limits.message_stall_max (5000 ms)"), []);
    assert_eq!((client.connection.footprint(), counted(&mut client)), (Footprint::default(), 1));
    // What was on its way is dropped.
    client.data(1, false, &[7; 10_000]);
    client.call(3, GET, b"next");
    assert_eq!(client.feed().len(), 1);
}

#[test]
fn nobody_is_hurried_while_nobody_waits_or_without_a_limit() {
    let mut client = uploads(1);
    for second in 1..100 {
        assert!(!client.connection.end_stalled(second * SECOND_NS, false));
    }
    client.connection.limits.message_stall_max_ns = 0;
    for second in 100..200 {
        assert!(!client.connection.end_stalled(second * SECOND_NS, true));
    }
    assert_eq!(client.sent(), []);
}

/// Four at once, which share the pace: those that keep it stay, one that is a little slower does not.
#[test]
fn the_pace_is_shared() {
    let mut client = uploads(4);
    let share = MESSAGE_BYTES_PER_SECOND_MIN / 4;
    // More than 4 MiB are not let in, so the last may wait and not count.
    let admitted = client.connection.footprint().declared_bytes >> 20;
    let share = share * 4 / admitted;
    let mut ended = 0;
    for second in 1..20 {
        for call in 0..admitted as u32 {
            if call > 0 || ended == 0 {
                let bytes = if call == 0 { share - 10 } else { share + 10 };
                client.data(2 * call + 1, false, &vec![7; bytes / 2]);
                client.data(2 * call + 1, false, &vec![7; bytes - bytes / 2]);
            }
        }
        client.feed();
        ended += usize::from(client.connection.end_stalled(second * SECOND_NS, ended == 0));
    }
    assert_eq!((ended, counted(&mut client)), (1, 1));
    client.fails(1, RESOURCE_EXHAUSTED, "limits.message_stall_max");
}

/// A connection's own streams that wait are reason enough, and get the room in their order.
#[test]
fn the_room_goes_to_the_next_in_line() {
    let mut client = uploads(20);
    let whole = (1 << 20) + 5;
    let admitted = client.connection.footprint().declared_bytes / whole;
    assert!((1..10).contains(&admitted));
    client.connection.end_stalled(SECOND_NS, false);
    assert!(client.connection.end_stalled(SECOND_NS + STALL_NS, false));
    let granted: Vec<u32> = client
        .sent()
        .into_iter()
        .filter_map(|sent| match sent {
            Sent::Window { stream, .. } => Some(stream),
            _ => None,
        })
        .collect();
    let next: Vec<u32> = (admitted..2 * admitted).map(|call| 2 * call as u32 + 1).collect();
    assert_eq!(granted, next);
    assert_eq!(client.connection.footprint().declared_bytes, admitted * whole);
    assert!(!client.connection.end_stalled(SECOND_NS + STALL_NS + 1, true), "they have their time before them");
    // Room that is for others does not stay here.
    client.connection.set_room(Footprint { declared_bytes: 0, other_bytes: 1 << 20 });
    assert!(client.connection.end_stalled(SECOND_NS + 2 * STALL_NS + 1, true));
    assert_eq!(client.connection.footprint().declared_bytes, 0);
    assert!(client.connection.wants_room_of_process());
}

/// A message that is whole and waits because its client takes no answers holds its room as well.
#[test]
fn whole_messages_that_are_held_back_make_place_too() {
    let mut client = uploads(1);
    client.connection.charge(Limits::DEFAULT.connection_buffer_bytes_max);
    let whole = message(&vec![7; 1 << 20]);
    let mut parts = whole[5..].chunks(16_000).peekable();
    while let Some(part) = parts.next() {
        client.data(1, parts.peek().is_none(), part);
    }
    assert_eq!(client.feed(), []);
    client.sent();
    client.connection.end_stalled(SECOND_NS, true);
    assert!(client.connection.end_stalled(SECOND_NS + STALL_NS, true));
    client.fails(1, RESOURCE_EXHAUSTED, "the call was not executed");
    client.connection.discharge(Limits::DEFAULT.connection_buffer_bytes_max);
    assert_eq!((client.feed(), client.connection.held_bytes()), (Vec::<Seen>::new(), 0));
}
