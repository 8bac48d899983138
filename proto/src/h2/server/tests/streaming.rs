//! Client streams and server streams.

use super::client::{Client, REFLECTION, SCAN, Seen, Sent, message, request};
use crate::frame::{setting, write_settings, write_window_update};
use crate::h2::{StreamRef, append_message};
use crate::limits::{Limits, STREAM_WINDOW_BYTES};
use crate::method::id;
use crate::status::{Code, Status};

fn opened(client: &mut Client, stream: u32) -> StreamRef {
    client.open(stream, REFLECTION);
    let seen = client.feed();
    let [Seen::Opened { stream, method, deadline_ns: None }] = seen[..] else { panic!("{seen:?}") };
    assert_eq!(method, id::REFLECTION_V1_SERVER_REFLECTION_INFO);
    stream
}

#[test]
fn a_client_stream_is_told_of_message_by_message() {
    let mut client = Client::ready();
    let call = opened(&mut client, 1);
    let bytes = [message(b"one"), message(b""), message(b"three")].concat();
    client.data(1, false, &bytes[..bytes.len() - 2]);
    let content = |content: &[u8]| Seen::Message { stream: call, message: content.to_vec() };
    assert_eq!(client.feed(), [content(b"one"), content(b"")]);
    client.data(1, true, &[&bytes[bytes.len() - 2..], &message(b"four")].concat());
    assert_eq!(client.feed(), [content(b"three"), content(b"four"), Seen::HalfClosed(call)]);
    client.send(call, b"answer");
    client.connection.finish(call, &Status::OK, &[]);
    let sent = client.sent();
    assert!(matches!(sent[0], Sent::Headers { end: false, .. }));
    assert_eq!(sent[1], Sent::Data { stream: 1, bytes: message(b"answer"), end: false });
    assert!(matches!(sent[2], Sent::Headers { end: true, .. }));
    assert_eq!(sent.len(), 3);
}

#[test]
fn a_client_stream_may_be_empty() {
    let mut client = Client::ready();
    client.headers(1, true, &request(REFLECTION));
    let seen = client.feed();
    let [Seen::Opened { stream, .. }, Seen::HalfClosed(same)] = seen[..] else { panic!("{seen:?}") };
    assert_eq!(stream, same);
}

#[test]
fn a_client_stream_that_breaks_is_reset_for_the_application() {
    for (bytes, end, status) in
        [(vec![2, 0, 0, 0, 0], false, "13"), (vec![0, 0], true, "13"), (vec![0, 9, 0, 0, 0], false, "8")]
    {
        let mut client = Client::ready();
        let call = opened(&mut client, 1);
        client.data(1, end, &bytes);
        assert_eq!(client.fails(1, status, ""), [Seen::Reset(call)]);
        assert!(!client.connection.is_open(call));
    }
}

#[test]
fn a_client_streams_window_comes_back() {
    let mut client = Client::ready();
    let call = opened(&mut client, 1);
    let (mut window, mut updates) = (i64::from(STREAM_WINDOW_BYTES), 0);
    let bytes = message(&[7; 995]);
    for _ in 0..100 {
        window -= bytes.len() as i64;
        assert!(window >= 0);
        client.data(1, false, &bytes);
        assert_eq!(client.feed(), [Seen::Message { stream: call, message: vec![7; 995] }]);
        for sent in client.sent() {
            let Sent::Window { stream: 1, increment } = sent else { panic!("{sent:?}") };
            updates += 1;
            window += i64::from(increment);
        }
    }
    assert!(updates <= 17, "{updates} updates for 100 messages");
}

#[test]
fn a_call_that_the_application_ends_between_two_messages_has_no_more() {
    let mut client = Client::ready();
    client.open(1, REFLECTION);
    client.data(1, false, &[message(b"a"), message(b"b")].concat());
    let bytes = std::mem::take(&mut client.bytes);
    let input = client.connection.begin(&bytes);
    let mut seen = 0;
    while let Some(event) = client.connection.poll(&input, 0) {
        seen += 1;
        if let crate::h2::Event::Message { stream, .. } = event {
            client.connection.finish(stream, &Status::new(Code::Unavailable, "draining"), &[]);
        }
    }
    client.connection.end(input);
    assert_eq!(seen, 2, "the opening and one message");
    assert_eq!(client.connection.open_calls(), 0);
}

