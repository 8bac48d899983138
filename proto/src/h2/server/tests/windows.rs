//! The windows that the client gives us (RFC 9113 §5.2, §6.9).

use super::client::{Client, GET, Sent, message};
use crate::frame::{ErrorCode, kind, setting, write_settings, write_window_update};
use crate::limits::Limits;
use crate::status::{Code, Status};

/// A client that gives each stream `window` bytes.
fn narrow(window: u32) -> Client {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, window)], &mut client.bytes);
    client.feed();
    assert_eq!(client.sent(), [Sent::SettingsAck]);
    client
}

/// DATA bytes by stream, in order, and whether a frame ended each stream.
fn data(sent: &[Sent]) -> Vec<(u32, usize)> {
    let data =
        |sent: &Sent| if let Sent::Data { stream, bytes, .. } = sent { Some((*stream, bytes.len())) } else { None };
    sent.iter().filter_map(data).collect()
}

fn ended(sent: &[Sent]) -> Vec<u32> {
    let end = |sent: &Sent| if let Sent::Headers { stream, end: true, .. } = sent { Some(*stream) } else { None };
    sent.iter().filter_map(end).collect()
}

fn grow(client: &mut Client, stream: u32, bytes: u32) -> Vec<Sent> {
    write_window_update(stream, bytes, &mut client.bytes);
    client.feed();
    client.sent()
}

#[test]
fn a_reply_waits_for_the_streams_window() {
    let mut client = narrow(6);
    let call = client.called(1, GET, b"");
    client.reply(call, b"0123456789");
    assert!(!client.connection.is_open(call), "it is answered");
    assert_eq!(client.connection.open_calls(), 1, "but not done");
    let mut sent = client.sent();
    assert_eq!((data(&sent), ended(&sent)), (vec![(1, 6)], vec![]));
    assert_eq!(client.connection.held_bytes(), 9);
    sent.extend(grow(&mut client, 1, 8));
    sent.extend(grow(&mut client, 1, 1));
    assert_eq!((data(&sent), ended(&sent)), (vec![(1, 6), (1, 8), (1, 1)], vec![1]));
    let bytes: Vec<u8> = sent
        .iter()
        .flat_map(|sent| if let Sent::Data { bytes, .. } = sent { bytes } else { &[][..] })
        .copied()
        .collect();
    assert_eq!(bytes, message(b"0123456789"));
    assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0));
}

#[test]
fn a_window_of_nothing_sends_headers_and_no_empty_data() {
    let mut client = narrow(0);
    let call = client.called(1, GET, b"");
    client.reply(call, b"");
    let sent = client.sent();
    assert!(matches!(sent[..], [Sent::Headers { end: false, .. }]), "{sent:?}");
    let sent = grow(&mut client, 1, 5);
    assert_eq!((data(&sent), ended(&sent)), (vec![(1, 5)], vec![1]));
}

#[test]
fn a_smaller_initial_window_may_make_windows_negative() {
    let mut client = narrow(20);
    let call = client.called(1, GET, b"");
    client.reply(call, &[7; 25]);
    assert_eq!(data(&client.sent()), [(1, 20)]);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 5)], &mut client.bytes);
    client.feed();
    client.sent();
    assert_eq!(grow(&mut client, 1, 15), [], "from -15 to 0");
    assert_eq!(data(&grow(&mut client, 1, 3)), [(1, 3)]);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 12)], &mut client.bytes);
    client.feed();
    let sent = client.sent();
    assert_eq!((data(&sent), ended(&sent)), (vec![(1, 7)], vec![1]), "a larger one releases what waits");
}

#[test]
fn windows_that_overflow_are_errors() {
    let mut client = Client::ready();
    client.called(1, GET, b"");
    write_window_update(1, 0x7fff_ffff, &mut client.bytes);
    client.resets(1, ErrorCode::FlowControlError);

    let mut client = Client::ready();
    client.called(1, GET, b"");
    write_window_update(1, 0x7fff_ffff - 65_535, &mut client.bytes);
    client.feed();
    assert_eq!(client.sent(), []);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 65_536)], &mut client.bytes);
    client.dies(ErrorCode::FlowControlError);

    let mut client = Client::ready();
    client.called(1, GET, b"");
    client.raw(kind::WINDOW_UPDATE, 0, 1, &[0; 4]);
    client.resets(1, ErrorCode::ProtocolError);

    for payload in [&[0, 0, 1][..], &[0, 0, 0, 1, 0]] {
        let mut client = Client::ready();
        client.called(1, GET, b"");
        client.raw(kind::WINDOW_UPDATE, 0, 1, payload);
        client.dies(ErrorCode::FrameSizeError);
    }
}

#[test]
fn streams_share_the_connections_window_in_turn() {
    let mut client = narrow(1 << 20);
    let calls: Vec<_> = [1, 3, 5].map(|stream| client.called(stream, GET, b"")).into();
    for call in &calls {
        client.reply(*call, &[7; 60_000]);
    }
    let sent = client.sent();
    let bytes: usize = data(&sent).iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(bytes, 65_535);
    assert_eq!(ended(&sent), [1]);
    // Two streams wait; each grant is shared in turns of one frame.
    let sent = grow(&mut client, 0, 4 * 16_384);
    let turns: Vec<u32> = data(&sent).iter().map(|(stream, _)| *stream).collect();
    assert_eq!(turns, [3, 5, 3, 5]);
    let sent = grow(&mut client, 0, 1 << 20);
    assert_eq!(ended(&sent), [3, 5]);
    assert_eq!(client.connection.held_bytes(), 0);
}

