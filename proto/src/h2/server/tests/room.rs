//! What a connection takes of memory: answers that cannot leave are not built, and what is counted is what is held.

use super::client::{Client, GET, Sent, message};
use crate::frame::{kind, setting, write_settings, write_window_update};
use crate::h2::Event;
use crate::h2::server::Footprint;
use crate::limits::{Limits, SMALL_REPLY_BYTES, UNSENT_BYTES_MAX};

/// A client that gives all the window there is.
fn wide() -> Client {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0x7fff_ffff)], &mut client.bytes);
    write_window_update(0, 0x7fff_0000 - 65_535, &mut client.bytes);
    client.feed();
    client.sent();
    client
}

/// Polls and answers each call with so many bytes as long as there is room; the number of calls that were told of.
fn answer_while_told(client: &mut Client, reply_bytes: usize) -> usize {
    let bytes = std::mem::take(&mut client.bytes);
    let input = client.connection.begin(&bytes);
    let mut told = 0;
    while let Some(event) = client.connection.poll(&input, 0) {
        let Event::Unary(call) = event else { panic!("{event:?}") };
        client.connection.reply(call.stream, reply_bytes, |out| out.resize(out.len() + reply_bytes, 7));
        told += 1;
    }
    client.connection.end(input);
    told
}

/// As the driver does: takes the output and says what it holds of it.
fn take(client: &mut Client) -> Vec<u8> {
    let taken = std::mem::take(client.connection.output());
    client.connection.set_sending(taken.len());
    taken
}

#[test]
fn no_call_is_told_of_while_much_is_unsent_wherever_that_is() {
    let mut client = wide();
    for stream in 0..100 {
        client.call(2 * stream + 1, GET, b"");
    }
    let reply_bytes = UNSENT_BYTES_MAX / 4;
    assert_eq!(answer_while_told(&mut client, reply_bytes), 4, "until more than that is unsent");
    let sending = take(&mut client);
    assert!(client.connection.wants_pause(), "the driver has it, which is no better");
    assert_eq!(answer_while_told(&mut client, reply_bytes), 0);
    assert!(client.connection.held_bytes() < 2 * UNSENT_BYTES_MAX);
    drop(sending);
    client.connection.set_sending(0);
    assert_eq!(answer_while_told(&mut client, reply_bytes), 4);
    // All of it in the end.
    let mut answered = 8;
    while answered < 100 {
        drop(take(&mut client));
        client.connection.set_sending(0);
        let told = answer_while_told(&mut client, reply_bytes);
        assert!(told > 0, "{answered} were answered");
        answered += told;
    }
}

#[test]
fn a_large_reply_takes_no_more_memory_than_it_needs() {
    let mut client = wide();
    let reply_bytes = 600_000;
    client.call(1, GET, b"");
    client.call(3, GET, b"");
    assert_eq!(answer_while_told(&mut client, reply_bytes), 2);
    let output = client.connection.output();
    assert!(output.capacity() < 2 * reply_bytes + 10_000, "{} of {}", output.capacity(), output.len());
}

/// The client opens its window but for the last byte: what has gone must not stay in memory for that.
#[test]
fn the_memory_of_a_waiting_reply_goes_with_its_bytes() {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    client.feed();
    let call = client.called(1, GET, b"");
    let reply = vec![7; 1_000_000];
    client.reply(call, &reply);
    client.sent();
    assert!(client.connection.held_bytes() >= reply.len());
    write_window_update(0, 2_000_000, &mut client.bytes);
    write_window_update(1, 1_000_004, &mut client.bytes);
    client.feed();
    let output_bytes = take(&mut client).len();
    client.connection.set_sending(0);
    assert!(output_bytes > reply.len());
    let held = client.connection.held_bytes();
    assert!(held <= 2 * SMALL_REPLY_BYTES, "one byte waits, {held} are held");
    let slot = client.connection.streams.resolve(call).expect("it is not done");
    let capacity = client.connection.streams[slot].outbound.buffer_capacity();
    assert!(capacity <= 2 * SMALL_REPLY_BYTES, "{capacity}");
    write_window_update(1, 1, &mut client.bytes);
    client.feed();
    assert!(matches!(client.sent()[..], [Sent::Data { .. }, Sent::Headers { end: true, .. }]));
    assert_eq!((client.connection.held_bytes(), client.connection.open_calls()), (0, 0));
}

#[test]
fn a_reply_that_waits_comes_whole() {
    for window in [1, 1_000, 70_000, 200_000] {
        let mut client = Client::ready();
        write_settings(&[(setting::INITIAL_WINDOW_SIZE, window)], &mut client.bytes);
        client.feed();
        client.sent();
        let call = client.called(1, GET, b"");
        let reply: Vec<u8> = (0..250_000_u32).map(|at| (at % 251) as u8).collect();
        client.reply(call, &reply);
        let mut bytes = Vec::new();
        let mut ended = false;
        while !ended {
            for sent in client.sent() {
                match sent {
                    Sent::Data { bytes: part, .. } => bytes.extend(part),
                    Sent::Headers { end, .. } => ended |= end,
                    _ => {}
                }
            }
            write_window_update(0, 30_000, &mut client.bytes);
            write_window_update(1, 30_000, &mut client.bytes);
            client.feed();
        }
        assert!(bytes == message(&reply), "a window of {window}");
    }
}