/// A method whose request is one message is told of once, whatever its reply is.
#[test]
fn a_server_stream_opens_sends_and_finishes() {
    let mut client = Client::ready();
    let call = client.called(1, SCAN, b"prefix");
    client.connection.open(call, &[("prism-from", "0-12")]);
    let sent = client.sent_one();
    assert_eq!(sent.field("prism-from"), Some("0-12"));
    assert!(matches!(sent, Sent::Headers { end: false, .. }));
    client.send(call, b"a");
    client.send(call, b"b");
    client.connection.finish(call, &Status::OK, &[("prism-next-offset", "7")]);
    let sent = client.sent();
    assert_eq!(sent[0], Sent::Data { stream: 1, bytes: message(b"a"), end: false });
    assert_eq!(sent[1], Sent::Data { stream: 1, bytes: message(b"b"), end: false });
    assert_eq!(sent[2].field("grpc-status"), Some("0"));
    assert_eq!(sent[2].field("prism-next-offset"), Some("7"));
    assert_eq!(sent[2].field(":status"), None, "trailers have no second status line");
}

/// Messages that are there together go in one frame, and what finds no window waits as if each had been sent alone.
#[test]
fn messages_that_are_sent_together_are_framed_together() {
    let contents: Vec<Vec<u8>> = (0..100).map(|length| vec![length; usize::from(length)]).collect();
    let together: Vec<u8> = contents.iter().flat_map(|content| message(content)).collect();
    let send_all = |client: &mut Client, call| {
        client.connection.send_all(call, together.len(), |out| {
            for content in &contents {
                append_message(out, content.len(), |out| out.extend_from_slice(content));
            }
        });
    };
    let mut client = Client::ready();
    let call = client.called(1, SCAN, b"prefix");
    send_all(&mut client, call);
    let sent = client.sent();
    assert!(matches!(sent[0], Sent::Headers { end: false, .. }));
    assert_eq!(sent[1..], [Sent::Data { stream: 1, bytes: together.clone(), end: false }]);
    client.connection.send_all(call, 0, |_| {});
    assert_eq!(client.sent(), [], "an empty frame says nothing");

    let mut narrow = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 1_000)], &mut narrow.bytes);
    let call = narrow.called(1, SCAN, b"prefix");
    send_all(&mut narrow, call);
    narrow.connection.finish(call, &Status::OK, &[]);
    write_window_update(1, 1 << 20, &mut narrow.bytes);
    narrow.feed();
    let data = narrow.sent().into_iter().filter_map(|sent| match sent {
        Sent::Data { bytes, .. } => Some(bytes),
        _ => None,
    });
    assert_eq!(data.collect::<Vec<_>>().concat(), together);
    assert_eq!(narrow.connection.open_calls(), 0);
}

#[test]
fn a_long_metadata_block_is_cut_into_continuations() {
    let mut client = Client::ready();
    let call = client.called(1, SCAN, b"");
    let value = "\u{7f}".repeat(40_000);
    client.connection.open(call, &[("x", &value)]);
    let bytes = std::mem::take(client.connection.output());
    let mut rest = &bytes[..];
    let mut kinds = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk() {
        let head = crate::frame::Head::parse(head);
        assert!(head.length <= 16_384);
        kinds.push((head.kind, head.flags));
        rest = &after[head.length as usize..];
    }
    use crate::frame::{flag::END_HEADERS, kind};
    assert_eq!(kinds.first(), Some(&(kind::HEADERS, 0)));
    assert_eq!(kinds.last(), Some(&(kind::CONTINUATION, END_HEADERS)));
}