#[test]
fn frames_are_as_long_as_the_client_accepts() {
    let mut client = narrow(1 << 20);
    write_window_update(0, 1 << 20, &mut client.bytes);
    let call = client.called(1, GET, b"");
    client.reply(call, &[7; 40_000]);
    assert_eq!(data(&client.sent()), [(1, 16_384), (1, 16_384), (1, 40_005 - 2 * 16_384)]);
    write_settings(&[(setting::MAX_FRAME_SIZE, 1 << 20)], &mut client.bytes);
    let call = client.called(3, GET, b"");
    client.reply(call, &[7; 40_000]);
    assert_eq!(data(&client.sent()), [(3, 40_005)]);
}

#[test]
fn a_reset_gives_up_what_waits() {
    let mut client = narrow(0);
    let call = client.called(1, GET, b"");
    client.reply(call, &[7; 100]);
    client.sent();
    client.raw(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    assert_eq!(client.feed(), [], "it was answered, so that nobody needs to hear of it");
    assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0));
    assert_eq!(grow(&mut client, 0, 1_000), []);
}

#[test]
fn a_status_waits_behind_what_waits() {
    let mut client = narrow(5);
    let call = client.called(1, super::client::SCAN, b"");
    client.send(call, b"abc");
    client.connection.finish(call, &Status::new(Code::Aborted, "later"), &[("prism-x", "y")]);
    client.connection.finish(call, &Status::OK, &[]);
    let sent = client.sent();
    assert_eq!((data(&sent), ended(&sent)), (vec![(1, 5)], vec![]));
    let sent = grow(&mut client, 1, 100);
    assert_eq!(data(&sent), [(1, 3)]);
    assert_eq!(sent[1].field("grpc-status"), Some("10"));
    assert_eq!(sent[1].field("prism-x"), Some("y"));
    assert_eq!(sent.len(), 2);
}

#[test]
fn what_waits_is_bounded() {
    let limits = Limits { message_bytes_max: 1_000, connection_buffer_bytes_max: 2_000, ..Limits::DEFAULT };
    let mut client = Client::ready_with(limits);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    let calls: Vec<_> = [1, 3, 5].map(|stream| client.called(stream, GET, b"")).into();
    client.sent();
    client.reply(calls[0], &[7; 1_000]);
    client.sent();
    client.reply(calls[1], &[7; 1_001]);
    assert_eq!(client.sent_one().field("grpc-status"), Some("8"), "longer than a message may be");
    client.reply(calls[2], &[7; 1_000]);
    let sent = client.sent_one();
    assert_eq!(sent.field("grpc-status"), Some("8"));
    assert!(sent.field("grpc-message").is_some_and(|said| said.contains("limits.connection_buffer_bytes_max")));
}

/// Feeds what was built and answers each call before the next is polled.
fn answer_each(client: &mut Client) -> Vec<u32> {
    let bytes = std::mem::take(&mut client.bytes);
    let input = client.connection.begin(&bytes);
    let mut told = Vec::new();
    while let Some(event) = client.connection.poll(&input, 0) {
        let crate::h2::Event::Unary(call) = event else { panic!("{event:?}") };
        client.connection.reply(call.stream, 900, |out| out.extend_from_slice(&[7; 900]));
        told.push(call.stream.id);
    }
    client.connection.end(input);
    told
}

/// Replies that wait hold further calls back, and none fails for want of room.
#[test]
fn a_slow_reader_is_executed_slowly() {
    let limits = Limits { message_bytes_max: 1_000, connection_buffer_bytes_max: 4_000, ..Limits::DEFAULT };
    let mut client = Client::ready_with(Limits { streams_per_connection_max: 16, ..limits });
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    client.feed();
    let mut told = Vec::new();
    for stream in [1, 3, 5, 7, 9, 11] {
        client.call(stream, GET, &[stream as u8]);
        told.extend(answer_each(&mut client));
        assert!(client.connection.held_bytes() <= limits.connection_buffer_bytes_max);
        client.sent();
    }
    assert_eq!(told, [1, 3], "two replies are more than a quarter of the limit");
    client.raw(kind::RST_STREAM, 0, 7, &[0, 0, 0, 8]);
    assert_eq!(client.feed(), [], "nobody has heard of it");
    assert_eq!(client.connection.parked.len(), 3);
    let mut ended_streams = Vec::new();
    for stream in [1, 3, 5, 9, 11] {
        write_window_update(stream, 905, &mut client.bytes);
        told.extend(answer_each(&mut client));
        let sent = client.sent();
        assert!(
            sent.iter().all(|sent| !matches!(sent, Sent::Headers { end: true, .. }) || sent.field(":status").is_none())
        );
        ended_streams.extend(ended(&sent));
    }
    assert_eq!(told, [1, 3, 5, 9, 11]);
    assert_eq!(ended_streams, [1, 3, 5, 9, 11]);
    assert_eq!((client.connection.open_calls(), client.connection.held_bytes()), (0, 0));
}

/// The peer may hold us to its former window until it has read that we know of the new one.
#[test]
fn a_larger_initial_window_is_acknowledged_before_it_is_used() {
    let mut client = narrow(20);
    let call = client.called(1, GET, b"");
    client.reply(call, &[7; 25]);
    assert_eq!(data(&client.sent()), [(1, 20)]);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 100)], &mut client.bytes);
    client.feed();
    let sent = client.sent();
    assert_eq!(sent[0], Sent::SettingsAck, "{sent:?}");
    assert_eq!((data(&sent), ended(&sent)), (vec![(1, 10)], vec![1]));
}
