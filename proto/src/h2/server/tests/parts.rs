//! DATA that is taken before its frame is whole.

use super::client::{Client, GET, Seen, Sent, message};
use crate::frame::{ErrorCode, HEAD_BYTES};
use crate::h2::LargeBuffers;
use crate::limits::{LARGE_MESSAGE_SPARE_BYTES, STREAM_WINDOW_BYTES};
use crate::status::{Code, Status};

const WINDOW: usize = STREAM_WINDOW_BYTES as usize;

/// A client whose large message is admitted after its first part, and the frames of the rest.
fn admitted(content: &[u8]) -> (Client, Vec<u8>) {
    let mut client = Client::ready();
    let whole = message(content);
    client.open(1, GET);
    client.data(1, false, &whole[..WINDOW]);
    assert_eq!(client.feed(), []);
    client.sent();
    let mut parts = whole[WINDOW..].chunks(16_384).peekable();
    while let Some(part) = parts.next() {
        client.data(1, parts.peek().is_none(), part);
    }
    let bytes = std::mem::take(&mut client.bytes);
    (client, bytes)
}

/// Content that reads like the next call, at every place where a frame could begin.
fn deceptive() -> Vec<u8> {
    let mut client = Client::ready();
    client.open(1, GET);
    client.bytes.clear();
    client.call(3, GET, b"never sent");
    client.bytes.repeat(150_000 / client.bytes.len())
}

#[test]
fn a_message_is_the_same_however_its_frames_are_cut() {
    let content = deceptive();
    for part_bytes in [1, 8, 9, 10, 100, 8_192, 16_393, 40_000] {
        for effort in [1, 3, usize::MAX] {
            let (mut client, bytes) = admitted(&content);
            let mut seen = Vec::new();
            for part in bytes.chunks(part_bytes) {
                client.connection.set_effort(effort);
                seen.extend(client.feed_bytes(part));
            }
            while client.connection.has_more() {
                client.connection.set_effort(effort);
                seen.extend(client.feed_bytes(&[]));
            }
            let is_whole = matches!(&seen[..], [Seen::Unary { message, .. }] if *message == content);
            assert!(is_whole, "parts of {part_bytes}, effort {effort}: {} events", seen.len());
            assert_eq!((client.connection.held_bytes(), client.connection.kept_bytes()), (0, 0));
            assert_eq!(client.sent().len(), 0);
        }
    }
}

#[test]
fn a_part_of_a_frame_is_not_kept_beside_its_message() {
    let (mut client, bytes) = admitted(&[7; 100_000]);
    client.feed_bytes(&bytes[..HEAD_BYTES + 1_000]);
    assert_eq!(client.connection.kept_bytes(), 0);
    assert_eq!(client.connection.held_bytes(), WINDOW + 1_000);
}

#[test]
fn the_rest_of_a_frame_is_dropped_when_its_call_has_ended() {
    let content = deceptive();
    for cut in [HEAD_BYTES + 1, 1_000, 16_000] {
        let (mut client, bytes) = admitted(&content);
        client.feed_bytes(&bytes[..cut]);
        client.connection.cut_all(0, &Status::new(Code::Aborted, "enough"));
        assert_eq!(client.connection.held_bytes() - client.connection.output().len(), 0);
        assert_eq!(client.feed_bytes(&bytes[cut..]), []);
        client.sent();
        assert_eq!(client.called(3, GET, b"next").id, 3);
    }
}

#[test]
fn what_breaks_a_rule_waits_for_its_whole_frame() {
    let (mut client, _) = admitted(&[7; 100_000]);
    client.data(1, false, &[7; 16_384]);
    client.data(1, true, &[7; 16_000]);
    let bytes = std::mem::take(&mut client.bytes);
    for part in bytes.chunks(1_000) {
        assert_eq!(client.feed_bytes(part), []);
    }
    let told = client.sent();
    assert!(
        told.iter().any(|sent| matches!(sent, Sent::Reset { .. }) || matches!(sent, Sent::Headers { end: true, .. })),
        "a request that ends inside its message is refused: {told:?}"
    );
    let (mut client, _) = admitted(&[7; 20_000]);
    client.data(1, false, &[7; 16_384]);
    client.data(1, false, &[7; 16_384]);
    let bytes = std::mem::take(&mut client.bytes);
    client.feed_bytes(&bytes[..bytes.len() - 1]);
    client.bytes.extend_from_slice(&bytes[bytes.len() - 1..]);
    client.resets(1, ErrorCode::FlowControlError);
}

#[test]
fn the_buffer_of_a_large_message_serves_again() {
    let content = vec![7; 1 << 20];
    let mut lent = LargeBuffers::default();
    let mut kept = Vec::new();
    for _ in 0..3 {
        let (mut client, bytes) = admitted(&content);
        client.connection.lend(std::mem::take(&mut lent));
        let input = client.connection.begin(&bytes);
        while let Some(event) = client.connection.poll(&input, 0) {
            let crate::h2::Event::Unary(call) = event else { panic!("{event:?}") };
            assert!(*call.message == content);
            kept.push(call.message.as_ptr());
            client.connection.recycle(call.message);
        }
        client.connection.end(input);
        lent = client.connection.take_back();
        assert_eq!(lent.bytes(), content.len() + LARGE_MESSAGE_SPARE_BYTES);
    }
    assert!(kept.len() == 3 && kept[0] == kept[1] && kept[1] == kept[2], "one buffer for all");
    // The call ends before its message is whole.
    let (mut client, bytes) = admitted(&content);
    client.connection.lend(lent);
    client.feed_bytes(&bytes[..50_000]);
    client.connection.cut_all(0, &Status::new(Code::Aborted, "enough"));
    assert_eq!(client.connection.take_back().bytes(), content.len() + LARGE_MESSAGE_SPARE_BYTES);
}

#[test]
fn a_message_is_taken_even_when_the_turns_share_is_used_up() {
    let content = deceptive();
    let (mut client, bytes) = admitted(&content);
    client.connection.set_effort(0);
    for part in bytes.chunks(10_000) {
        assert_eq!(client.feed_bytes(part), []);
        assert!(client.connection.kept_bytes() < HEAD_BYTES, "{}", client.connection.kept_bytes());
    }
    assert!(client.connection.has_more(), "the call waits for the next turn");
    client.open(3, GET);
    let after = std::mem::take(&mut client.bytes);
    assert_eq!(client.feed_bytes(&after), []);
    assert_eq!(client.connection.kept_bytes(), after.len(), "nothing else is dealt with");
    client.connection.set_effort(usize::MAX);
    let seen = client.feed_bytes(&[]);
    assert!(matches!(&seen[..], [Seen::Unary { message, .. }] if *message == content), "{} events", seen.len());
}