#[test]
fn a_slow_reader_is_written_to_when_there_is_room() {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 10)], &mut client.bytes);
    let call = client.called(1, SCAN, b"");
    client.connection.open(call, &[]);
    assert_eq!(client.connection.writable_bytes(call), 5);
    client.send(call, b"12345678");
    assert_eq!(client.connection.writable_bytes(call), 0);
    write_window_update(1, 2, &mut client.bytes);
    assert_eq!(client.feed(), [], "some still waits");
    write_window_update(1, 1, &mut client.bytes);
    assert_eq!(client.feed(), [Seen::Writable(call)], "nothing waits");
    assert_eq!(client.connection.writable_bytes(call), 0);
    write_window_update(1, 1, &mut client.bytes);
    assert_eq!(client.feed(), [Seen::Writable(call)], "it may give no more before this is used");
    assert_eq!(client.connection.writable_bytes(call), 1);
    write_window_update(1, 6, &mut client.bytes);
    assert_eq!(client.feed(), []);
    assert_eq!(client.connection.writable_bytes(call), 2);
    write_window_update(1, 1, &mut client.bytes);
    assert_eq!(client.feed(), [], "told once");
}

#[test]
fn the_connections_window_wakes_all_that_starve() {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)], &mut client.bytes);
    let calls: Vec<_> = [1, 3, 5].map(|stream| client.called(stream, SCAN, b"")).into();
    client.send(calls[0], &[7; 65_530]);
    client.sent();
    for call in &calls[1..] {
        assert_eq!(client.connection.writable_bytes(*call), 0);
        assert_eq!(client.connection.writable_bytes(*call), 0);
    }
    write_window_update(0, 1_000, &mut client.bytes);
    assert_eq!(client.feed(), [Seen::Writable(calls[1]), Seen::Writable(calls[2])]);
    assert!(client.connection.starved.is_empty());
}

#[test]
fn a_request_that_ends_while_its_answer_waits_is_not_reset() {
    for ends in [true, false] {
        let mut client = Client::ready();
        write_settings(&[(setting::INITIAL_WINDOW_SIZE, 5)], &mut client.bytes);
        let call = opened(&mut client, 1);
        client.send(call, b"abc");
        client.connection.finish(call, &Status::OK, &[]);
        client.sent();
        client.data(1, ends, &message(b"nobody listens"));
        write_window_update(1, 3, &mut client.bytes);
        assert_eq!(client.feed(), []);
        let sent = client.sent();
        assert!(matches!(sent[1], Sent::Headers { end: true, .. }), "{sent:?}");
        assert_eq!(sent.len(), if ends { 2 } else { 3 }, "{sent:?}");
    }
}

/// A stream that is fed while it waits keeps only what it has yet to send.
#[test]
fn what_has_gone_is_not_kept() {
    let mut client = Client::ready();
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    let call = client.called(1, SCAN, b"");
    client.send(call, &[0; 995]);
    for _ in 0..1_000 {
        client.send(call, &[0; 995]);
        write_window_update(1, 1_000, &mut client.bytes);
        write_window_update(0, 1_000, &mut client.bytes);
        client.feed();
        client.sent();
    }
    let slot = call.slot as usize;
    assert_eq!(client.connection.streams[slot].outbound.waiting_bytes(), 1_000);
    assert!(client.connection.streams[slot].outbound.waiting_mut().capacity() < 16_000);
}

#[test]
fn a_stream_that_overruns_the_buffer_fails() {
    let limits = Limits { message_bytes_max: 1_000, connection_buffer_bytes_max: 2_000, ..Limits::DEFAULT };
    let mut client = Client::ready_with(limits);
    write_settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], &mut client.bytes);
    let call = client.called(1, SCAN, b"");
    client.sent();
    client.send(call, &[7; 900]);
    client.sent();
    client.send(call, &[7; 900]);
    client.send(call, &[7; 900]);
    assert!(!client.connection.is_open(call));
    assert_eq!(client.feed(), [Seen::Reset(call)]);
    write_window_update(1, 10_000, &mut client.bytes);
    client.fails(1, "8", "limits.connection_buffer_bytes_max");
}