#[test]
fn a_large_reply_has_room_when_little_waits() {
    let mut client = wide();
    let connection = &mut client.connection;
    let most = Limits::DEFAULT.message_bytes_max;
    assert!(connection.has_room_for_reply(most));
    connection.charge(UNSENT_BYTES_MAX);
    assert!(connection.has_room_for_reply(most), "little is charged");
    connection.charge(1);
    assert!(!connection.has_room_for_reply(SMALL_REPLY_BYTES + 1));
    assert!(connection.has_room_for_reply(SMALL_REPLY_BYTES), "small ones always have room");
    connection.discharge(1);
    connection.set_sending(1);
    assert!(!connection.has_room_for_reply(most), "what is being sent counts as well");
    connection.set_sending(0);
    connection.set_room(Footprint { declared_bytes: 0, other_bytes: UNSENT_BYTES_MAX + most });
    assert!(connection.has_room_for_reply(most));
    connection.set_room(Footprint { declared_bytes: 0, other_bytes: UNSENT_BYTES_MAX + most - 1 });
    assert!(!connection.has_room_for_reply(most) && connection.is_short_of_room(most));
}

#[test]
fn charges_hold_calls_back() {
    let mut client = Client::ready();
    client.connection.charge(Limits::DEFAULT.connection_buffer_bytes_max / 4 + 1);
    client.call(1, GET, b"kept");
    assert_eq!(client.feed(), []);
    client.connection.discharge(1);
    assert_eq!(client.feed().len(), 1);
}

#[test]
fn a_large_message_waits_for_the_process_and_comes_when_there_is_room() {
    let mut client = Client::ready();
    let whole = message(&vec![7; 1 << 20]);
    client.connection.set_room(Footprint { declared_bytes: whole.len() - 1, other_bytes: 1 << 20 });
    client.open(1, GET);
    client.data(1, false, &whole[..client.connection.stream_window_bytes as usize]);
    client.feed();
    assert_eq!(client.sent(), [], "no window is granted");
    assert!(client.connection.wants_room_of_process());
    client.connection.set_room(Footprint { declared_bytes: whole.len(), other_bytes: 1 << 20 });
    client.feed();
    assert!(matches!(client.sent()[..], [Sent::Window { stream: 1, .. }]));
    assert!(!client.connection.wants_room_of_process());
    assert_eq!(client.connection.footprint(), Footprint { declared_bytes: whole.len(), other_bytes: 0 });
    client.raw(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    client.feed();
    assert_eq!(client.connection.footprint(), Footprint::default());
}

#[test]
fn a_part_of_a_message_that_the_process_has_no_room_for_fails_its_call() {
    let mut client = Client::ready();
    client.connection.set_room(Footprint { declared_bytes: 1 << 20, other_bytes: 1_000 });
    client.open(1, GET);
    client.data(1, false, &message(&[7; 5_000])[..2_000]);
    client.fails(1, "8", "limits.buffer_bytes_max");
    // What comes whole needs no room.
    client.call(3, GET, &[7; 5_000]);
    assert_eq!(client.feed().len(), 1);
}

#[test]
fn an_idle_connection_gives_its_memory_back() {
    let mut client = wide();
    for round in 0..100 {
        for stream in 0..50 {
            let id = 2 * (50 * round + stream) + 1;
            client.open(id, GET);
            client.data(id, false, &message(&[7; 10_000])[..5_000]);
            client.data(id, true, &message(&[7; 10_000])[5_000..]);
        }
        let bytes = std::mem::take(&mut client.bytes);
        for part in bytes.chunks(8_192) {
            client.bytes = part.to_vec();
            answer_while_told(&mut client, 100);
        }
        client.sent();
    }
    client.connection.trim();
    let connection = &mut client.connection;
    assert_eq!((connection.kept.capacity(), connection.output.capacity(), connection.streams.slots().len()), (0, 0, 0));
    // And goes on as if nothing had been.
    client.call(20_001, GET, b"");
    assert_eq!(answer_while_told(&mut client, 10), 1);
    assert_eq!(client.sent().len(), 3);
}

/// However full the process is, a connection has its few KiB of answers on their way, and goes on once they have left.
#[test]
fn small_answers_are_bounded_by_the_process_as_well() {
    let mut client = wide();
    client.connection.set_room(Footprint { declared_bytes: 0, other_bytes: 16 << 10 });
    for stream in 0..100 {
        client.call(2 * stream + 1, GET, b"");
    }
    let mut answered = 0;
    while answered < 100 {
        let told = answer_while_told(&mut client, SMALL_REPLY_BYTES);
        assert!(told > 0 && client.connection.output().len() <= (16 << 10) + 2 * SMALL_REPLY_BYTES, "{told}");
        assert!(told <= 4 && (answered + told == 100 || client.connection.wants_pause()));
        answered += told;
        drop(take(&mut client));
        client.connection.set_sending(0);
    }
}

/// The same when the client's windows keep them: calls are held back, and told of once there is room or a window.
#[test]
fn answers_that_wait_for_windows_are_bounded_by_the_process_as_well() {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    let room = Footprint { declared_bytes: 0, other_bytes: 16 << 10 };
    client.connection.set_room(room);
    for stream in 0..10 {
        client.call(2 * stream + 1, GET, b"");
    }
    let told = answer_while_told(&mut client, SMALL_REPLY_BYTES);
    assert!((3..5).contains(&told) && client.connection.is_held_back_by_process(), "{told}");
    client.connection.set_room(Footprint { other_bytes: 24 << 10, ..room });
    let more = answer_while_told(&mut client, SMALL_REPLY_BYTES);
    assert!((1..4).contains(&more) && client.connection.is_held_back_by_process(), "{more}");
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535)], &mut client.bytes);
    let mut answered = told + more;
    while answered < 10 {
        let told = answer_while_told(&mut client, SMALL_REPLY_BYTES);
        assert!(told > 0, "{answered} were answered");
        answered += told;
        drop(take(&mut client));
        client.connection.set_sending(0);
    }
    assert!(!client.connection.is_held_back_by_process());
}
